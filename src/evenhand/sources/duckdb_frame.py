"""DuckDBFrame: a table that DuckDB counts, wherever its rows are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import duckdb
import numpy as np

from evenhand.core.errors import ColumnNotFound, DataError
from evenhand.core.expressions import Expression
from evenhand.core.frame import Columns
from evenhand.core.values import Kind, Level
from evenhand.sources.arrays import as_levels, as_values, plain
from evenhand.sources.cubes import Cubes
from evenhand.sources.duckdb_errors import told
from evenhand.sources.duckdb_expressions import DuckDBExpressions
from evenhand.sources.native import tables
from evenhand.sources.origin import Origin

Relation = duckdb.DuckDBPyRelation
Batches = Callable[[Sequence[str], int], Iterator[Any]]

_MOST_MARKED = 60  # GROUPING_ID is a number of 64 bits, one for each key
_WHOLE = frozenset(("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"))
_NUMBERS = _WHOLE | {"float", "double", "decimal", "hugeint", "uhugeint"}


class DuckDBFrame:
    """A relation whose columns are in the order of `names`; every other name of the relation is forgotten.

    `origin` reads the same rows through another connection; `batches` replaces that where rows are at hand;
    with `placed` the relation has a last column more, `place`, where the engine may change the order of rows.
    """

    def __init__(
        self,
        relation: Relation,
        names: Sequence[str],
        *,
        location: str,
        origin: Origin | None = None,
        batches: Batches | None = None,
        placed: bool = False,
        height: int | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.location = location
        self.notes = tuple(notes)
        self._types = ["json" if str(kind) == "JSON" else str(kind.id) for kind in relation.types]
        self._types = self._types[: len(names)]
        self.kinds: Mapping[str, Kind] = dict(zip(names, map(_kind, self._types), strict=True))
        if len(self.kinds) < len(names):
            raise DataError(f"Two columns of {location} are called {_first_twice(names)!r}; rename one of them.")
        # A batch may lack every value of a column that is a number elsewhere.
        blank = {name for name, kind in zip(names, self._types, strict=True) if kind in ("sqlnull", "null")}
        self.expressions = DuckDBExpressions(self.kinds, blank)
        self._relation = _tidied(relation, self._types, placed)
        self.origin = origin
        self._batches = batches
        self._placed = placed
        self._height = height

    @property
    def relation(self) -> Relation:
        """The rows, with columns c0, c1, … in the order of `kinds`."""
        return self._relation

    @property
    def height(self) -> int:
        """The number of rows; counted once."""
        if self._height is None:
            self._height = int(self._fetch(self._relation.aggregate("count(*) AS n"))["n"][0])
        return self._height

    def cells(
        self, keys: Mapping[str, Expression], sums: Mapping[str, Expression], cubes: Sequence[Sequence[str]], limit: int
    ) -> list[Columns]:
        """Group by each of `cubes` in one pass: per cube the key columns, `count`, and each sum."""
        plan = Cubes(list(keys), list(sums), cubes, limit)
        if not plan.keys and not sums:
            return plan.split({"n": np.array([self.height])})
        exprs = {f"k{place}": keys[name] for place, name in enumerate(plan.keys)}
        exprs |= {f"s{place}": f"({expression})::DOUBLE" for place, expression in enumerate(sums.values())}
        with told(self.location):
            projected = self._projected(exprs)
            if plan.one_pass(_MOST_MARKED):
                return plan.split(_grouped(projected, plan.selection(), plan.sets, plan.most_rows))
            tables = {
                places: _grouped(projected, plan.selection_of(places), [places], limit + 1) for places in plan.sets
            }
            return plan.split_each(tables)

    def rows(self, columns: Mapping[str, Expression], limit: int, seed: int) -> Columns:
        """The same rows for the same seed, in the order of the table."""
        exprs = {f"c{place}": expression for place, expression in enumerate(columns.values())}
        chosen = self._relation
        if self.height > limit:
            places = np.sort(np.random.default_rng(seed).choice(self.height, limit, replace=False))
            numbered = chosen if self._placed else chosen.project("*, row_number() OVER () - 1 AS place")
            chosen = numbered.filter(f"place IN ({', '.join(map(str, places.tolist()))})").order("place")
        fetched = self._fetch(self._projected(exprs, chosen))
        return {name: as_values(fetched[f"c{place}"]) for place, name in enumerate(columns)}

    def distinct(self, column: str, limit: int) -> list[Level]:
        """Up to `limit` values that occur in a column, most frequent first; missing is not one of them."""
        projected = self._projected({"k0": self.expressions.column(column)}).filter("k0 IS NOT NULL")
        counted = projected.aggregate("k0, count(*) AS n", "k0").order("n DESC, k0").limit(limit)
        return [plain(value) for value in as_levels(self._fetch(counted)["k0"])]

    def batches(self, columns: Sequence[str], size: int) -> Iterator[Any]:
        """The rows as eager native dataframes of at most `size` rows."""
        for column in columns:
            if column not in self.kinds:
                raise ColumnNotFound(column, self.kinds)
        if size < 1:
            raise DataError(f"A batch of {size!r} rows is none; give a size of at least 1.")
        return self._streamed(columns, size) if self._batches is None else self._batches(columns, size)

    def reopened(self, connection: duckdb.DuckDBPyConnection, name: str) -> Relation:
        """The same rows as a relation of another connection, which keeps a table in memory under this name."""
        if self.origin is None:
            raise DataError(f"The rows of {self.location} cannot be read again.")
        return _tidied(self.origin.relation(connection, name), self._types, self._placed)

    def _streamed(self, columns: Sequence[str], size: int) -> Iterator[Any]:
        # A connection of its own, so that other questions can be asked between two batches.
        assert self.origin is not None  # noqa: S101 - a frame without one has batches of its own
        connection = self.origin.connect()
        try:
            with told(self.location):
                whole = self.reopened(connection, "source")
                places = list(self.kinds)
                chosen = whole.project(", ".join(f"c{places.index(column)}" for column in columns))
                yield from tables(connection.execute(chosen.sql_query()), columns, size)
        finally:
            connection.close()

    def _projected(self, expressions: Mapping[str, Expression], relation: Relation | None = None) -> Relation:
        chosen = ", ".join(f"{expression} AS {alias}" for alias, expression in expressions.items())
        return (self._relation if relation is None else relation).project(chosen)

    def _fetch(self, relation: Relation) -> Columns:
        with told(self.location):
            return dict(relation.fetchnumpy())


def _grouped(relation: Relation, selection: str, sets: Sequence[Sequence[int]], most: int) -> Columns:
    """One group-by, or several in one pass; its rows in an order that does not depend on threads."""
    used = sorted({place for places in sets for place in places})
    if not used:
        return dict(relation.aggregate(selection).fetchnumpy())
    grouping = ", ".join("(" + ", ".join(f"k{place}" for place in places) + ")" for places in sets)
    order = ", ".join([*(["g"] if len(sets) > 1 else []), *(f"k{place}" for place in used)])
    return dict(relation.aggregate(selection, f"GROUPING SETS ({grouping})").limit(most).order(order).fetchnumpy())


def _kind(type_id: str) -> Kind:
    if type_id in _NUMBERS:
        return "number"
    if type_id in ("varchar", "enum", "json"):
        return "text"
    return "boolean" if type_id == "boolean" else "other"


def _tidied(relation: Relation, types: Sequence[str], placed: bool) -> Relation:
    """One column after the other as c0, c1, …: NaN as missing, categories as text, wide numbers as floats."""
    aliases = [f"c{place}" for place in range(len(types))] + (["place"] if placed else [])
    named = relation
    if list(relation.columns) != aliases:
        pairs = zip(relation.columns, aliases, strict=True)
        named = relation.select(*(duckdb.ColumnExpression(name).alias(alias) for name, alias in pairs))
    tidy = [f"{_tidy(alias, kind)} AS {alias}" for alias, kind in zip(aliases, types, strict=False)]
    return named.project(", ".join(tidy + aliases[len(types) :]))


def _tidy(alias: str, type_id: str) -> str:
    match type_id:
        case "float" | "double":
            return f"CASE WHEN isnan({alias}) THEN NULL ELSE {alias} END"
        case "enum":
            return f"{alias}::VARCHAR"
        case "json":
            # A JSON column that holds numbers here and text there; as text without the quotes.
            return f"{alias} ->> '$'"
        case "decimal" | "hugeint" | "uhugeint":
            return f"{alias}::DOUBLE"
        case _:
            return alias


def _first_twice(names: Sequence[str]) -> str:
    return next(name for place, name in enumerate(names) if name in names[:place])
