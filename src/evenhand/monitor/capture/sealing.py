"""Sealing: closed segments become Parquet files by cell of time, each id once; the segment goes only afterwards."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from evenhand.core.window import EPOCH
from evenhand.monitor.capture.columns import Columns, stored_name
from evenhand.monitor.capture.durable import locked, made, write_durable
from evenhand.monitor.capture.folder import Folder, Sealed, opened
from evenhand.monitor.capture.journal import PREDICTIONS, TRUTH, Journal
from evenhand.monitor.capture.records import arrow, micros_of
from evenhand.sources.scan import listed


@dataclass(frozen=True)
class Earlier:
    """The files that are sealed already."""

    predictions: list[Sealed]
    truth: list[Sealed]
    corrections: list[Sealed]


def seal(folder: Folder, journal: Journal, labels: tuple[str, ...]) -> int:
    """Seal everything that was accepted so far; gives the number of segments sealed. Raises EvenhandError."""
    with locked(folder.lock):
        journal.close_segment()
        numbers = journal.closed()
        for number in numbers:
            _seal(folder, journal, number, labels)
    return len(numbers)


def _seal(folder: Folder, journal: Journal, number: int, labels: tuple[str, ...]) -> None:
    for path in folder.leftovers(number):
        path.unlink()
    tables: dict[bytes, list[Any]] = {PREDICTIONS: [], TRUTH: []}
    for framed in journal.frames(number):
        tables[framed.kind].append(unpacked(framed.payload))
    earlier = Earlier(folder.predictions(number), folder.truth(number), folder.truth(number, "corrections"))
    with opened([*earlier.predictions, *earlier.truth, *earlier.corrections]) as connection:
        if tables[PREDICTIONS]:
            fresh = joined(tables[PREDICTIONS])
            _write_by_cell(folder, number, fresh.take(_first(connection, fresh, earlier.predictions)))
        if tables[TRUTH]:
            columns, fresh = Columns(folder.columns), joined(tables[TRUTH])
            stored = tuple(stored_name(columns.place(name)) for name in labels)
            _write(folder.place("corrections", number), fresh.take(_corrections(connection, fresh, earlier, stored)))
            _write(folder.place("truth", number), fresh.take(_first(connection, fresh, earlier.truth)))
    journal.drop(number)


def packed(table: Any, batch_id: str | None) -> bytes:
    """A table as the journal holds it."""
    pa = arrow()
    if batch_id is not None:
        table = table.replace_schema_metadata({"batch": batch_id})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def unpacked(payload: bytes) -> Any:
    """A table as it was packed."""
    with arrow().ipc.open_stream(payload) as reader:
        return reader.read_all()


def joined(tables: list[Any]) -> Any:
    """One table of all rows; columns that some lack are missing there."""
    return arrow().concat_tables([table.replace_schema_metadata(None) for table in tables], promote_options="default")


def _write_by_cell(folder: Folder, number: int, kept: Any) -> None:
    epoch, step = micros_of(EPOCH), micros_of(EPOCH + folder.step) - micros_of(EPOCH)
    cells = (kept.column("time").cast("int64").to_numpy() - epoch) // step
    for cell in np.unique(cells).tolist():
        _write(folder.place("predictions", number, cell), kept.take(np.flatnonzero(cells == cell)))


def _write(path: Path, table: Any) -> None:
    """Write a file of the rows, where there are any."""
    if not table.num_rows:
        return
    pa = arrow()
    import pyarrow.parquet

    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    made(path.parent)
    write_durable(path, sink.getvalue())


def _first(connection: duckdb.DuckDBPyConnection, fresh: Any, earlier: list[Sealed]) -> Any:
    """The places of the rows that count: the first of each id, where no earlier file has it."""
    firsts = "SELECT id, min(place) AS place FROM fresh GROUP BY id"
    if earlier:
        firsts = f"SELECT * FROM ({firsts}) AS firsts ANTI JOIN ({_rows(earlier, 'id')}) AS before USING (id)"  # noqa: S608
    return _places(connection, fresh.select(["id"]), firsts)


def _corrections(connection: duckdb.DuckDBPyConnection, fresh: Any, earlier: Earlier, labels: tuple[str, ...]) -> Any:
    """The places of labels that differ from the first of their id, each different label once."""
    named = ", ".join(("id", *labels))
    known = f"SELECT DISTINCT ON (id) {named} FROM fresh ORDER BY place"  # noqa: S608 - our own names
    if earlier.truth:
        before = f"SELECT {named} FROM ({_rows(earlier.truth, named)}) SEMI JOIN fresh USING (id)"  # noqa: S608
        known = f"SELECT * FROM ({before}) UNION ALL SELECT * FROM ({known}) ANTI JOIN ({before}) USING (id)"  # noqa: S608
    differs = " OR ".join(f"fresh.{label} IS DISTINCT FROM known.{label}" for label in labels)
    found = (
        f"SELECT {', '.join(f'fresh.{name}' for name in ('id', *labels))}, min(place) AS place "  # noqa: S608
        f"FROM fresh JOIN ({known}) AS known USING (id) WHERE {differs} GROUP BY ALL"
    )
    if earlier.corrections:
        noted = _rows(earlier.corrections, named)
        found = f"SELECT * FROM ({found}) AS found ANTI JOIN ({noted}) AS noted USING ({named})"  # noqa: S608
    return _places(connection, fresh.select(["id", *labels]), found)


def _places(connection: duckdb.DuckDBPyConnection, fresh: Any, query: str) -> Any:
    connection.register("fresh", fresh.append_column("place", arrow().array(np.arange(fresh.num_rows))))
    return connection.sql(f"SELECT place FROM ({query}) ORDER BY place").fetchnumpy()["place"]  # noqa: S608


def _rows(files: list[Sealed], names: str) -> str:
    return f"SELECT {names} FROM read_parquet({listed([file.path for file in files])}, hive_partitioning = false)"  # noqa: S608
