"""Frames in memory: pandas, Polars, PyArrow, a DuckDB relation, a dict of columns, or what narwhals knows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import narwhals as nw
from numpy.typing import NDArray

from evenhand.core.errors import DataError, MissingExtra
from evenhand.sources.arrays import as_levels
from evenhand.sources.columns import as_arrays, checked_objects
from evenhand.sources.connection import DEFAULT_MEMORY
from evenhand.sources.duckdb_errors import explained
from evenhand.sources.duckdb_frame import Batches, DuckDBFrame
from evenhand.sources.native import table_from_rows
from evenhand.sources.origin import Origin
from evenhand.sources.scan import aliases


def read_frame(
    source: Any,
    *,
    memory_limit: str = DEFAULT_MEMORY,
    threads: int | None = None,
    location: str | None = None,
    notes: Sequence[str] = (),
) -> DuckDBFrame | None:
    """The table in memory as a frame; None where it is no table."""
    if isinstance(source, duckdb.DuckDBPyRelation):
        return _from_relation(source)
    if isinstance(source, Mapping):
        arrays = as_arrays(source)
        height = len(next(iter(arrays.values()), ()))
        where = location or "a dict of columns"
        kept = _InMemory(_positional(arrays), list(arrays), _dict_batches(arrays), where, height)
        return _registered(kept, notes, memory_limit, threads)
    table = nw.from_native(_with_text_names(source), pass_through=True)
    if isinstance(table, nw.LazyFrame):
        table = table.collect()
    if not isinstance(table, nw.DataFrame):
        return None
    return _registered(_from_eager(table, location), notes, memory_limit, threads)


def attach(rows: Any, columns: Mapping[str, NDArray[Any]]) -> DuckDBFrame:
    """A native table with more columns, such as predictions; a column of the same name is replaced."""
    table = nw.from_native(_with_text_names(rows), eager_only=True)
    for name, values in columns.items():
        if len(values) != len(table):
            raise DataError(
                f"The new column {name!r} has {len(values):,} values for {len(table):,} rows; give one a row."
            )
    added = [nw.new_series(name, values, backend=table.implementation) for name, values in columns.items()]
    return _registered(_from_eager(table.with_columns(*added), None), (), DEFAULT_MEMORY, None)


@dataclass(frozen=True)
class _InMemory:
    """A table with columns c0, c1, … that DuckDB can register, and what they are really called."""

    table: Any
    names: Sequence[str]
    batches: Batches
    location: str
    height: int


def _registered(kept: _InMemory, notes: Sequence[str], memory_limit: str, threads: int | None) -> DuckDBFrame:
    def relation(connection: duckdb.DuckDBPyConnection, name: str) -> duckdb.DuckDBPyRelation:
        connection.register(name, kept.table)
        return connection.table(name)

    origin = Origin(relation, (), memory_limit, threads)
    try:
        source = origin.relation(origin.connect(), "source")
        frame = DuckDBFrame(
            source,
            kept.names,
            location=kept.location,
            origin=origin,
            batches=kept.batches,
            height=kept.height,
            notes=notes,
        )
    except duckdb.Error as error:
        raise explained(error, kept.location) from error
    return _filled(frame)


def _from_eager(table: nw.DataFrame[Any], location: str | None) -> _InMemory:
    names = list(table.columns)

    def batches(columns: Sequence[str], size: int) -> Iterator[Any]:
        chosen = table.select(*columns)
        for start in range(0, len(table), size):
            yield chosen[start : start + size].to_native()

    where = location or f"a {table.implementation} table of {len(table):,} rows"
    return _InMemory(_renamed(table), names, batches, where, len(table))


def _with_text_names(source: Any) -> Any:
    """A pandas table whose column names are numbers or the like, with their text instead."""
    if not nw.dependencies.is_pandas_dataframe(source):
        return source
    names = list(source.columns)
    texts = [str(name) for name in names]
    if len(set(texts)) < len(texts):
        twice = next(name for place, name in enumerate(texts) if name in texts[:place])
        raise DataError(f"Two columns of the table are called {twice!r}; rename one of them.")
    if all(isinstance(name, str) for name in names):
        return source
    shallow = source.copy(deep=False)
    shallow.columns = texts
    return shallow


def _renamed(table: nw.DataFrame[Any]) -> Any:
    """The native table with columns called c0, c1, …; no column is copied."""
    names = aliases(len(table.columns))
    native: Any = table.to_native()
    if table.implementation.is_pandas():
        checked_objects(native)
        shallow = native.copy(deep=False)
        shallow.columns = names
        return shallow
    if table.implementation.is_polars():
        return _arrow_of_polars(native.rename(dict(zip(table.columns, names, strict=True))))
    return table.to_arrow().rename_columns(names)


def _arrow_of_polars(table: Any) -> Any:
    try:
        import polars

        # The newest form of Arrow shares the text with Polars; older ones would copy it.
        return table.to_arrow(compat_level=polars.CompatLevel.newest())
    except ImportError as error:
        raise MissingExtra("Reading a Polars table", "pyarrow", "arrow") from error


def _positional(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return dict(zip(aliases(len(arrays)), arrays.values(), strict=True))


def _from_relation(relation: duckdb.DuckDBPyRelation) -> DuckDBFrame:
    def batches(columns: Sequence[str], size: int) -> Iterator[Any]:
        chosen = relation.select(*(duckdb.ColumnExpression(column) for column in columns))
        # The connection is the user's, so no result may stay open on it between two batches.
        values = chosen.fetchnumpy()
        arrays = [as_levels(values[column]) for column in chosen.columns]
        for start in range(0, len(arrays[0]), size):
            yield _rows_of(columns, arrays, start, size)

    return _filled(DuckDBFrame(relation, relation.columns, location="a DuckDB relation", batches=batches))


def _dict_batches(arrays: Mapping[str, NDArray[Any]]) -> Batches:
    def batches(columns: Sequence[str], size: int) -> Iterator[Any]:
        chosen = [arrays[column] for column in columns]
        for start in range(0, len(next(iter(arrays.values()))), size):
            yield _rows_of(columns, chosen, start, size)

    return batches


def _rows_of(columns: Sequence[str], arrays: Sequence[NDArray[Any]], start: int, size: int) -> Any:
    return table_from_rows(columns, list(zip(*(array[start : start + size].tolist() for array in arrays), strict=True)))


def _filled(frame: DuckDBFrame) -> DuckDBFrame:
    if frame.height == 0:
        raise DataError(f"The table holds no rows ({frame.location}).")
    return frame
