"""Parts: the rows of a table as PyArrow tables of one fixed size, each row with its place in the whole."""

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import ColumnNotFound, DataError
from evenhand.core.spread import PLACE, ArrowSchema, ArrowTable
from evenhand.sources.arrow_tables import exactly
from evenhand.sources.duckdb_errors import told
from evenhand.sources.duckdb_frame import DuckDBFrame, Relation
from evenhand.sources.scan import aliases

_LARGE = 1_000_000  # rows of a table in memory that are looked through at once, which copies none of them


def parts(frame: DuckDBFrame, columns: Sequence[str], size: int) -> Iterator[ArrowTable]:
    """Tables of the columns as c0, c1, … and `place`: `size` rows each, the last fewer, in the order of the table."""
    checked(frame, columns)
    start = 0
    for table in _in_memory(frame, columns, size) if _holds_rows(frame) else _streamed(frame, columns, size):
        yield table.append_column(PLACE, [np.arange(start, start + len(table))])
        start += len(table)


def schema_of(frame: DuckDBFrame, columns: Sequence[str]) -> ArrowSchema:
    """The PyArrow types of the columns, under their own names."""
    import pyarrow

    with told(frame.location):
        found = _chosen(frame, frame.relation, columns).limit(0).to_arrow_table().schema
    return pyarrow.schema([field.with_name(name) for field, name in zip(found, columns, strict=True)])


def rows_at(frame: DuckDBFrame, places: NDArray[np.int64], columns: Sequence[str]) -> ArrowTable:
    """The rows at these ascending places as c0, c1, …; raises DataError for a place that is none."""
    checked(frame, columns)
    if len(places) and not 0 <= places[0] <= places[-1] < frame.height:
        wrong = int(places[0] if places[0] < 0 else places[-1])
        raise DataError(f"There is no row {wrong:,} in {frame.location}: its {frame.height:,} rows count from 0.")
    return _taken(frame, places, columns) if _holds_rows(frame) else _fetched(frame, places, columns)


def checked(frame: DuckDBFrame, columns: Sequence[str]) -> None:
    """Raise ColumnNotFound for a column that is not there."""
    for column in columns:
        if column not in frame.kinds:
            raise ColumnNotFound(column, frame.kinds)


def _holds_rows(frame: DuckDBFrame) -> bool:
    """Whether the rows are a table of this process; what only it knows, such as categories, then goes along."""
    return frame.origin is not None and not frame.origin.paths and PLACE not in frame.relation.columns


def _in_memory(frame: DuckDBFrame, columns: Sequence[str], size: int) -> Iterator[ArrowTable]:
    for rows in frame.batches(columns, size):
        yield _as_arrow(nw.from_native(rows, eager_only=True))


def _as_arrow(table: nw.DataFrame[Any]) -> ArrowTable:
    # The index of pandas may come along as a column or in the metadata.
    chosen = table.to_arrow().select(table.columns).replace_schema_metadata(None)
    return chosen.rename_columns(aliases(len(table.columns)))


def _taken(frame: DuckDBFrame, places: NDArray[np.int64], columns: Sequence[str]) -> ArrowTable:
    import pyarrow

    start = 0
    taken: list[ArrowTable] = []
    for rows in frame.batches(columns, _LARGE):
        table = nw.from_native(rows, eager_only=True)
        first, last = np.searchsorted(places, [start, start + len(table)])
        if last > first or not taken:
            taken.append(_as_arrow(table[(places[first:last] - start).tolist()]))
        start += len(table)
    return pyarrow.concat_tables(taken, promote_options="permissive")


def _streamed(frame: DuckDBFrame, columns: Sequence[str], size: int) -> Iterator[ArrowTable]:
    # A connection of its own, so that other questions can be asked meanwhile.
    connection = _connected(frame)
    try:
        with told(frame.location):
            whole = frame.reopened(connection, "source")
            ordered = whole.order(PLACE) if PLACE in whole.columns else whole
            yield from exactly(_chosen(frame, ordered, columns).to_arrow_reader(size), size)
    finally:
        connection.close()


def _fetched(frame: DuckDBFrame, places: NDArray[np.int64], columns: Sequence[str]) -> ArrowTable:
    connection = _connected(frame)
    try:
        with told(frame.location):
            whole = frame.reopened(connection, "source")
            return _chosen(frame, _at(connection, whole, places), columns).to_arrow_table()
    finally:
        connection.close()


def _at(connection: duckdb.DuckDBPyConnection, whole: Relation, places: NDArray[np.int64]) -> Relation:
    """The rows at these places in their order; those before the first and after the last are not looked at."""
    if PLACE not in whole.columns:
        first, last = (int(places[0]), int(places[-1])) if len(places) else (0, -1)
        whole = whole.limit(last - first + 1, first)
        if len(places) == last - first + 1:
            return whole
        whole = whole.project(f"*, row_number() OVER () - 1 + {first} AS {PLACE}")
    connection.register("wanted", {PLACE: places})
    return whole.join(connection.table("wanted"), PLACE, "semi").order(PLACE)


def _chosen(frame: DuckDBFrame, relation: Relation, columns: Sequence[str]) -> Relation:
    return relation.project(", ".join(_aliases(frame, columns)))


def _aliases(frame: DuckDBFrame, columns: Sequence[str]) -> list[str]:
    places = {name: f"c{place}" for place, name in enumerate(frame.kinds)}
    return [f"{places[column]} AS c{number}" for number, column in enumerate(columns)]


def _connected(frame: DuckDBFrame) -> duckdb.DuckDBPyConnection:
    assert frame.origin is not None  # noqa: S101 - frames without one are refused
    return frame.origin.connect()
