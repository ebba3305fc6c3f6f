"""What a process and all its descendants took: CPU seconds and memory, read from /proc (Linux only)."""

import os
from collections.abc import Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat behind the name: the parent, and user and system time, its own and of children that ended.
PARENT, TIMES = 1, slice(11, 15)


def _stat(process: int) -> list[str] | None:
    """The fields behind the name, which may hold blanks and brackets; None where the process ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def processes(root: int | None = None) -> Iterator[tuple[int, list[str]]]:
    """This process (or `root`) and everything below it, with its fields."""
    alive = {int(place.name): _stat(int(place.name)) for place in Path("/proc").iterdir() if place.name.isdigit()}
    wanted = [root or os.getpid()]
    while wanted:
        process = wanted.pop()
        fields = alive.get(process)
        if fields is not None:
            yield process, fields
        wanted += [child for child, found in alive.items() if found is not None and int(found[PARENT]) == process]


def cpu_seconds() -> float:
    """CPU seconds of the whole tree so far: of those that live, and of those that ended and were waited for."""
    return sum(sum(int(ticks) for ticks in fields[TIMES]) for _, fields in processes()) / TICKS


def peaks_mb() -> dict[str, float]:
    """The highest resident memory of each process that lives, added up by program."""
    found: dict[str, float] = {}
    for process, _ in processes():
        try:
            lines = Path(f"/proc/{process}/status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        told = dict(line.split(":", 1) for line in lines)
        if "VmHWM" in told:
            name = "java" if told["Name"].strip() == "java" else "python"
            name = "this process" if process == os.getpid() else name
            found[name] = found.get(name, 0.0) + int(told["VmHWM"].split()[0]) / 1024
    return found
