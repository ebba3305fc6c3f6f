"""Sealing: closed segments become Parquet files by cell of time, each id once; the segment goes only afterwards."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from evenhand.core.window import EPOCH
from evenhand.monitor.capture.columns import Columns, stored_name
from evenhand.monitor.capture.durable import locked, made, write_durable
from evenhand.monitor.capture.folder import Folder, Sealed, ids_of, opened
from evenhand.monitor.capture.journal import PREDICTIONS, TRUTH, Journal
from evenhand.monitor.capture.keys import Hashes, compact, hashed
from evenhand.monitor.capture.records import arrow, micros_of
from evenhand.monitor.capture.seen import Found, Seen


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
    if tables[PREDICTIONS]:
        _seal_predictions(folder, number, joined(tables[PREDICTIONS]))
    if tables[TRUTH]:
        columns = Columns(folder.columns)
        _seal_truth(folder, number, joined(tables[TRUTH]), [stored_name(columns.place(name)) for name in labels])
    journal.drop(number)


def _seal_predictions(folder: Folder, number: int, fresh: Any) -> None:
    seen, hashes = Seen(folder.seen("predictions")), hashed(fresh.column("id"))
    found = seen.look(hashes, folder.predictions(number))
    kept = _first(fresh, hashes, found)
    _write_by_cell(folder, number, fresh.take(kept))
    seen.add(number, hashes[kept])


def _seal_truth(folder: Folder, number: int, fresh: Any, labels: Sequence[str]) -> None:
    seen, hashes = Seen(folder.seen("truth")), hashed(fresh.column("id"))
    found = seen.look(hashes, folder.truth(number))
    noted = folder.truth(number, "corrections")
    _write(folder.place("corrections", number), fresh.take(_corrections(fresh, hashes, found, noted, labels)))
    kept = _first(fresh, hashes, found)
    _write(folder.place("truth", number), fresh.take(kept))
    seen.add(number, hashes[kept])


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

    table = table.set_column(0, "id", compact(table.column("id").combine_chunks()))
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    made(path.parent)
    write_durable(path, sink.getvalue())


def _first(fresh: Any, hashes: Hashes, found: Found) -> Any:
    """The places of the rows that count: the first of each id, where no earlier file has it."""
    doubtful = found.maybe | _repeated(hashes)
    if not doubtful.any():
        return np.arange(fresh.num_rows)
    firsts = "SELECT id, min(place) AS place FROM fresh GROUP BY id"
    if found.files:
        firsts = f"SELECT * FROM ({firsts}) AS firsts ANTI JOIN ({_texts(found.files)}) AS before USING (id)"  # noqa: S608
    with opened(found.files) as connection:
        sure = _places(connection, fresh.select(["id"]), doubtful, firsts)
    return np.sort(np.concatenate([np.flatnonzero(~doubtful), sure]))


def _corrections(fresh: Any, hashes: Hashes, found: Found, noted: list[Sealed], labels: Sequence[str]) -> Any:
    """The places of labels that differ from the first of their id, each different label once."""
    doubtful = found.maybe | _repeated(hashes)
    if not doubtful.any():
        return np.empty(0, np.int64)
    known = f"SELECT DISTINCT ON (id) {', '.join(('id', *labels))} FROM fresh ORDER BY place"  # noqa: S608 - our own names
    if found.files:
        before = f"SELECT * FROM ({_texts(found.files, labels)}) SEMI JOIN fresh USING (id)"  # noqa: S608
        known = f"SELECT * FROM ({before}) UNION ALL SELECT * FROM ({known}) ANTI JOIN ({before}) USING (id)"  # noqa: S608
    differs = " OR ".join(f"fresh.{label} IS DISTINCT FROM known.{label}" for label in labels)
    differing = (
        f"SELECT {', '.join(f'fresh.{name}' for name in ('id', *labels))}, min(place) AS place "  # noqa: S608
        f"FROM fresh JOIN ({known}) AS known USING (id) WHERE {differs} GROUP BY ALL"
    )
    if noted:
        named = ", ".join(("id", *labels))
        differing = f"SELECT * FROM ({differing}) AS found ANTI JOIN ({_texts(noted, labels)}) AS noted USING ({named})"  # noqa: S608
    with opened([*found.files, *noted]) as connection:
        return _places(connection, fresh.select(["id", *labels]), doubtful, differing)


def _repeated(hashes: Hashes) -> Any:
    """Which ids may occur more than once among these."""
    _, codes, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    return (counts > 1)[codes]


def _places(connection: duckdb.DuckDBPyConnection, fresh: Any, among: Any, query: str) -> Any:
    """What a query finds among some of the rows, called fresh, by their place."""
    places = np.flatnonzero(among)
    connection.register("fresh", fresh.take(places).append_column("place", arrow().array(places)))
    return connection.sql(f"SELECT place FROM ({query}) ORDER BY place").fetchnumpy()["place"]  # noqa: S608


def _texts(files: list[Sealed], names: Sequence[str] = ()) -> str:
    """The query of ids as text, whatever they are stored as."""
    return ids_of(files, ", ".join(("id::VARCHAR AS id", *names)))
