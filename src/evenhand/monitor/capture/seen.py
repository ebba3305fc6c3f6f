"""Seen: hashes of the ids that are sealed, sorted in a few files, which tell at once that most ids are new.

An id whose hash is in no run is new for certain; any other is looked up in the files themselves. The runs can be lost:
what lacks is made again from the records.
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.monitor.capture.durable import made, sync_folder, write_durable
from evenhand.monitor.capture.folder import Sealed, ids_of, numbers_of, opened
from evenhand.monitor.capture.keys import Hashes, hashed

MOST_HASHES = 32_000_000
_ROWS = 1_000_000


@dataclass(frozen=True, order=True)
class Run:
    """The hashes of ids from the segments `first` to `last`."""

    first: int
    last: int
    path: Path

    @property
    def hashes(self) -> Hashes:
        """Sorted, and read where they are looked at."""
        return np.asarray(np.load(self.path, mmap_mode="r", allow_pickle=False), np.uint64)

    @property
    def size(self) -> int:
        """How many hashes it holds, nearly."""
        return self.path.stat().st_size // 8

    def meets(self, file: Sealed) -> bool:
        """Whether some of its segments may be in a file."""
        return self.first <= file.number and file.first <= self.last


@dataclass(frozen=True)
class Found:
    """Which ids may have been seen, and the files that may hold them."""

    maybe: NDArray[np.bool_]
    files: list[Sealed]


class Seen:
    """The runs of one kind of records, in a folder of their own; whoever seals holds the lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def look(self, hashes: Hashes, files: Sequence[Sealed]) -> Found:
        """Which of these may be in files that are sealed already; what no run tells of is read first."""
        runs = self._complete(files)
        order = np.argsort(hashes)
        asked, maybe, met = hashes[order], np.zeros(len(hashes), bool), set[Sealed]()
        for run in runs:
            known = run.hashes
            places = np.minimum(np.searchsorted(known, asked), len(known) - 1)
            hits = known[places] == asked
            if hits.any():
                maybe[order[hits]] = True
                met.update(file for file in files if run.meets(file))
        return Found(maybe, sorted(met))

    def add(self, number: int, hashes: Hashes) -> None:
        """Take in the ids of a segment, durably; small runs are merged."""
        if len(hashes):
            _write(made(self._folder) / f"{number:08d}.npy", hashes)
            self._merge()

    def forget(self, rows: int) -> None:
        """Let go of all runs where most of their ids are gone; they are made again from the `rows` that are left."""
        runs = self._runs()
        if sum(run.size for run in runs) > 2 * rows + _ROWS:
            for run in runs:
                run.path.unlink(missing_ok=True)

    def _runs(self) -> list[Run]:
        """Those that are not part of another."""
        found = [Run(*numbers_of(path), path) for path in self._folder.glob("[0-9]*.npy")]
        wide = [run for run in found if not any(_within(run, other) for other in found)]
        for run in set(found) - set(wide):
            run.path.unlink()
        return sorted(wide)

    def _complete(self, files: Sequence[Sealed]) -> list[Run]:
        """The runs; made again where they do not tell of all files."""
        runs = self._runs()
        ends = {end for file in files for end in (file.first, file.number)}
        if not all(any(run.first <= end <= run.last for run in runs) for end in ends):
            self._make_again(files)
        return self._runs()

    def _make_again(self, files: Sequence[Sealed]) -> None:
        """Hash all ids there are, in pieces; the folder is exchanged when all pieces are there."""
        beside = self._folder.with_name(f".{self._folder.name}.new")
        shutil.rmtree(beside, ignore_errors=True)
        made(beside)
        span = f"{min(file.first for file in files):08d}-{max(file.number for file in files):08d}"
        with opened(files) as connection:
            for piece, hashes in enumerate(_pieces(connection.sql(ids_of(files)).to_arrow_reader(_ROWS))):
                _write(beside / f"{span}.{piece}.npy", hashes)
        shutil.rmtree(self._folder, ignore_errors=True)
        beside.rename(self._folder)
        sync_folder(self._folder.parent)

    def _merge(self) -> None:
        """Merge neighbours of like size, so that there are few runs and each id moves rarely."""
        while pair := next(filter(_alike, reversed(list(pairwise(self._runs())))), None):
            one, two = pair
            hashes = np.concatenate([one.hashes, two.hashes])
            _write(self._folder / f"{one.first:08d}-{two.last:08d}.npy", hashes)


def _alike(pair: tuple[Run, Run]) -> bool:
    one, two = pair
    whole = "." not in one.path.stem  # a piece tells of no segment all there is
    return whole and one.size <= 2 * two.size and one.size + two.size <= MOST_HASHES


def _within(run: Run, other: Run) -> bool:
    return run != other and other.first <= run.first and run.last <= other.last


def _pieces(batches: Iterable[Any]) -> Iterator[Hashes]:
    held: list[Hashes] = []
    for batch in batches:
        held.append(hashed(batch.column(0)))
        if sum(map(len, held)) >= MOST_HASHES:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


def _write(path: Path, hashes: Hashes) -> None:
    content = BytesIO()
    np.save(content, np.sort(hashes, kind="stable"))
    write_durable(path, content.getvalue())
