"""Warehouses: an Ibis table, counted by the database that holds it — BigQuery, Snowflake, PostgreSQL and many more."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import narwhals as nw
import numpy as np

from evenhand.core.errors import ColumnNotFound, DataError, EvenhandError, MissingExtra, UnreadableSource
from evenhand.core.expressions import Expression
from evenhand.core.frame import Columns
from evenhand.core.values import Kind, Level
from evenhand.sources.arrays import values_from_list
from evenhand.sources.lazy_counts import LazyCounts
from evenhand.sources.native import native_of_arrow
from evenhand.sources.warehouse_queries import aliased, check_names, settled, streamed

# Up to so many rows all are looked at to sample some by a seed; a warehouse with more draws the sample itself.
MOST_STREAMED = 1_000_000
_PAGE = 50_000


class WarehouseFrame:
    """A table of Ibis whose columns are c0, c1, … in the order of `kinds`, counted where it is."""

    def __init__(self, table: nw.LazyFrame[Any], kinds: Mapping[str, Kind], backend: Any, location: str) -> None:
        self.location = location
        self.kinds = kinds
        self._backend = backend
        self._counts = _Counts(table, kinds, backend, location)
        self.expressions = self._counts.expressions
        self._height = self._counts.height()

    @property
    def height(self) -> int:
        """The number of rows; counted once."""
        return self._height

    @property
    def notes(self) -> tuple[str, ...]:
        """That sampled rows are not repeatable, where the table is too long to sample them by a seed."""
        if self._height <= MOST_STREAMED:
            return ()
        return (
            f"{self.location} has more than {MOST_STREAMED:,} rows: where rows are sampled, the warehouse draws them"
            " itself, and another run gets other rows. Counts are of all rows.",
        )

    def cells(
        self, keys: Mapping[str, Expression], sums: Mapping[str, Expression], cubes: Sequence[Sequence[str]], limit: int
    ) -> list[Columns]:
        """Group by each of `cubes`, one query for each set of keys: the key columns, `count`, and each sum."""
        return self._counts.cells(keys, sums, cubes, limit)

    def rows(self, columns: Mapping[str, Expression], limit: int, seed: int) -> Columns:
        """The same rows for the same seed; of tables beyond `MOST_STREAMED` rows, those that the warehouse draws."""
        named = {f"v{place}": expression for place, expression in enumerate(columns.values())}
        chosen = self._counts.table.with_columns(**named).select(*named).to_native()
        if self._height > MOST_STREAMED and self._height > limit:
            parts = self._drawn(chosen, limit, seed)
        else:
            parts = self._placed(chosen, limit, seed)
        values: list[list[Any]] = [[] for _ in columns]
        for part in parts:
            for place, column in enumerate(part.columns):
                values[place] += column.to_pylist()
        return {name: values_from_list(values[place]) for place, name in enumerate(columns)}

    def distinct(self, column: str, limit: int) -> list[Level]:
        """Up to `limit` values that occur in a column, most frequent first; missing is not one of them."""
        return self._counts.distinct(column, limit)

    def batches(self, columns: Sequence[str], size: int) -> Iterator[Any]:
        """The rows as eager native dataframes of at most `size` rows."""
        for column in columns:
            if column not in self.kinds:
                raise ColumnNotFound(column, self.kinds)
        if size < 1:
            raise DataError(f"A batch of {size!r} rows is none; give a size of at least 1.")
        places = list(self.kinds)
        aliases = [f"c{places.index(column)}" for column in columns]
        tables = self._stream(self._counts.table.select(*aliases).to_native(), size)
        return (native_of_arrow(table, columns) for table in tables)

    def _placed(self, chosen: Any, limit: int, seed: int) -> Iterator[Any]:
        """The rows at the places that the seed gives, out of all."""
        if self._height <= limit:
            yield from self._stream(chosen, _PAGE)
            return
        places = np.sort(np.random.default_rng(seed).choice(self._height, limit, replace=False))
        start = 0
        for table in self._stream(chosen, _PAGE):
            mine = places[np.searchsorted(places, start) : np.searchsorted(places, start + len(table))]
            yield table.take(mine - start)
            start += len(table)

    def _drawn(self, chosen: Any, limit: int, seed: int) -> Iterator[Any]:
        """Somewhat more rows than asked for, drawn by the warehouse, and `limit` of these."""
        import ibis

        # Five standard deviations more than asked for, so that almost never fewer come.
        share = min(1.0, (limit + 5 * limit**0.5 + 5) / self._height)
        drawn = self._counts.fetched(chosen.filter(ibis.random() < share).limit(2 * limit + 50))
        few = min(limit, len(drawn))
        yield drawn.take(np.sort(np.random.default_rng(seed).choice(len(drawn), few, replace=False)))

    def _stream(self, chosen: Any, size: int) -> Iterator[Any]:
        with _told(self._backend, self.location):
            yield from streamed(self._backend, settled(chosen, self._counts.given), size)


class _Counts(LazyCounts):
    """Counts that go to a warehouse, with what its dialect lacks said in another way."""

    def __init__(self, table: nw.LazyFrame[Any], kinds: Mapping[str, Kind], backend: Any, location: str) -> None:
        super().__init__(table, kinds, lambda: _told(backend, location))
        self.given = table.to_native()
        self._backend = backend

    def fetched(self, query: Any) -> Any:
        """The answer to a query of Ibis, as a table of PyArrow."""
        with self._told():
            return self._backend.to_pyarrow(settled(query, self.given))

    def _fetched(self, table: nw.LazyFrame[Any]) -> dict[str, list[Any]]:
        answer = self.fetched(table.to_native())
        return {name: answer[name].to_pylist() for name in answer.column_names}


def read_warehouse(table: Any) -> WarehouseFrame:
    """The table of Ibis, counted by the database that it belongs to; only counts are fetched.

    Raises MissingExtra without Ibis or PyArrow, DataError for what is no table or holds no rows, and UnreadableSource
    for what the database refuses.
    """
    _installed()
    _be_a_table(table)
    backend = _backend(table)
    location = _location(table, backend)
    with _told(backend, location):
        check_names(table, getattr(getattr(backend, "compiler", None), "_gen_valid_name", str))
        tidy, kinds = aliased(table, backend.compile)
    frame = WarehouseFrame(tidy, kinds, backend, location)
    if frame.height == 0:
        raise DataError(f"{location} holds no rows.")
    return frame


def _installed() -> None:
    for module, package in (("ibis", "ibis-framework"), ("pyarrow", "pyarrow")):
        try:
            __import__(module)
        except ModuleNotFoundError as error:
            raise MissingExtra("Reading a warehouse", package, "warehouse") from error


def _be_a_table(table: Any) -> None:
    import ibis.expr.types as ir

    if isinstance(table, ir.Table):
        return
    if isinstance(table, (ir.Column, ir.Scalar)):
        raise DataError(
            f"An Ibis {type(table).__name__} is no table; give the table it comes from, or select columns of it."
        )
    raise DataError(f"An Ibis {type(table).__name__} is no table; give one, such as connection.table('name').")


def _backend(table: Any) -> Any:
    from ibis.common.exceptions import IbisError

    try:
        return table.get_backend()
    except IbisError as error:
        raise UnreadableSource(f"The Ibis table cannot be counted: {_first_line(error)}") from error


def _location(table: Any, backend: Any) -> str:
    import ibis.expr.operations as ops

    operation = table.op()
    named = isinstance(operation, ops.DatabaseTable)
    return f"{backend.name}, " + (f"table {operation.name!r}" if named else "an Ibis expression")


@contextmanager
def _told(backend: Any, location: str) -> Iterator[None]:
    """Within it, what goes wrong in the warehouse is told in one line."""
    try:
        yield
    except EvenhandError:
        raise
    except Exception as error:  # every driver has exceptions of its own
        secret = str(getattr(backend, "_con_kwargs", {}).get("password") or "")
        reason = _first_line(error)
        raise UnreadableSource(
            f"{location} cannot be read: {reason.replace(secret, '***') if secret else reason}"
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0].rstrip(".:") if lines else type(error).__name__) + "."
