"""A bounded journal of lines that could not be sent: files in a folder, which outlive the process."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import IO, Any

from evenhand.monitor.sending.posting import Kind

fcntl: Any
try:
    import fcntl
except ImportError:  # pragma: no cover - Windows, where one process alone should use a folder
    fcntl = None

SEGMENT_BYTES = 1_000_000
_LETTER: dict[Kind, bytes] = {"predictions": b"P ", "truth": b"T "}
_KIND: dict[bytes, Kind] = {letter: kind for kind, letter in _LETTER.items()}


class Journal:
    """Segments of about a megabyte, each locked by the process that writes or sends it.

    Several processes of a service may share a folder; what one that died left behind, another takes up. Lines reach the
    operating system before `append` returns: they outlive the process, not a power cut.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most = folder, most_bytes
        self._open: FileIO | None = None
        # How many lines each of the segments that this process wrote holds.
        self.own: dict[str, int] = {}

    def append(self, kind: Kind, lines: list[bytes]) -> int:
        """Keep lines as long as there is room; returns how many. Raises OSError where the disk takes nothing."""
        room, fitting = self._most - self._size(), []
        for line in lines:
            room -= len(line) + 3
            if room < 0:
                break
            fitting.append(_LETTER[kind] + line + b"\n")
        if fitting:
            self._write(fitting)
        return len(fitting)

    def _write(self, lines: list[bytes]) -> None:
        file = self._open = self._open or self._new()
        start, rest = file.tell(), memoryview(b"".join(lines))
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            with suppress(OSError):  # half a batch is cut off again
                file.truncate(start)
            self.turn()
            raise
        name = Path(str(file.name)).name
        self.own[name] = self.own.get(name, 0) + len(lines)
        if file.tell() >= SEGMENT_BYTES:
            self.turn()

    def _new(self) -> FileIO:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place = self._folder / f"{uuid.uuid4().hex}.unsent"
        file = FileIO(str(place), "x", opener=lambda path, flags: os.open(path, flags, 0o600))
        _locked(file)
        return file

    def turn(self) -> None:
        """End the segment that is written, so that it can be sent."""
        if self._open is not None:
            with suppress(OSError):
                self._open.close()
        self._open = None

    @contextmanager
    def oldest(self) -> "Iterator[Segment | None]":
        """The oldest segment that no other process holds, held while it is sent; None where there is none."""
        for place, _ in self._segments():
            with suppress(OSError), place.open("rb") as file:
                if _locked(file) and place.exists():
                    yield Segment(place, file)
                    return
        yield None

    def _size(self) -> int:
        return sum(size for _, size in self._segments())

    def _segments(self) -> list[tuple[Path, int]]:
        """The segments and their sizes, oldest first; others may remove some meanwhile."""
        found = []
        for place in self._folder.glob("*.unsent"):
            with suppress(OSError):
                told = place.stat()
                found.append((told.st_mtime_ns, place, told.st_size))
        return [(place, size) for _, place, size in sorted(found)]


class Segment:
    """Lines that wait in one file."""

    def __init__(self, place: Path, file: IO[bytes]) -> None:
        self._place, self._file = place, file

    @property
    def name(self) -> str:
        """A name that no other segment has."""
        return self._place.stem

    @property
    def file_name(self) -> str:
        """The name of its file."""
        return self._place.name

    def lines(self) -> Iterator[tuple[Kind, bytes]]:
        """The lines in order; one that a crash tore is left out."""
        for line in self._file:
            if line.endswith(b"\n") and line[:2] in _KIND:
                yield _KIND[line[:2]], line[2:-1]

    def remove(self) -> None:
        """Forget the lines; they were delivered."""
        self._place.unlink(missing_ok=True)


def _locked(file: Any) -> bool:
    """Whether this process could lock the file; closing it unlocks."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
