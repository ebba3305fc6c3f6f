"""Folder: where the sealed records of one monitor lie, and the queries that read them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from evenhand.core.monitor import Windows
from evenhand.core.window import EPOCH, Window, cell_of
from evenhand.monitor.capture.columns import SQL, Columns, stored_name
from evenhand.monitor.capture.records import arrow, micros_of
from evenhand.sources.connection import DEFAULT_MEMORY, connect
from evenhand.sources.scan import listed

# Who listed files before they became part of another one may still read them.
GRACE_SECONDS = 3600.0
_CELL = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, order=True)
class Sealed:
    """A file of records, the last and the first segment they came from, and for predictions the cell of time."""

    number: int
    first: int
    path: Path
    cell: Window | None = None

    @property
    def rows(self) -> int:
        """How many records it holds."""
        arrow()
        import pyarrow.parquet

        return int(pyarrow.parquet.read_metadata(self.path).num_rows)

    def covers(self, other: "Sealed") -> bool:
        """Whether another file of the same folder was made part of this one."""
        wider = self.number - self.first > other.number - other.first
        return wider and self.first <= other.first and other.number <= self.number


@dataclass(frozen=True)
class Folder:
    """`predictions/CELL/NUMBER.parquet`, `truth/NUMBER.parquet`, `corrections/NUMBER.parquet`, `journal/`.

    `FIRST-LAST.parquet` holds what the files of these segments in its folder hold; while they are still there, it
    stands for them.
    """

    root: Path
    windows: Windows
    grace: float = GRACE_SECONDS

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

    def seen(self, kind: str) -> Path:
        """Hashes of the ids of a kind."""
        return self.root / "seen" / kind

    def place(self, kind: str, number: int, cell: int | None = None) -> Path:
        """Where a file belongs; a cell is the number of steps since the epoch."""
        folder = self.root / kind
        if cell is not None:
            folder /= f"{EPOCH + cell * self.step:{_CELL}}"
        return folder / f"{number:08d}.parquet"

    def predictions(self, below: int) -> list[Sealed]:
        """The files of predictions with lower numbers, in order."""
        return sorted(file for files in self.by_place("predictions", below) for file in standing(files))

    def truth(self, below: int, kind: str = "truth") -> list[Sealed]:
        """The files of truth (or of corrections) with lower numbers, in order."""
        return sorted(file for files in self.by_place(kind, below) for file in standing(files))

    def by_place(self, kind: str, below: int) -> list[list[Sealed]]:
        """All files of a kind with lower numbers, in one list for each folder."""
        if kind != "predictions":
            return [list(_numbered(self.root / kind, below, None))]
        return [
            list(
                _numbered(
                    folder, below, cell_of(datetime.strptime(folder.name, _CELL).replace(tzinfo=UTC), self.windows)
                )
            )
            for folder in (self.root / kind).glob("*Z")
        ]

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


def standing(files: Sequence[Sealed]) -> Iterator[Sealed]:
    """The files of one folder that are not part of another."""
    wide = [file for file in files if file.first < file.number]
    return (file for file in files if not any(each.covers(file) for each in wide))


def numbers_of(path: Path) -> tuple[int, int]:
    """The first and last segment that the name of a file tells."""
    first, _, last = path.stem.partition(".")[0].partition("-")
    return int(first), int(last or first)


def _numbered(folder: Path, below: int, cell: Window | None) -> Iterator[Sealed]:
    for path in folder.glob("[0-9]*.parquet"):
        first, last = numbers_of(path)
        if last < below:
            yield Sealed(last, first, path, cell)


def opened(files: Sequence[Sealed], *, memory: str = DEFAULT_MEMORY) -> duckdb.DuckDBPyConnection:
    """A connection that may read these files and nothing else."""
    return connect([file.path for file in files], memory_limit=memory)


def ids_of(files: Sequence[Sealed], names: str = "id") -> str:
    """The query of ids, and of other stored columns that all files have; whole numbers or text, as the files are."""
    paths = listed([file.path for file in files])
    return f"SELECT {names} FROM read_parquet({paths}, union_by_name = true, hive_partitioning = false)"  # noqa: S608


def query(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Sealed], columns: Columns, names: Sequence[str]
) -> str:
    """The rows of files with the columns id, time (or arrived) and those named, as c0, c1, … by their place."""
    reader = f"({ids_of(files, '*')})"
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
