"""Native dataframes: eager tables of the library that is installed, for models that must be called."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import duckdb

from evenhand.core.errors import MissingExtra

_VECTOR = 2048  # rows in one of DuckDB's vectors, in which pandas tables are fetched


def tables(result: duckdb.DuckDBPyConnection, columns: Sequence[str], size: int) -> Iterator[Any]:
    """The rows of a result, in tables of at most `size` rows."""
    if not find_spec("pandas"):
        while rows := result.fetchmany(size):
            yield table_from_rows(columns, rows)
        return
    while len(chunk := result.fetch_df_chunk(max(1, size // _VECTOR))):
        chunk.columns = list(columns)
        for start in range(0, len(chunk), size):
            yield chunk.iloc[start : start + size].reset_index(drop=True)


def table_from_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Any:
    """The rows as a pandas, Polars or PyArrow table, whichever is installed first."""
    if find_spec("pandas"):
        import pandas

        return pandas.DataFrame.from_records([tuple(row) for row in rows], columns=list(columns))
    if find_spec("polars"):
        import polars

        return polars.DataFrame(rows, schema=list(columns), orient="row", infer_schema_length=None)
    if find_spec("pyarrow"):
        import pyarrow

        values = zip(*rows, strict=True)
        return pyarrow.table([pyarrow.array(list(column)) for column in values], names=list(columns))
    raise MissingExtra("Calling a model on the rows", "pandas", "pandas")


def native_of_arrow(table: Any, names: Sequence[str]) -> Any:
    """A PyArrow table under these names, as a table of the library that `table_from_rows` would take."""
    named = table.rename_columns(list(names))
    if find_spec("pandas"):
        return named.to_pandas(date_as_object=False)
    if find_spec("polars"):
        import polars

        return polars.from_arrow(named)
    return named
