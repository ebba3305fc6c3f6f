"""Processes: a table of one machine that several of its processes go through, each a part of the rows."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import DataError, EvenhandError, MissingExtra, SpecError
from evenhand.core.expressions import Expression, Expressions
from evenhand.core.frame import Columns, Frame
from evenhand.core.spread import ArrowSchema, Spread, Work
from evenhand.core.travel import packed
from evenhand.core.values import Kind, Level
from evenhand.sources.duckdb_frame import DuckDBFrame
from evenhand.sources.files import read_files
from evenhand.sources.native import native_of_arrow
from evenhand.sources.processes.parts import checked, parts, rows_at, schema_of
from evenhand.sources.processes.pool import Pool
from evenhand.sources.processes.worker import Errand

# Rows that go to a worker at a time, whatever the number of workers.
PART = 65_536


def over_processes(frame: Frame, count: str = "") -> Spread:
    """The frame, to be worked on by this many processes, or by one a core where `count` is empty.

    Raises SpecError for another count, and DataError where the rows cannot be read by a connection of their own.
    """
    if count and not (count.isascii() and count.isdigit() and int(count) > 0):
        raise SpecError(
            f"engine='processes:{count}' is unknown; give a number of processes of at least 1, as in processes:4, or"
            " processes alone for one a core."
        )
    if isinstance(frame, ProcessesFrame):
        frame = frame.frame
    if not isinstance(frame, DuckDBFrame) or frame.origin is None:
        raise DataError(
            f"{frame.location} cannot be gone through by several processes; give a file, a folder or a table in"
            " memory, or leave engine out."
        )
    try:
        import pyarrow  # noqa: F401 - asked for here, before any work
    except ImportError as error:
        raise MissingExtra("Work in several processes", "pyarrow", "processes") from error
    return ProcessesFrame(frame, int(count) if count else _cores())


class ProcessesFrame:
    """A frame that DuckDB counts in this process, and whose rows others go through."""

    def __init__(self, frame: DuckDBFrame, processes: int) -> None:
        self.frame, self.processes = frame, processes

    @property
    def location(self) -> str:
        """Where the table is."""
        return self.frame.location

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Each column's kind, in the order of the table."""
        return self.frame.kinds

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self.frame.height

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the report must know about how the table was read."""
        return self.frame.notes

    @property
    def expressions(self) -> Expressions:
        """Builds expressions over the columns."""
        return self.frame.expressions

    def cells(
        self, keys: Mapping[str, Expression], sums: Mapping[str, Expression], cubes: Sequence[Sequence[str]], limit: int
    ) -> list[Columns]:
        """Group by each of `cubes` in one pass: per cube the key columns, `count`, and each sum."""
        return self.frame.cells(keys, sums, cubes, limit)

    def rows(self, columns: Mapping[str, Expression], limit: int, seed: int) -> Columns:
        """The same rows for the same seed, in the order of the table."""
        return self.frame.rows(columns, limit, seed)

    def distinct(self, column: str, limit: int) -> list[Level]:
        """Up to `limit` values that occur in a column, most frequent first; missing is not one of them."""
        return self.frame.distinct(column, limit)

    def batches(self, columns: Sequence[str], size: int) -> Iterator[Any]:
        """The rows as eager native dataframes of at most `size` rows, made from Arrow as in the workers."""
        checked(self.frame, columns)
        if size < 1:
            raise DataError(f"A batch of {size!r} rows is none; give a size of at least 1.")
        tables = parts(self.frame, columns, size)
        return (native_of_arrow(table.drop_columns([table.column_names[-1]]), columns) for table in tables)

    def schema(self, columns: Sequence[str]) -> ArrowSchema:
        """The PyArrow types of these columns, under their own names; raises ColumnNotFound."""
        checked(self.frame, columns)
        return schema_of(self.frame, columns)

    def at(self, places: NDArray[np.int64], columns: Sequence[str]) -> Any:
        """The rows at these ascending places, in that order, as an eager native dataframe, as `batches` gives them.

        Raises ColumnNotFound, and DataError for a place that is none.
        """
        return native_of_arrow(rows_at(self.frame, places, columns), columns)

    def mapped(
        self,
        work: Work,
        columns: Sequence[str],
        gives: ArrowSchema,
        *,
        out: Path | str | None = None,
        together: int = 1,
    ) -> Spread:
        """What `work` gives for all rows, in the order of the rows, done once and written as a folder of Parquet files.

        Without `out` that folder is a temporary one, and goes when the frame does. A part of the rows whose worker
        dies is done again, twice at most. Raises what the work raises; nothing is left behind then.
        """
        checked(self.frame, columns)
        folder = None if out is not None else Path(tempfile.mkdtemp(prefix="evenhand-"))
        place = Path(out).expanduser() if out is not None else Path(str(folder)) / "rows"
        try:
            with _whole(place) as unfinished:
                errand = Errand(_packed(work), gives, unfinished)
                Pool(errand, self.processes).run(parts(self.frame, columns, max(PART // together, 1) * together))
            found = self._read(place)
        except BaseException:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        if folder is not None:
            found.location = self.location
            weakref.finalize(found, shutil.rmtree, folder, ignore_errors=True)
        return ProcessesFrame(found, self.processes)

    def _read(self, folder: Path) -> DuckDBFrame:
        origin = self.frame.origin
        assert origin is not None  # noqa: S101 - checked when this frame was made
        return read_files(str(folder), sheet=None, memory_limit=origin.memory_limit, threads=origin.threads)


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """A folder to write in that is called `out` once all is written, and is gone where something fails."""
    if out.exists():
        raise DataError(f"There is something at {str(out)!r} already; move it away, or give another place.")
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
        unfinished.mkdir(parents=True)
        yield unfinished
        unfinished.rename(out)
    except OSError as error:
        raise EvenhandError(f"Cannot write {str(out)!r}: {error.strerror}.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _packed(work: Work) -> bytes:
    try:
        return packed(work)
    except Exception as error:  # whatever the objects of a stranger raise
        told = str(error).strip().splitlines() or ["no message"]
        raise EvenhandError(
            f"The work cannot be sent to other processes: {type(error).__name__}: {told[0]}; leave engine out, or give"
            " a model without open files, locks or connections."
        ) from error


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
