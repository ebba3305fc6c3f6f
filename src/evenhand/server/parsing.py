"""Parsing: uploaded files are read by other processes, whose death is one clear answer and takes nothing along."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Literal

from evenhand.core.errors import MissingExtra
from evenhand.core.line_process import LineProcess
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
        self._free: Queue[LineProcess] = Queue()
        self._all = [LineProcess(_started) for _ in range(settings.parser.processes)]
        for process in self._all:
            self._free.put(process)

    def table(self, path: Path, kind: Kind) -> Any:
        """The table in a file; raises Refused."""
        with tempfile.TemporaryDirectory(prefix="evenhand-parsed-") as folder, self._one() as process:
            out = Path(folder) / "table"
            answer = _answer(process, self._errand(path, kind, out))
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
    def _one(self) -> Iterator[LineProcess]:
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


def _answer(process: LineProcess, errand: dict[str, Any]) -> dict[str, Any]:
    """What it answers; raises Refused where it dies or takes too long."""
    line = process.ask(json.dumps(errand).encode(), errand["seconds"] + 5)
    if line is None:
        raise Refused(
            413, f"Reading the file took longer than {errand['seconds']:g} seconds; send it in smaller parts."
        )
    if not line.endswith(b"\n"):
        raise Refused(422, "The process that read the file died; nothing else was touched. Check the file.")
    found: dict[str, Any] = json.loads(line)
    return found


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
