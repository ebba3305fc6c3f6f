"""Capture: predictions as they happen and truth as it arrives, taken in, kept once, and counted."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from evenhand.core.errors import ColumnNotFound, DataError
from evenhand.core.frame import Frame
from evenhand.core.monitor import Monitor
from evenhand.core.window import Window
from evenhand.monitor.capture.columns import Columns, needed, stored_name
from evenhand.monitor.capture.durable import made
from evenhand.monitor.capture.folder import GRACE_SECONDS, Folder, Sealed, opened, query, within
from evenhand.monitor.capture.joining import Adding, Round, compact_sealed, count_sealed, forget_counted, grown_rounds
from evenhand.monitor.capture.journal import PREDICTIONS, SEGMENT_BYTES, TRUTH, Framed, Journal
from evenhand.monitor.capture.records import Clock, Columned, arrow, ids, micros_of, now, plain, table_of, times
from evenhand.monitor.capture.remembered import Remembered
from evenhand.monitor.capture.sealing import packed, seal, unpacked
from evenhand.monitor.capture.truth import labels_of
from evenhand.sources.duckdb_frame import DuckDBFrame
from evenhand.sources.origin import Origin


@dataclasses.dataclass(frozen=True)
class Receipt:
    """How many records were new, and how many are known to be there already.

    Of those that were sealed before, that shows only when these are sealed: they count once all the same.
    """

    accepted: int
    duplicates: int


class Capture:
    """The records of one monitor in a folder of its own; several threads and processes may use it at once.

    A record counts once by its id, and the first one wins; so does the first label of an id. What `accept` has
    returned for is on the disk. `seal` makes files of it, `counted` adds those to a store.
    """

    def __init__(
        self,
        folder: str | Path,
        monitor: Monitor,
        *,
        clock: Clock = now,
        segment_bytes: int = SEGMENT_BYTES,
        grace: float = GRACE_SECONDS,
    ) -> None:
        """`grace` are the seconds that files stay for their readers after they became part of a larger one."""
        self.monitor = monitor
        self._clock, self._needed = clock, needed(monitor)
        self._folder = Folder(made(Path(folder).expanduser()), monitor.windows, grace)
        self._columns = Columns(self._folder.columns)
        self._journal = Journal(self._folder.root / "journal", segment_bytes=segment_bytes)
        self._known = Remembered(self._waiting)
        self._ready: list[Round] = []

    @property
    def folder(self) -> Path:
        """Where the records are kept."""
        return self._folder.root

    def accept(self, batch: Any, *, batch_id: str | None = None) -> Receipt:
        """Take in predictions: one record, a list of records, or a table; all of them or none.

        A label that is among their columns is taken as truth. Raises EvenhandError with one line that says what is
        wrong.
        """
        values = dict(table_of(batch))
        rows = len(next(iter(values.values()), ()))
        if rows == 0 or self._known.has_batch(PREDICTIONS, batch_id):
            return Receipt(0, rows)
        clock = self._clock()
        keys = ids(self._taken(values, self.monitor.id), self.monitor.id)
        when = times(self._taken(values, self.monitor.time), self.monitor, clock)
        found = plain(values)
        self._check_inputs(found)
        self._columns.learn(found.kinds)
        inputs = {name: column for name, column in found.values.items() if name not in self._needed.labels}
        table = self._table({"id": keys, "time": when}, inputs)
        new = self._known.new_places(PREDICTIONS, keys.to_pylist())
        kept = table if len(new) == rows else table.take(new)
        tables = [(PREDICTIONS, kept)] if len(new) else []
        if all(name in found.values for name in self._needed.labels) and self._needed.labels:
            told = labels_of(self._needed.labels, keys, found.values)
            if told.rows:
                tables.append((TRUTH, self._arrived(told, clock)))
        self._append(tables, batch_id)
        return Receipt(len(new), rows - len(new))

    def accept_truth(self, batch: Any, *, batch_id: str | None = None) -> Receipt:
        """Take in labels: records or a table with the id and the label; all of them or none.

        The first label of an id counts; a different one that comes later is noted as a correction. Raises
        EvenhandError.
        """
        labels = self._needed.labels
        if not labels:
            raise DataError(f"The audit of monitor {self.monitor.name!r} has no label, so no truth is waited for.")
        values = dict(table_of(batch))
        rows = len(next(iter(values.values()), ()))
        if rows == 0 or self._known.has_batch(TRUTH, batch_id):
            return Receipt(0, rows)
        keys = ids(self._taken(values, self.monitor.id), self.monitor.id)
        if len(labels) == 1 and labels[0] not in values and "label" in values:
            values[labels[0]] = values["label"]
        found = plain({name: self._taken(values, name) for name in labels})
        told = labels_of(labels, keys, found.values, every=True)
        self._columns.learn(found.kinds)
        new = self._known.new_places(TRUTH, keys.to_pylist())
        self._append([(TRUTH, self._arrived(told, self._clock()))], batch_id)
        return Receipt(len(new), rows - len(new))

    def seal(self) -> int:
        """Turn what was accepted into files by cell of time; gives the number of segments. Raises EvenhandError."""
        sealed = seal(self._folder, self._journal, self._needed.labels)
        if sealed:
            self._known.forget()
        return sealed

    def counted(self, store: Adding) -> list[Window]:
        """Add what was sealed, and the truth that was joined, to a store, exactly once; gives the cells that grew."""
        ready, self._ready = self._ready, []
        return count_sealed(self._folder, self.monitor, self._journal, store, ready)

    def compact(self) -> int:
        """Merge small files of what is counted into larger ones; gives how many were made."""
        return compact_sealed(self._folder, self.monitor)

    def cells_changed(self) -> list[Window]:
        """The cells that `counted` would add to, by new records or by truth of earlier ones; seals first.

        What it finds is kept until `counted`, so that truth is joined once.
        """
        self.seal()
        self._ready = grown_rounds(self._folder, self.monitor, self._journal)
        return sorted({cell for found in self._ready for cell in found.cells})

    def forget(self, before: datetime) -> int:
        """Remove the records of cells that ended before a moment, once they are counted; gives how many cells.

        Their ids are forgotten too, so that `keep` of the monitor must refuse records of that time. Truth stays.
        """
        return forget_counted(self._folder, self.monitor, before)

    def frame(self, window: Window, *, labelled: bool) -> Frame | None:
        """The sealed rows of a window, each id once; None where there are none.

        With `labelled`, only rows whose label is known, with the label as a column.
        """
        below = self._journal.first()
        files = [each for each in self._folder.predictions(below) if each.cell is not None and _meet(each.cell, window)]
        truth = self._folder.truth(below) if labelled else []
        if not files or (labelled and not truth):
            return None
        self._columns.reread()
        names = [name for name in self._columns.kinds if name not in self._needed.labels]
        shown = [self.monitor.id, self.monitor.time, *names, *(self._needed.labels if labelled else ())]
        connection = opened([*files, *truth])
        rows = self._rows(connection, files, truth, window)
        origin = Origin(lambda other, _: other.sql(rows), tuple(each.path for each in (*files, *truth)))
        frame = DuckDBFrame(
            origin.relation(connection, "rows"), shown, location=f"{self.monitor.name}, {window}", origin=origin
        )
        return frame if frame.height else None

    def corrections(self) -> int:
        """How many labels arrived that differ from the first of their id, which counts."""
        files = self._folder.truth(self._journal.first(), "corrections")
        import pyarrow.parquet

        return sum(int(pyarrow.parquet.read_metadata(file.path).num_rows) for file in files)

    def close(self) -> None:
        """Let go of the files."""
        self._journal.close()

    def _rows(self, connection: Any, files: Sequence[Sealed], truth: Sequence[Sealed], window: Window) -> str:
        names = [name for name in self._columns.kinds if name not in self._needed.labels]
        stored = [f"p.{stored_name(self._columns.place(name))}" for name in names]
        rows = f"({query(connection, files, self._columns, names)} WHERE {within(window)}) AS p"
        if truth:
            known = query(connection, truth, self._columns, self._needed.labels)
            stored += [f"t.{stored_name(self._columns.place(name))}" for name in self._needed.labels]
            rows += f" JOIN ({known}) AS t ON p.id::VARCHAR = t.id::VARCHAR"
        return f"SELECT p.id::VARCHAR, p.time, {', '.join(stored)} FROM {rows}"  # noqa: S608 - our own names

    def _waiting(self) -> Iterator[tuple[bytes, Any]]:
        return ((framed.kind, unpacked(framed.payload)) for framed in self._journal.waiting())

    def _append(self, tables: Sequence[tuple[bytes, Any]], batch_id: str | None) -> None:
        if tables:
            self._journal.append([Framed(kind, packed(table, batch_id)) for kind, table in tables])
        # Only now: what another thread takes for a duplicate must be on the disk.
        for kind, table in tables:
            self._known.note(kind, table, batch_id)

    def _taken(self, values: dict[str, Any], name: str) -> Any:
        if name not in values:
            raise ColumnNotFound(name, values)
        return values.pop(name)

    def _check_inputs(self, found: Columned) -> None:
        lacking = [name for name in self._needed.inputs if name not in found.values and name not in self._columns.kinds]
        if lacking:
            raise ColumnNotFound(lacking[0], found.values)

    def _table(self, first: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
        pa = arrow()
        known = {name: column for name, column in values.items() if not pa.types.is_null(column.type)}
        return pa.table({**first, **{stored_name(self._columns.place(name)): each for name, each in known.items()}})

    def _arrived(self, told: Columned, clock: Any) -> Any:
        pa = arrow()
        when = pa.array([micros_of(clock)] * told.rows, pa.int64()).cast(pa.timestamp("us"))
        labels = {name: column for name, column in told.values.items() if name != "id"}
        return self._table({"id": told.values["id"], "arrived": when}, labels)


def _meet(first: Window, second: Window) -> bool:
    return first.start < second.end and second.start < first.end
