"""Queries of Ibis made so that every database can compile and stream them."""

import math
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import narwhals as nw

from evenhand.core.errors import DataError
from evenhand.core.values import Kind
from evenhand.sources.arrow_tables import exactly
from evenhand.sources.lazy_counts import tidied


def aliased(table: Any, compiled: Callable[[Any], Any]) -> tuple[nw.LazyFrame[Any], dict[str, Kind]]:
    """The table with its columns as c0, c1, …, tidied as far as the compiler has words for it; and each one's kind."""
    names = list(table.columns)
    # Only here, in the innermost selection, does a name of the data stand in a query.
    renamed = table.select([table[name].name(f"c{place}") for place, name in enumerate(names)])
    return tidied(nw.from_native(renamed), names, nan=_has_nan(compiled))


def _has_nan(compiled: Callable[[Any], Any]) -> bool:
    """Whether the database can say what is NaN; those that cannot (SQLite, SQL Server) do not store it either."""
    import ibis
    from ibis.common.exceptions import OperationNotDefinedError

    try:
        compiled(ibis.literal(0.5).isnan())
    except (OperationNotDefinedError, NotImplementedError):
        return False
    return True


def settled(query: Any, given: Any) -> Any:
    """The query in words that all databases have for the same numbers; the table `given` in it stays as it is.

    Narwhals writes log(x) as NaN below 0, -inf at 0 and else log(2, x). MySQL and SQL Server have neither NaN nor
    infinity, PostgreSQL takes log(2, x) of decimals only, which is slow; and we ask for positive numbers alone. To many
    databases 0.5 is a decimal, and so are sums of it.
    """
    import ibis.expr.datatypes as dt
    import ibis.expr.operations as ops

    leaf = given.op()

    def plainer(node: Any, replaced: dict[str, Any] | None) -> Any:
        new = node.__recreate__(replaced) if replaced else node
        if isinstance(new, ops.SearchedCase) and isinstance(new.default, ops.Log):
            return ops.Divide(ops.Ln(new.default.arg), ops.Cast(ops.Literal(math.log(2), dt.float64), to=dt.float64))
        if isinstance(new, ops.Literal) and new.dtype.is_floating() and math.isfinite(new.value):
            return ops.Cast(new, to=dt.float64)
        return new

    return query.op().replace(plainer, filter=lambda node: node != leaf).to_expr()


def check_names(table: Any, written: Callable[[str], str]) -> None:
    """Raises DataError where the compiler writes two names as one: for BigQuery, a.b and a?b are both a_b."""
    import ibis.expr.operations as ops

    for relation in table.op().find(ops.Relation):
        first: dict[str, str] = {}
        for name in relation.schema.names:
            other = first.setdefault(written(name), name)
            if other != name:
                raise DataError(
                    f"The columns {other!r} and {name!r} would both be read as {written(name)!r} here;"
                    " rename one first."
                )


def streamed(backend: Any, query: Any, size: int) -> Iterator[Any]:
    """The rows in the order in which they are stored, as tables of PyArrow with `size` rows, the last with fewer."""
    reader = {"duckdb": _duckdb, "postgres": _postgres}.get(backend.name, _other)
    return exactly(reader(backend, query, size), size)


def _other(backend: Any, query: Any, size: int) -> Iterator[Any]:
    yield from backend.to_pyarrow_batches(query, chunk_size=size)


def _duckdb(backend: Any, query: Any, size: int) -> Iterator[Any]:
    # Ibis streams on the one connection, which another question ends. A second one does not see what is temporary.
    import duckdb

    cursor = backend.con.cursor()
    try:
        try:
            result = cursor.sql(backend.compile(query))
        except duckdb.CatalogException:
            yield from backend.to_pyarrow(query).to_batches(max_chunksize=size)
            return
        yield from result.to_arrow_reader(size)
    finally:
        cursor.close()


def _postgres(backend: Any, query: Any, size: int) -> Iterator[Any]:
    import pyarrow

    form = query.schema().as_struct().to_pyarrow()
    with backend.con.transaction(), backend.con.cursor(name=f"evenhand_{uuid4().hex}") as cursor:
        # A scan that joins another midway would begin elsewhere every time.
        backend.con.execute("SET LOCAL synchronize_seqscans = off").close()
        cursor.execute(backend.compile(query))
        while rows := cursor.fetchmany(size):
            yield pyarrow.RecordBatch.from_struct_array(pyarrow.array(rows, type=form))
