"""Joining: what was sealed is counted by cell, and truth is joined to its predictions; each exactly once."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal, Protocol

from evenhand.core.audit import Audit
from evenhand.core.monitor import Monitor
from evenhand.core.plan import Plan, plan
from evenhand.core.tally import Tally, count
from evenhand.core.window import Window
from evenhand.counting.answering import settled
from evenhand.monitor.capture.columns import Columns, needed, stored_name, without_label
from evenhand.monitor.capture.compacting import compact_counted
from evenhand.monitor.capture.durable import locked
from evenhand.monitor.capture.folder import Folder, Sealed, opened, query
from evenhand.monitor.capture.journal import Journal
from evenhand.monitor.capture.matching import Matching, Sides
from evenhand.monitor.capture.progress import Progress, keep, progress_of
from evenhand.monitor.capture.seen import Seen
from evenhand.parts.settled import settled_tally
from evenhand.sources.duckdb_frame import DuckDBFrame

Kind = Literal["all", "labelled"]


class Adding(Protocol):
    """What counting needs of a store."""

    def add_tally(self, monitor: str, cell: Window, counted: Kind, part: str, tally: Tally) -> bool:
        """Add counts to those of a cell, once for each name of a part."""


@dataclasses.dataclass(frozen=True)
class Round:
    """What one round of counting adds, under the name of its part."""

    part: str
    cells: tuple[Window, ...]
    tallies: tuple[tuple[Window, Kind, Tally], ...]

    def add(self, monitor: Monitor, store: Adding) -> None:
        """Add it to a store, which takes each part once."""
        for cell, counted, tally in self.tallies:
            store.add_tally(monitor.name, cell, counted, self.part, tally)


@dataclasses.dataclass
class Counting:
    """One round of counting: from the segments that are counted to the target."""

    folder: Folder
    monitor: Monitor
    columns: Columns
    progress: Progress

    def round(self) -> Round:
        """Count up to the target. Raises EvenhandError."""
        files = self.folder.predictions(self.progress.target + 1)
        new = self._new(files)
        tallies: list[tuple[Window, Kind, Tally]] = [(cell, "all", tally) for cell, tally in self._all(new)]
        tallies += [(cell, "labelled", tally) for cell, tally in self._labelled(files)]
        cells = {*new, *(cell for cell, _, _ in tallies)}
        return Round(self.progress.part, tuple(sorted(cells)), tuple(tallies))

    def _new(self, files: Sequence[Sealed]) -> dict[Window, list[Sealed]]:
        """The files that are not counted, by their cell."""
        new: dict[Window, list[Sealed]] = {}
        for file in files:
            if file.number > self.progress.through and file.cell is not None:
                new.setdefault(file.cell, []).append(file)
        return new

    def _all(self, new: dict[Window, list[Sealed]]) -> Iterator[tuple[Window, Tally]]:
        audit, names = without_label(self.monitor.audit), needed(self.monitor).inputs
        if audit is None or not new:
            return
        with opened([file for files in new.values() for file in files]) as connection:
            for cell, files in sorted(new.items()):
                chosen = ", ".join(stored_name(self.columns.place(name)) for name in names)
                rows = connection.sql(f"SELECT {chosen} FROM ({query(connection, files, self.columns, names)})")  # noqa: S608
                frame = DuckDBFrame(rows, names, location=f"{self.monitor.name}, {cell}")
                bound = plan(self._asked("all", audit), frame)
                self._settle("all", audit, bound)
                yield cell, settled_tally(count(frame, bound))

    def _labelled(self, files: Sequence[Sealed]) -> Iterator[tuple[Window, Tally]]:
        truth = self.folder.truth(self.progress.target + 1)
        if not (needed(self.monitor).labels and truth and files):
            return
        audit, sides = self.monitor.audit, Sides(files, truth, self.progress.through)
        matching = Matching(self.folder, self.monitor, self.columns)
        for cell, bound, tally in matching.tallies(sides, lambda: self._asked("labelled", audit)):
            self._settle("labelled", audit, bound)
            yield cell, settled_tally(tally)

    def _asked(self, counted: Kind, audit: Audit) -> Audit:
        """The audit as the first rows settled it: the kind of outcome and the favourable classes."""
        found = {name: _frozen(value) for name, value in self.progress.settled.get(counted, {}).items()}
        return audit.model_copy(update=found)

    def _settle(self, counted: Kind, audit: Audit, bound: Plan) -> None:
        if counted not in self.progress.settled:
            kept = settled(audit, bound)
            facts = {**self.progress.settled, counted: {"outcome": kept.outcome, "positive": kept.positive}}
            keep(self.folder, dataclasses.replace(progress_of(self.folder, self.monitor), settled=facts))
            self.progress = dataclasses.replace(self.progress, settled=facts)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def count_sealed(
    folder: Folder, monitor: Monitor, journal: Journal, store: Adding, ready: Sequence[Round] = ()
) -> list[Window]:
    """Add what was sealed since the last time to the store; gives the cells that grew. Raises EvenhandError.

    `ready` are the rounds that `grown_rounds` counted, which need not be counted again.
    """
    grown, known = set[Window](), {each.part: each for each in ready}
    with locked(folder.lock):
        progress = progress_of(folder, monitor)
        while True:
            if progress.target == progress.through:
                sealed = journal.first() - 1
                if sealed <= progress.through:
                    break
                progress = keep(folder, dataclasses.replace(progress, target=sealed))
            counting = Counting(folder, monitor, Columns(folder.columns), progress)
            found = known.get(progress.part) or counting.round()
            found.add(monitor, store)
            grown.update(found.cells)
            progress = keep(folder, dataclasses.replace(counting.progress, through=progress.target))
    return sorted(grown)


def compact_sealed(folder: Folder, monitor: Monitor) -> int:
    """Merge small files of counted records; gives how many files were made."""
    with locked(folder.lock):
        return compact_counted(folder, Columns(folder.columns), progress_of(folder, monitor).through)


def grown_rounds(folder: Folder, monitor: Monitor, journal: Journal) -> list[Round]:
    """What `count_sealed` would add now: what a process that died was counting, and what was sealed since."""
    found = []
    with locked(folder.lock):
        progress, sealed = progress_of(folder, monitor), journal.first() - 1
        for target in sorted({progress.target, sealed}):
            if target > progress.through:
                counting = Counting(
                    folder, monitor, Columns(folder.columns), dataclasses.replace(progress, target=target)
                )
                found.append(counting.round())
                progress = dataclasses.replace(counting.progress, through=target)
    return found


def forget_counted(folder: Folder, monitor: Monitor, before: datetime) -> int:
    """Remove the records of cells that ended before a moment and are counted; gives how many cells."""
    cells = set[Window]()
    with locked(folder.lock):
        progress = progress_of(folder, monitor)
        if progress.target != progress.through:  # counting will go on from exactly these files
            return 0
        for files in folder.by_place("predictions", progress.through + 1):
            # A file that another was made part of goes first: alone it would stand again.
            for file in sorted(files, key=lambda each: each.number - each.first):
                if file.cell is not None and file.cell.end <= before:
                    file.path.unlink()
                    cells.add(file.cell)
        for cell in cells:
            with suppress(OSError):  # holds records that are not counted yet
                folder.place("predictions", 0, folder.cell_number(cell)).parent.rmdir()
        if cells:
            Seen(folder.seen("predictions")).forget(sum(file.rows for file in folder.predictions(progress.through + 1)))
    return len(cells)
