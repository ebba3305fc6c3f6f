"""Joining: what was sealed is counted by cell, and truth is joined to its predictions; each exactly once."""

import dataclasses
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Literal, Protocol

import duckdb

from evenhand.core.audit import Audit
from evenhand.core.errors import SpecError, UnreadableSource
from evenhand.core.monitor import Monitor
from evenhand.core.plan import plan
from evenhand.core.tally import Tally, count
from evenhand.core.window import EPOCH, Window
from evenhand.counting.answering import settled
from evenhand.monitor.capture.columns import Columns, Needed, needed, stored_name, without_label
from evenhand.monitor.capture.durable import locked, write_durable
from evenhand.monitor.capture.folder import Folder, Sealed, opened, query
from evenhand.monitor.capture.journal import Journal
from evenhand.monitor.capture.records import micros_of
from evenhand.parts.settled import settled_tally
from evenhand.sources.duckdb_errors import told
from evenhand.sources.duckdb_frame import DuckDBFrame

Counted = Literal["all", "labelled"]


class Adding(Protocol):
    """What counting needs of a store."""

    def add_tally(self, monitor: str, cell: Window, counted: Counted, part: str, tally: Tally) -> bool:
        """Add counts to those of a cell, once for each name of a part."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """Segments up to `through` are counted; those up to `target` are being counted, or were when the process died.

    What is counted under the name of a part is thereby the same whenever it is tried again.
    """

    identity: str
    asked: str
    through: int = 0
    target: int = 0
    settled: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)


def progress_of(folder: Folder, monitor: Monitor) -> Progress:
    """How far counting is; raises SpecError where it was begun for another audit or other cells of time."""
    step = (monitor.windows.every or monitor.windows.length).total_seconds()
    asked = json.dumps([monitor.audit.model_dump(mode="json"), step], sort_keys=True)
    try:
        found = Progress(**json.loads(folder.progress.read_bytes()))
    except FileNotFoundError:
        return Progress(uuid.uuid4().hex[:12], asked)
    except (ValueError, TypeError):
        place = str(folder.progress)
        raise UnreadableSource(f"{place!r} is not what was written there; take it from a backup.") from None
    if found.asked != asked:
        raise SpecError(
            f"What monitor {monitor.name!r} has counted was for another audit or other windows; their tallies do not "
            "add up. Give the changed monitor another name."
        )
    return found


def keep(folder: Folder, progress: Progress) -> Progress:
    """Write the progress durably."""
    write_durable(folder.progress, json.dumps(dataclasses.asdict(progress)).encode())
    return progress


@dataclasses.dataclass
class Counting:
    """One round of counting: from the segments that are counted to a target that is written down first."""

    folder: Folder
    monitor: Monitor
    columns: Columns
    progress: Progress

    def grown(self) -> list[Window]:
        """The cells that counting up to the target adds to."""
        files = self.folder.predictions(self.progress.target + 1)
        cells = set(self._new(files))
        with self._matched(files) as connection:
            if connection is not None:
                cells.update(self._cells(connection))
        return sorted(cells)

    def run(self, store: Adding) -> list[Window]:
        """Count up to the target; gives the cells that grew."""
        files = self.folder.predictions(self.progress.target + 1)
        grown = {*self._all(files, store), *self._labelled(files, store)}
        self.progress = keep(self.folder, dataclasses.replace(self.progress, through=self.progress.target))
        return sorted(grown)

    def _new(self, files: Sequence[Sealed]) -> dict[Window, list[Sealed]]:
        """The files that are not counted, by their cell."""
        new: dict[Window, list[Sealed]] = {}
        for file in files:
            if file.number > self.progress.through and file.cell is not None:
                new.setdefault(file.cell, []).append(file)
        return new

    def _all(self, files: Sequence[Sealed], store: Adding) -> Iterator[Window]:
        audit, names, found = without_label(self.monitor.audit), needed(self.monitor).inputs, self._new(files)
        if audit is None or not found:
            yield from found
            return
        with opened([file for new in found.values() for file in new]) as connection:
            for cell, new in sorted(found.items()):
                rows = query(connection, new, self.columns, names)
                tally = self._tally("all", audit, self._frame(connection, rows, names, cell))
                store.add_tally(self.monitor.name, cell, "all", self._part, tally)
                yield cell

    def _labelled(self, files: Sequence[Sealed], store: Adding) -> Iterator[Window]:
        wanted = needed(self.monitor)
        names = (*wanted.inputs, *wanted.labels)
        with self._matched(files) as connection:
            for cell in self._cells(connection) if connection is not None else ():
                rows = f"SELECT * FROM matched WHERE cell = {self.folder.cell_number(cell)}"  # noqa: S608
                assert connection is not None  # noqa: S101 - it gave the cells
                tally = self._tally("labelled", self.monitor.audit, self._frame(connection, rows, names, cell))
                store.add_tally(self.monitor.name, cell, "labelled", self._part, tally)
                yield cell

    @contextmanager
    def _matched(self, files: Sequence[Sealed]) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """A connection with a table of the pairs that are new; None where there can be none."""
        wanted, truth = needed(self.monitor), self.folder.truth(self.progress.target + 1)
        if not (wanted.labels and truth and files):
            yield None
            return
        with opened([*files, *truth]) as connection, told(f"the truth of {self.monitor.name!r}"):
            pairs = list(self._pairs(connection, files, truth, wanted))
            if pairs:
                connection.execute(f"CREATE TEMP TABLE matched AS {' UNION ALL '.join(pairs)}")
            yield connection if pairs else None

    def _pairs(
        self, connection: duckdb.DuckDBPyConnection, files: Sequence[Sealed], truth: Sequence[Sealed], wanted: Needed
    ) -> Iterator[str]:
        """Queries of new truth with any prediction, and of earlier truth with new predictions."""
        through = self.progress.through
        new_files, new_truth = ([each for each in found if each.number > through] for found in (files, truth))
        old_truth = [each for each in truth if each.number <= through]
        epoch, step = micros_of(EPOCH), micros_of(EPOCH + self.folder.step) - micros_of(EPOCH)
        columns = [f"p.{self._stored(name)}" for name in wanted.inputs]
        columns += [f"t.{self._stored(name)}" for name in wanted.labels]
        columns.append(f"(epoch_us(p.time) - {epoch}) // {step} AS cell")
        for predictions, labels in ((files, new_truth), (new_files, old_truth)):
            if predictions and labels:
                asked = query(connection, predictions, self.columns, wanted.inputs)
                known = query(connection, labels, self.columns, wanted.labels)
                yield f"SELECT {', '.join(columns)} FROM ({asked}) p JOIN ({known}) t USING (id)"  # noqa: S608

    def _cells(self, connection: duckdb.DuckDBPyConnection) -> list[Window]:
        numbers = connection.sql("SELECT DISTINCT cell FROM matched ORDER BY cell").fetchall()
        starts = [EPOCH + number * self.folder.step for (number,) in numbers]
        return [Window(start, start + self.folder.step) for start in starts]

    def _frame(
        self, connection: duckdb.DuckDBPyConnection, rows: str, names: Sequence[str], cell: Window
    ) -> DuckDBFrame:
        chosen = ", ".join(self._stored(name) for name in names)
        relation = connection.sql(f"SELECT {chosen} FROM ({rows})")  # noqa: S608 - our own names
        return DuckDBFrame(relation, names, location=f"{self.monitor.name}, {cell}")

    def _tally(self, counted: Counted, audit: Audit, frame: DuckDBFrame) -> Tally:
        """Counted as the first rows settled it: the kind of outcome and the favourable classes."""
        if counted in self.progress.settled:
            found = {name: _frozen(value) for name, value in self.progress.settled[counted].items()}
            return settled_tally(count(frame, plan(audit.model_copy(update=found), frame)))
        bound = plan(audit, frame)
        kept = settled(audit, bound)
        facts = {**self.progress.settled, counted: {"outcome": kept.outcome, "positive": kept.positive}}
        self.progress = keep(self.folder, dataclasses.replace(self.progress, settled=facts))
        return settled_tally(count(frame, bound))

    @property
    def _part(self) -> str:
        return f"{self.progress.identity} {self.progress.through + 1}-{self.progress.target}"

    def _stored(self, name: str) -> str:
        return stored_name(self.columns.place(name))


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def count_sealed(folder: Folder, monitor: Monitor, journal: Journal, store: Adding) -> list[Window]:
    """Add what was sealed since the last time to the store; gives the cells that grew. Raises EvenhandError."""
    grown = set[Window]()
    with locked(folder.lock):
        progress = progress_of(folder, monitor)
        while True:
            if progress.target == progress.through:
                sealed = journal.first() - 1
                if sealed <= progress.through:
                    return sorted(grown)
                progress = keep(folder, dataclasses.replace(progress, target=sealed))
            counting = Counting(folder, monitor, Columns(folder.columns), progress)
            grown.update(counting.run(store))
            progress = counting.progress


def grown_cells(folder: Folder, monitor: Monitor, journal: Journal) -> list[Window]:
    """The cells that `count_sealed` would add to. Raises EvenhandError."""
    with locked(folder.lock):
        sealed = journal.first() - 1
        progress = dataclasses.replace(progress_of(folder, monitor), target=sealed)
        return Counting(folder, monitor, Columns(folder.columns), progress).grown() if sealed > progress.through else []


def forget_counted(folder: Folder, monitor: Monitor, before: datetime) -> int:
    """Remove the records of cells that ended before a moment and are counted; gives how many cells."""
    cells = set[Window]()
    with locked(folder.lock):
        progress = progress_of(folder, monitor)
        if progress.target != progress.through:  # counting will go on from exactly these files
            return 0
        for file in folder.predictions(progress.through + 1):
            if file.cell is not None and file.cell.end <= before:
                file.path.unlink()
                cells.add(file.cell)
        for cell in cells:
            with suppress(OSError):  # holds records that are not counted yet
                folder.place("predictions", 0, folder.cell_number(cell)).parent.rmdir()
    return len(cells)
