"""Folder: where the sealed records of one monitor lie, and the queries that read them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from evenhand.core.monitor import Windows
from evenhand.core.window import EPOCH, Window, cell_of
from evenhand.monitor.capture.columns import SQL, Columns, stored_name
from evenhand.monitor.capture.records import micros_of
from evenhand.sources.connection import connect
from evenhand.sources.scan import listed

_CELL = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, order=True)
class Sealed:
    """A file of records, the number of the segment it came from, and for predictions the cell of time."""

    number: int
    path: Path
    cell: Window | None = None


@dataclass(frozen=True)
class Folder:
    """`predictions/CELL/NUMBER.parquet`, `truth/NUMBER.parquet`, `corrections/NUMBER.parquet`, `journal/`."""

    root: Path
    windows: Windows

    @property
    def lock(self) -> Path:
        """Held by whoever seals or counts."""
        return self.root / "sealing.lock"

    @property
    def columns(self) -> Path:
        """Which columns there are."""
        return self.root / "columns.json"

    @property
    def progress(self) -> Path:
        """How far counting is."""
        return self.root / "counted.json"

    def place(self, kind: str, number: int, cell: int | None = None) -> Path:
        """Where a file belongs; a cell is the number of steps since the epoch."""
        folder = self.root / kind
        if cell is not None:
            folder /= f"{EPOCH + cell * self.step:{_CELL}}"
        return folder / f"{number:08d}.parquet"

    def predictions(self, below: int) -> list[Sealed]:
        """The files of predictions with lower numbers, in order."""
        found = []
        for folder in (self.root / "predictions").glob("*Z"):
            cell = cell_of(datetime.strptime(folder.name, _CELL).replace(tzinfo=UTC), self.windows)
            found += [Sealed(number, path, cell) for number, path in _numbered(folder) if number < below]
        return sorted(found)

    def truth(self, below: int, kind: str = "truth") -> list[Sealed]:
        """The files of truth (or of corrections) with lower numbers, in order."""
        return sorted(Sealed(number, path) for number, path in _numbered(self.root / kind) if number < below)

    @property
    def step(self) -> timedelta:
        """How long a cell is."""
        return self.windows.every or self.windows.length

    def leftovers(self, number: int) -> Iterator[Path]:
        """What an interrupted sealing of this segment left."""
        for kind in ("predictions", "truth", "corrections"):
            yield from (self.root / kind).rglob(f"{number:08d}.parquet")

    def cell_number(self, cell: Window) -> int:
        """The number of steps since the epoch."""
        return (cell.start - EPOCH) // self.step


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    return ((int(path.stem), path) for path in folder.glob("[0-9]*.parquet"))


def opened(files: Sequence[Sealed]) -> duckdb.DuckDBPyConnection:
    """A connection that may read these files and nothing else."""
    return connect([file.path for file in files])


def query(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Sealed], columns: Columns, names: Sequence[str]
) -> str:
    """The rows of files with the columns id, time (or arrived) and those named, as c0, c1, … by their place."""
    reader = f"read_parquet({listed([file.path for file in files])}, union_by_name = true, hive_partitioning = false)"
    there = set(connection.sql(f"FROM {reader}").columns)
    chosen: list[str] = [name for name in ("id", "time", "arrived") if name in there]
    for name in names:
        stored, kind = stored_name(columns.place(name)), SQL[columns.kinds[name]]
        chosen.append(f"{stored if stored in there else 'NULL'}::{kind} AS {stored}")
    return f"SELECT {', '.join(chosen)} FROM {reader}"  # noqa: S608 - our own names


def within(window: Window) -> str:
    """The condition that a time lies in a window."""
    low, high = (f"make_timestamp({micros_of(each)})" for each in (window.start, window.end))
    return f"time >= {low} AND time < {high}"
