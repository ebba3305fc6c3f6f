"""Matching: truth joined to its predictions and counted, for all cells of time in one pass."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import duckdb
import numpy as np

from evenhand.core.audit import Audit
from evenhand.core.expressions import Expression
from evenhand.core.frame import Columns as Counts
from evenhand.core.frame import Frame
from evenhand.core.monitor import Monitor
from evenhand.core.plan import Plan, is_condition, plan
from evenhand.core.tally import Tally, count
from evenhand.core.window import EPOCH, Window
from evenhand.monitor.capture.columns import Columns, needed, stored_name
from evenhand.monitor.capture.folder import Folder, Sealed, opened, query
from evenhand.monitor.capture.records import micros_of
from evenhand.sources.cubes import too_many
from evenhand.sources.duckdb_errors import told
from evenhand.sources.duckdb_frame import DuckDBFrame

# The names of no column and of no axis.
_CELL, _AXIS = "", "cell of time"
# More would make one answer of all their groups too large.
MOST_CELLS = 100


@dataclasses.dataclass(frozen=True)
class Sides:
    """Files of predictions and of truth, of which those after segment `through` are new."""

    predictions: Sequence[Sealed]
    truth: Sequence[Sealed]
    through: int

    def pairs(self) -> Iterator[tuple[Sequence[Sealed], Sequence[Sealed]]]:
        """What to join: new truth with any prediction, and earlier truth with new predictions."""
        new, new_truth = (
            [each for each in found if each.number > self.through] for found in (self.predictions, self.truth)
        )
        earlier = [each for each in self.truth if each.number <= self.through]
        yield from (pair for pair in ((self.predictions, new_truth), (new, earlier)) if all(pair))

    def by_cells(self) -> Iterator["Sides"]:
        """The same for so many cells at a time as one answer may have; only those that can have grown."""
        waiting = self.predictions
        if all(each.number <= self.through for each in self.truth):
            waiting = [each for each in waiting if each.number > self.through]
        cells = sorted({each.cell for each in waiting if each.cell is not None})
        for start in range(0, len(cells), MOST_CELLS):
            some = {*cells[start : start + MOST_CELLS]}
            yield Sides([each for each in waiting if each.cell in some], self.truth, self.through)


@dataclasses.dataclass(frozen=True)
class Matching:
    """What is joined for a monitor, and how its columns are stored."""

    folder: Folder
    monitor: Monitor
    columns: Columns

    def tallies(self, sides: Sides, asked: Callable[[], Audit]) -> Iterator[tuple[Window, Plan, Tally]]:
        """What new pairs add to each cell, and how that was counted. Raises EvenhandError.

        `asked` gives the audit, which the first rows may settle.
        """
        for some in sides.by_cells():
            pairs, audit = list(some.pairs()), asked()
            if pairs:
                with self._frame(pairs, looked_at=_looks(audit)) as frame:
                    cells = {file.cell for file in some.predictions if file.cell is not None}
                    if frame is not None:
                        yield from (self._whole if len(cells) == 1 else self._by_cell)(frame, audit, min(cells))

    def _whole(self, frame: DuckDBFrame, audit: Audit, cell: Window) -> Iterator[tuple[Window, Plan, Tally]]:
        """The counts of the one cell that there is."""
        bound = plan(audit, frame)
        found = frame.cells(bound.keys, bound.sums, bound.cubes, audit.most_cells)
        if found[0]["count"].sum():
            yield cell, bound, count(cast(Frame, _One(found)), bound)

    def _by_cell(self, frame: DuckDBFrame, audit: Audit, _: Window) -> Iterator[tuple[Window, Plan, Tally]]:
        bound = plan(audit, frame)
        keys = {**bound.keys, _AXIS: frame.expressions.column(_CELL)}
        cubes = [(*cube, _AXIS) for cube in bound.cubes]
        found = frame.cells(keys, bound.sums, cubes, audit.most_cells * MOST_CELLS)
        for number in sorted({int(each) for each in found[0][_AXIS].tolist()}):
            start = EPOCH + number * self.folder.step
            one = _One([_of_cell(each, number) for each in found])
            yield Window(start, start + self.folder.step), bound, count(cast(Frame, one), bound)

    @contextmanager
    def _frame(
        self, pairs: Sequence[tuple[Sequence[Sealed], Sequence[Sealed]]], *, looked_at: bool
    ) -> Iterator[DuckDBFrame | None]:
        """The pairs as a frame whose last column is the number of the cell; kept as a table to be looked at first."""
        wanted, files = needed(self.monitor), {file for pair in pairs for side in pair for file in side}
        location = f"the truth of {self.monitor.name!r}"
        with opened(sorted(files), memory=memory()) as connection, told(location):
            rows = " UNION ALL ".join(self._joined(connection, *pair) for pair in pairs)
            if looked_at:
                connection.execute(f"CREATE TEMP TABLE matched AS {rows}")
                rows = "FROM matched"
                if connection.execute("FROM matched LIMIT 1").fetchone() is None:
                    yield None
                    return
            yield DuckDBFrame(connection.sql(rows), (*wanted.inputs, *wanted.labels, _CELL), location=location)

    def _joined(
        self, connection: duckdb.DuckDBPyConnection, predictions: Sequence[Sealed], truth: Sequence[Sealed]
    ) -> str:
        wanted = needed(self.monitor)
        asked = query(connection, predictions, self.columns, wanted.inputs)
        known = query(connection, truth, self.columns, wanted.labels)
        chosen = [f"p.{self._stored(name)}" for name in wanted.inputs]
        chosen += [f"t.{self._stored(name)}" for name in wanted.labels]
        chosen = [f"{name} AS m{place}" for place, name in enumerate((*chosen, self._cell(predictions)))]
        ids = "p.id = t.id"
        if len({_kind_of_id(connection, each) for each in (asked, known)}) > 1:
            ids = "p.id::VARCHAR = t.id::VARCHAR"
        return f"SELECT {', '.join(chosen)} FROM ({asked}) p JOIN ({known}) t ON {ids}"  # noqa: S608 - our own names

    def _cell(self, predictions: Sequence[Sealed]) -> str:
        """The number of the cell; where all files are of one, times need not be read."""
        cells = {file.cell for file in predictions if file.cell is not None}
        if len(cells) == 1:
            return f"{self.folder.cell_number(cells.pop())}::BIGINT"
        epoch, step = micros_of(EPOCH), micros_of(EPOCH + self.folder.step) - micros_of(EPOCH)
        return f"(epoch_us(p.time) - {epoch}) // {step}"

    def _stored(self, name: str) -> str:
        return stored_name(self.columns.place(name))


@dataclasses.dataclass(frozen=True)
class _One:
    """What was counted of one cell, in the place of a frame that is asked for it."""

    counts: list[Counts]

    def cells(
        self, keys: Mapping[str, Expression], sums: Mapping[str, Expression], cubes: Sequence[Sequence[str]], limit: int
    ) -> list[Counts]:
        """The counts, which are of these keys and sums already; raises DataError where they are too many."""
        del keys, sums
        for cube, counts in zip(cubes, self.counts, strict=True):
            if len(counts["count"]) > limit:
                raise too_many(cube, limit)
        return self.counts


def _of_cell(counts: Counts, number: int) -> Counts:
    mine = np.array([each == number for each in counts[_AXIS].tolist()], bool)
    return {name: values[mine] for name, values in counts.items() if name != _AXIS}


def _looks(audit: Audit) -> bool:
    """Whether the rows must be looked at before it is known what to count of them."""
    column = audit.label or audit.predicted_label or ""
    return not (audit.positive or audit.outcome in ("regression", "multiclass") or is_condition(column, ()))


def _kind_of_id(connection: duckdb.DuckDBPyConnection, rows: str) -> str:
    return str(connection.sql(rows).types[0])


def memory() -> str:
    """What the join of truth may hold before it spills to the disk: a quarter of the machine's, from 1 to 4 GB."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{min(max(whole // 4, 10**9), 4 * 10**9) // 10**6}MB"
