"""Parsing: uploaded files are read by other processes, whose death is one clear answer and takes nothing along."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Lock
from typing import Any, Literal

from evenhand.core.errors import MissingExtra
from evenhand.server.problems import Refused
from evenhand.server.settings import Settings

Kind = Literal["parquet", "arrow file", "arrow stream", "json lines"]
READ = "Parquet, Arrow (file or stream) or JSON Lines"
_WAIT = 10.0  # seconds that an upload waits for a free parser
_PICKLE = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_ARCHIVES = {b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd"}


def kind_of(head: bytes) -> Kind:
    """What a file is, by how it begins; raises Refused (415)."""
    if head.startswith(_PICKLE):
        raise Refused(415, f"This is a pickle, which can run code when it is read; send {READ}.")
    for magic, name in _ARCHIVES.items():
        if head.startswith(magic):
            raise Refused(415, f"This is {name}; send {READ}, unpacked.")
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"ARROW1\0\0"):
        return "arrow file"
    if head.startswith(b"\xff\xff\xff\xff"):
        return "arrow stream"
    if head.lstrip()[:1] == b"{":
        return "json lines"
    raise Refused(415, f"This is neither {READ}.")


class Parsers:
    """A few processes that parse; each is started when first needed, and anew when it died."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._free: Queue[_Process] = Queue()
        self._all = [_Process() for _ in range(settings.parser.processes)]
        for process in self._all:
            self._free.put(process)

    def table(self, path: Path, kind: Kind) -> Any:
        """The table in a file; raises Refused."""
        with tempfile.TemporaryDirectory(prefix="evenhand-parsed-") as folder, self._one() as process:
            out = Path(folder) / "table"
            answer = process.ask(self._errand(path, kind, out), self._settings.parser.seconds)
            if answer["status"] != 200:
                raise Refused(int(answer["status"]), str(answer["detail"]))
            return _read(out)

    def pids(self) -> list[int]:
        """The processes that run now."""
        return [process.pid for process in self._all if process.pid is not None]

    def close(self) -> None:
        """End them all."""
        for process in self._all:
            process.end()

    @contextmanager
    def _one(self) -> Iterator["_Process"]:
        try:
            process = self._free.get(timeout=_WAIT)
        except Empty:
            raise Refused(429, "Too many files are being read; try again.", {"Retry-After": "5"}) from None
        try:
            yield process
        finally:
            self._free.put(process)

    def _errand(self, path: Path, kind: Kind, out: Path) -> dict[str, Any]:
        sizes, parser = self._settings.sizes, self._settings.parser
        return {
            "path": str(path), "kind": kind, "out": str(out), "memory": parser.memory, "seconds": parser.seconds,
            "rows": sizes.rows, "columns": sizes.columns, "parsed": sizes.parsed, "text": sizes.text,
        }  # fmt: skip


class _Process:
    """One parser process and the line to it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        running = self._process
        return running.pid if running is not None and running.poll() is None else None

    def ask(self, errand: dict[str, Any], seconds: float) -> dict[str, Any]:
        """What it answers; raises Refused where it dies or takes too long."""
        with self._lock:
            try:
                process = self._running()
                assert process.stdin is not None  # noqa: S101 - piped
                process.stdin.write(json.dumps(errand).encode() + b"\n")
                process.stdin.flush()
                line = _line(process, time.monotonic() + seconds + 5)
            except BrokenPipeError:
                line = b""
            if line is None:
                self.end()
                raise Refused(413, f"Reading the file took longer than {seconds:g} seconds; send it in smaller parts.")
            if not line.endswith(b"\n"):
                self.end()
                raise Refused(422, "The process that read the file died; nothing else was touched. Check the file.")
            found: dict[str, Any] = json.loads(line)
            return found

    def end(self) -> None:
        """Kill it and its child."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self.pid is None:
            self.end()
            self._process = _started()
        assert self._process is not None  # noqa: S101 - just started
        return self._process


def _started() -> subprocess.Popen[bytes]:
    try:
        import pyarrow  # noqa: F401 - the other process needs it
    except ImportError as error:
        raise MissingExtra("Reading uploads", "pyarrow", "server") from error
    # Neither secrets of the environment nor open files go along.
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-m", "evenhand.server.parser"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=environment, cwd="/", start_new_session=True,
    )  # fmt: skip


def _line(process: subprocess.Popen[bytes], ends: float) -> bytes | None:
    """One line of its output, which is unfinished where it died; None where time ran out."""
    assert process.stdout is not None  # noqa: S101 - piped
    found = b""
    while not found.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, ends - time.monotonic()))
        if not ready:
            return None
        part = os.read(process.stdout.fileno(), 65_536)
        if not part:
            return found
        found += part
    return found


def _read(file: Path) -> Any:
    import pyarrow
    from pyarrow import ipc

    try:
        with ipc.open_stream(file.read_bytes()) as stream:
            table = stream.read_all()
        table.validate(full=True)
    except (pyarrow.ArrowException, OSError):
        raise Refused(422, "The file cannot be read.") from None
    return table
