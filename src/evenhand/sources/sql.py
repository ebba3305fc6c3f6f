"""SQL databases: a table or query that the database itself counts; values are bound, names quoted, nothing written."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import sqlalchemy as sa

from evenhand.core.errors import ColumnNotFound, DataError, UnreadableSource
from evenhand.core.expressions import Expression
from evenhand.core.frame import Columns
from evenhand.core.values import Kind, Level, normalised
from evenhand.sources.arrays import levels_from_list, values_from_list
from evenhand.sources.cubes import Cubes
from evenhand.sources.native import table_from_rows
from evenhand.sources.sql_expressions import SQLExpressions

_PAGE = 10_000
_SNAPSHOT: dict[str, Any] = {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}


class SQLFrame:
    """A selection whose columns are c0, c1, … in the order of `kinds`, counted by the database."""

    def __init__(self, engine: sa.Engine, source: sa.Subquery, kinds: Mapping[str, Kind], location: str) -> None:
        self.location = location
        self.kinds = kinds
        self.notes: tuple[str, ...] = ()
        self.expressions = SQLExpressions(kinds, source, engine.dialect.name)
        self._engine, self._source = engine, source
        self._height: int | None = None

    @property
    def height(self) -> int:
        """The number of rows; counted once."""
        if self._height is None:
            self._height = int(self._fetch(sa.select(sa.func.count()).select_from(self._source))[0][0])
        return self._height

    def cells(
        self, keys: Mapping[str, Expression], sums: Mapping[str, Expression], cubes: Sequence[Sequence[str]], limit: int
    ) -> list[Columns]:
        """Group by each of `cubes`, one query for each set of keys."""
        plan = Cubes(list(keys), list(sums), cubes, limit)
        labelled = [expression.label(f"k{place}") for place, expression in enumerate(keys[name] for name in plan.keys)]
        labelled += [sa.cast(value, sa.Double).label(f"s{place}") for place, value in enumerate(sums.values())]
        rows = sa.select(*labelled or [sa.literal(1).label("one")]).select_from(self._source).subquery("rows")
        # One query for each set of keys: PostgreSQL sorts all rows for GROUPING SETS where it cannot tell how few
        # groups there are. In one transaction, so that all are of the same rows where the database can promise that.
        with reading(self._engine, self.location) as connection:
            return plan.split_each({places: _plain(connection, rows, places, len(sums), limit) for places in plan.sets})

    def rows(self, columns: Mapping[str, Expression], limit: int, seed: int) -> Columns:
        """The same rows for the same seed, as long as the database keeps their order."""
        chosen = set(range(self.height))
        if self.height > limit:
            chosen = set(np.random.default_rng(seed).choice(self.height, limit, replace=False).tolist())
        statement = sa.select(*columns.values()).select_from(self._source)
        kept = [row for place, row in enumerate(self._stream(statement, _PAGE)) if place in chosen]
        return {name: values_from_list([row[place] for row in kept]) for place, name in enumerate(columns)}

    def distinct(self, column: str, limit: int) -> list[Level]:
        """Up to `limit` values that occur in a column, most frequent first; missing is not one of them."""
        values = sa.select(self.expressions.column(column).label("k0")).select_from(self._source).subquery("rows")
        counted = sa.select(values.c.k0).where(values.c.k0.is_not(None)).group_by(values.c.k0)
        return [
            normalised(value)
            for (value,) in self._fetch(counted.order_by(sa.desc(sa.func.count()), values.c.k0).limit(limit))
        ]

    def batches(self, columns: Sequence[str], size: int) -> Iterator[Any]:
        """The rows as eager native dataframes of at most `size` rows."""
        for column in columns:
            if column not in self.kinds:
                raise ColumnNotFound(column, self.kinds)
        if size < 1:
            raise DataError(f"A batch of {size!r} rows is none; give a size of at least 1.")
        return self._batches(columns, size)

    def _batches(self, columns: Sequence[str], size: int) -> Iterator[Any]:
        places = {name: place for place, name in enumerate(self.kinds)}
        statement = sa.select(*(self._source.c[f"c{places[column]}"] for column in columns))
        rows: list[Any] = []
        for row in self._stream(statement, size):
            rows.append(row)
            if len(rows) == size:
                yield table_from_rows(columns, rows)
                rows = []
        if rows:
            yield table_from_rows(columns, rows)

    def _fetch(self, statement: sa.Select[Any]) -> list[sa.Row[Any]]:
        with reading(self._engine, self.location) as connection:
            return list(connection.execute(statement).all())

    def _stream(self, statement: sa.Select[Any], page: int) -> Iterator[sa.Row[Any]]:
        with reading(self._engine, self.location) as connection:
            if self._engine.dialect.name == "postgresql":
                # Scans that join others midway, or split among workers, would give another order every time.
                connection.exec_driver_sql("SET LOCAL synchronize_seqscans = off")
                connection.exec_driver_sql("SET LOCAL max_parallel_workers_per_gather = 0")
            yield from connection.execution_options(yield_per=page).execute(statement)


@contextmanager
def reading(engine: sa.Engine, location: str) -> Iterator[sa.Connection]:
    """A connection for reading only; what goes wrong on it is told in one line."""
    try:
        with engine.connect() as connection:
            yield connection.execution_options(**(_SNAPSHOT if engine.dialect.name == "postgresql" else {}))
    except sa.exc.SQLAlchemyError as error:
        raise UnreadableSource(f"{location} cannot be read: {reason(error, engine.url)}.") from error


def reason(error: Exception, url: sa.URL) -> str:
    """The first line of what the driver says, without the password."""
    told = str(getattr(error, "orig", None) or error).strip().splitlines()
    text = told[0].rstrip(".") if told else type(error).__name__
    return text.replace(url.password, "***") if url.password else text


def _plain(connection: sa.Connection, rows: sa.Subquery, places: Sequence[int], sums: int, limit: int) -> Columns:
    """One group-by, as a table of k0 …, n, s0 …"""
    keys = [rows.c[f"k{place}"] for place in places]
    statement = sa.select(*keys, *_counted(rows, sums)).select_from(rows)
    if keys:
        # Sorted here and not there: asked for an order, or for the first few, PostgreSQL sorts the rows instead of
        # hashing them; what is in a materialised WITH it plans as a whole.
        counted = statement.group_by(*keys).cte("cells").prefix_with("MATERIALIZED", dialect="postgresql")
        statement = sa.select(counted).limit(limit + 1)
    fetched = sorted(connection.execute(statement).all(), key=lambda row: _order(row[: len(keys)]))
    return _table(fetched, [f"k{place}" for place in places], sums)


def _order(keys: Sequence[Any]) -> list[tuple[bool, Any]]:
    """Missing values last."""
    return [(key is None, 0 if key is None else key) for key in keys]


def _counted(rows: sa.Subquery, sums: int) -> list[sa.ColumnElement[Any]]:
    totals = [sa.func.sum(rows.c[f"s{place}"]).label(f"s{place}") for place in range(sums)]
    return [sa.func.count().label("n"), *totals]


def _table(rows: Sequence[sa.Row[Any]], keys: Sequence[str], sums: int) -> Columns:
    columns = list(zip(*rows, strict=True)) if rows else [()] * (len(keys) + 1 + sums)
    table = {name: levels_from_list(list(columns[place])) for place, name in enumerate(keys)}
    table["n"] = np.array(columns[len(keys)], dtype=np.int64)
    for place in range(sums):
        totals = [0.0 if total is None else float(total) for total in columns[len(keys) + 1 + place]]
        table[f"s{place}"] = np.array(totals, dtype=np.float64)
    return table
