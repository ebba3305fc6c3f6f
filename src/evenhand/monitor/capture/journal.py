"""Journal: an append-only file of checksummed frames; what it has taken is on the disk before it says so."""

import os
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from evenhand.core.errors import EvenhandError, UnreadableSource
from evenhand.monitor.capture.durable import locked, made, not_accepted, sync_folder

PREDICTIONS, TRUTH = b"p", b"t"
SEGMENT_BYTES = 32 * 2**20
MOST_FRAME = 256 * 2**20

_HEAD = struct.Struct("<IIc")  # length of the payload, CRC-32 of kind and payload, kind
_LIVE, _CLOSED = ".open", ".segment"


@dataclass(frozen=True)
class Framed:
    """What one frame holds."""

    kind: bytes
    payload: bytes

    def packed(self) -> bytes:
        """The frame as the file holds it."""
        if len(self.payload) > MOST_FRAME:
            raise EvenhandError(f"A batch of {len(self.payload):,} bytes is too large; send at most {MOST_FRAME:,}.")
        checksum = zlib.crc32(self.payload, zlib.crc32(self.kind))
        return _HEAD.pack(len(self.payload), checksum, self.kind) + self.payload


class _Waiting:
    """What one thread wants written, and what became of it."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.done = False
        self.error: Exception | None = None


class Journal:
    """The segments of one folder, numbered in order; the last is open, and closed ones wait to be sealed.

    Threads that append at the same time share one write and one fsync. Several processes may append to one folder.
    """

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._file: FileIO | None = None
        self.folder = made(folder)
        self._most, self._lock = segment_bytes, folder / "journal.lock"
        self._turn = threading.Condition()
        self._queue: list[_Waiting] = []
        self._writing = False
        self._end = 0
        with locked(self._lock):
            self._live()

    def append(self, frames: Sequence[Framed]) -> None:
        """Return when the frames are on the disk; raises EvenhandError where they are not, and then none is kept."""
        mine = _Waiting(b"".join(frame.packed() for frame in frames))
        with self._turn:
            self._queue.append(mine)
            while not mine.done and self._writing:
                self._turn.wait()
            if not mine.done:
                self._writing, group, self._queue = True, self._queue, []
        if not mine.done:
            self._lead(group)
        if mine.error is not None:
            raise mine.error

    def close_segment(self) -> None:
        """Close the open segment, where it holds anything, and open the next."""
        with locked(self._lock):
            self._live()
            if self._end:
                self._next()

    def closed(self) -> list[int]:
        """The numbers of closed segments, in order."""
        return sorted(int(path.stem) for path in self.folder.glob(f"*{_CLOSED}"))

    def first(self) -> int:
        """The lowest number there is; whatever has a lower one is sealed."""
        with locked(self._lock):  # while a file is renamed, a listing may show it under neither name
            found = [path for path in self.folder.iterdir() if path.suffix in (_LIVE, _CLOSED)]
        return min((int(path.stem) for path in found), default=1)

    def frames(self, number: int) -> Iterator[Framed]:
        """What a closed segment holds; raises UnreadableSource where it is damaged."""
        path = self._path(number, _CLOSED)
        with FileIO(path) as file:
            yield from _whole_frames(file, 0)
            if file.tell() != path.stat().st_size:
                raise UnreadableSource(f"{str(path)!r} is damaged at byte {file.tell():,}; take it from a backup.")

    def waiting(self) -> Iterator[Framed]:
        """Every frame that is not sealed yet, oldest first."""
        with locked(self._lock):
            live = self._live()
            numbers = self.closed()
            held = list(_whole_frames(live, 0))
        for number in numbers:
            try:
                yield from self.frames(number)
            except FileNotFoundError:  # sealed meanwhile
                continue
        yield from held

    def drop(self, number: int) -> None:
        """Remove a closed segment, durably."""
        self._path(number, _CLOSED).unlink(missing_ok=True)
        sync_folder(self.folder)

    def close(self) -> None:
        """Let go of the open file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __del__(self) -> None:
        self.close()

    def _lead(self, group: list[_Waiting]) -> None:
        error: Exception | None = None
        try:
            self._write(b"".join(each.content for each in group))
        except Exception as failed:  # handed to each thread that waits
            error = failed
        with self._turn:
            for each in group:
                each.done, each.error = True, error
            self._writing = False
            self._turn.notify_all()

    def _write(self, content: bytes) -> None:
        with locked(self._lock):
            try:
                file = self._live()
                if self._end and self._end + len(content) > self._most:
                    file = self._next()
                left = memoryview(content)
                while left:  # a disk that is nearly full takes a part
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError as error:
                self._undo()
                raise not_accepted(self.folder, error) from error
            self._end += len(content)

    def _undo(self) -> None:
        """Take back what was half written; a file that cannot be mended is looked at again before the next write."""
        file, self._file = self._file, None
        if file is not None:
            try:
                os.ftruncate(file.fileno(), self._end)
                os.fsync(file.fileno())
            except OSError:
                pass
            finally:
                file.close()

    def _live(self) -> FileIO:
        """The open segment, positioned at its end, without a torn tail; the lock is held."""
        path = self._path(self._number(), _LIVE)
        if self._file is None or not _is_at(self._file, path):
            self.close()
            new = not path.exists()
            self._file, self._end = FileIO(path, "w+" if new else "r+"), 0
            if new:
                os.fsync(self._file.fileno())
                sync_folder(self.folder)
        size = os.fstat(self._file.fileno()).st_size
        if size != self._end:
            self._end = _end_of_frames(self._file, min(self._end, size))
            os.ftruncate(self._file.fileno(), self._end)
            os.fsync(self._file.fileno())
        self._file.seek(self._end)
        return self._file

    def _next(self) -> FileIO:
        number = self._number()
        self.close()
        self._path(number, _LIVE).rename(self._path(number, _CLOSED))
        sync_folder(self.folder)
        return self._live()

    def _number(self) -> int:
        """That of the open segment, or of the one to open next."""
        live = [int(path.stem) for path in self.folder.glob(f"*{_LIVE}")]
        return max(live) if live else max(self.closed(), default=0) + 1

    def _path(self, number: int, ending: str) -> Path:
        return self.folder / f"{number:08d}{ending}"


def _is_at(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _end_of_frames(file: FileIO, start: int) -> int:
    for _ in _whole_frames(file, start):
        pass
    return file.tell()


def _whole_frames(file: FileIO, start: int) -> Iterator[Framed]:
    """Frames from a place on; afterwards the file stands behind the last whole one."""
    file.seek(start)
    while True:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            break
        length, checksum, kind = _HEAD.unpack(head)
        payload = file.read(length) if length <= MOST_FRAME else b""
        if len(payload) < length or zlib.crc32(payload, zlib.crc32(kind)) != checksum:
            break
        start += _HEAD.size + length
        yield Framed(kind, payload)
        file.seek(start)
    file.seek(start)
