"""Walls: what a process that handles a stranger's file may still do — Linux's Landlock, seccomp and limits.

Put up by the process itself, before it opens the file, and for good. Landlock: files are read where Python and its
packages lie and in one folder, of which one file can be written. Seccomp: no new processes and programs, no sockets, no
signals to others, no changes of permissions. Neither needs rights or other programs; where a kernel lacks one, `raised`
does not name it.
"""

import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

_READ = (
    "/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/zero", "/dev/urandom",
    "/dev/random", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu",
)  # fmt: skip
_WRITE = ("/dev/null",)

# linux/landlock.h; the numbers of the calls are the same on every architecture.
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_BASIC = (1 << 13) - 1  # the thirteen rights of the first version
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2

# What is denied, by the numbers of each architecture (asm/unistd_64.h, asm-generic/unistd.h): programs and processes,
# sockets, signals, tracing, namespaces and mounts, permissions and owners, and rings, which go around this filter.
_DENIED = {
    "x86_64": (0xC000003E, 56, 302, (
        57, 58, 59, 322, 41, 53, 62, 200, 234, 129, 297, 424, 101, 310, 311, 272, 308, 165, 166, 155, 161, 90, 91, 92,
        93, 94, 268, 260, 452, 188, 189, 190, 197, 198, 199, 132, 235, 261, 280, 425, 426, 427, 248, 249, 250, 321,
        298, 323, 175, 313, 246, 169, 428, 429, 430, 432, 442, 29, 68, 240, 434, 438,
    )),
    "aarch64": (0xC00000B7, 220, 261, (
        221, 281, 198, 199, 129, 130, 131, 138, 240, 424, 117, 270, 271, 97, 268, 40, 39, 41, 51, 52, 53, 54, 55, 452,
        5, 6, 7, 14, 15, 16, 88, 425, 426, 427, 217, 218, 219, 280, 241, 282, 104, 105, 273, 142, 428, 429, 430, 432,
        442, 194, 186, 180, 434, 438,
    )),
}  # fmt: skip
_CLONE3, _CLONE_THREAD, _PERMITTED, _NO_SUCH_CALL = 435, 0x10000, 1, 38
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000


def raised(file: Path, *, memory: int, seconds: float, written: int) -> tuple[str, ...]:
    """Put the walls up around this process, which may write one file and read its folder; which of them stand.

    No file can be made, so that neither a disk nor whoever cleans up is ever flooded.
    """
    _limit(memory, seconds, written)
    if sys.platform != "linux":
        return ()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return ()
    stand = {"files": _landlock(libc, file), "processes and network": _seccomp(libc)}
    return tuple(name for name, stands in stand.items() if stands)


def _limit(memory: int, seconds: float, written: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = max(1, int(seconds + 1)) + int(used.ru_utime + used.ru_stime)
    limits = {"CPU": cpu, "FSIZE": written, "CORE": 0, "NOFILE": 256, "AS": memory + _occupied(), "NPROC": 512}
    for name, most in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            hard = resource.getrlimit(kind)[1]
            allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (allowed, allowed))


def _occupied() -> int:
    """The address space that is taken already, by Python and its packages."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 2**30


def _landlock(libc: ctypes.CDLL, file: Path) -> bool:
    version = libc.syscall(_CREATE, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    files = _BASIC | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    files |= _IOCTL if version >= 5 else 0
    network, scopes = (3 if version >= 4 else 0), (3 if version >= 6 else 0)
    rules = struct.pack("QQQ", files, network, scopes)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = libc.syscall(_CREATE, rules, ctypes.c_size_t(len(rules)), 0)
    if ruleset < 0:
        return False
    reading = _EXECUTE | _READ_FILE | _READ_DIR
    for path in (*_READ, *_python()):
        _grant(libc, ruleset, path, reading)
    _grant(libc, ruleset, str(file.parent), _READ_FILE | _READ_DIR)
    for path in (*_WRITE, str(file)):
        _grant(libc, ruleset, path, (_READ_FILE | _WRITE_FILE | _TRUNCATE) & files)
    stands = bool(libc.syscall(_RESTRICT, ruleset, 0) == 0)
    os.close(ruleset)
    return stands


def _python() -> list[str]:
    """Where Python, its packages and this one lie."""
    return [path for path in dict.fromkeys((sys.prefix, sys.base_prefix, *sys.path)) if path and path != "/"]


def _grant(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # what is not there needs no leave
        return
    rights = rights if Path(path).is_dir() else rights & _OF_FILES
    rule = struct.pack("=Qi", rights, place)
    libc.syscall(_ADD, ruleset, 1, rule, 0)
    os.close(place)


def _seccomp(libc: ctypes.CDLL) -> bool:
    known = _DENIED.get(platform.machine())
    if known is None:
        return False
    program = _program(*known)
    content = ctypes.create_string_buffer(b"".join(program))
    described = struct.pack("HxxxxxxP", len(program), ctypes.addressof(content))
    return bool(libc.prctl(_SECCOMP, _FILTER, described, 0, 0) == 0)


def _program(architecture: int, clone: int, limits: int, denied: Sequence[int]) -> list[bytes]:
    """A filter of classic BPF: each instruction loads, compares and jumps, or returns what becomes of the call."""
    load, equal, least, anyset, give = 0x20, 0x15, 0x35, 0x45, 0x06
    program = [
        _step(load, 4), _step(equal, architecture, 1, 0), _step(give, _KILL),
        _step(load, 0),
        # The x32 calls of x86-64 have other numbers, above this bit.
        _step(least, 0x40000000, 0, 1), _step(give, _KILL),
        # C libraries fall back from clone3, whose flags no filter sees, to clone, whose flags are its first argument.
        _step(equal, _CLONE3, 0, 1), _step(give, _REFUSE | _NO_SUCH_CALL),
        _step(equal, clone, 0, 4), _step(load, 16), _step(anyset, _CLONE_THREAD, 1, 0),
        _step(give, _REFUSE | _PERMITTED), _step(give, _ALLOW),
        # Limits of other processes than this one, which is 0.
        _step(equal, limits, 0, 4), _step(load, 16), _step(equal, 0, 1, 0),
        _step(give, _REFUSE | _PERMITTED), _step(give, _ALLOW),
    ]  # fmt: skip
    for number in denied:
        program += [_step(equal, number, 0, 1), _step(give, _REFUSE | _PERMITTED)]
    return [*program, _step(give, _ALLOW)]


def _step(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("HBBI", code, true, false, value)
