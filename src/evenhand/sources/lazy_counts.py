"""LazyCounts: counting in another engine, through narwhals — what Spark and Ibis have in common."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import narwhals as nw
import numpy as np

from evenhand.core.expressions import Expression
from evenhand.core.frame import Columns
from evenhand.core.values import Kind, Level, normalised
from evenhand.sources.arrays import levels_from_list
from evenhand.sources.cubes import Cubes
from evenhand.sources.lazy_expressions import LazyExpressions

# Within it, what goes wrong in the engine is told in one line.
Told = Callable[[], AbstractContextManager[None]]


class LazyCounts:
    """Counts the rows of a lazy narwhals table whose columns are c0, c1, … in the order of `kinds`."""

    def __init__(self, table: nw.LazyFrame[Any], kinds: Mapping[str, Kind], told: Told) -> None:
        self.table, self.kinds, self._told = table, kinds, told
        self.expressions = LazyExpressions(kinds)

    def height(self) -> int:
        """The number of rows; asks the engine."""
        return int(self._fetched(self.table.select(n=nw.len()))["n"][0])

    def cells(
        self, keys: Mapping[str, Expression], sums: Mapping[str, Expression], cubes: Sequence[Sequence[str]], limit: int
    ) -> list[Columns]:
        """Group by each of `cubes`: per cube the key columns, `count`, and each sum."""
        plan = Cubes(list(keys), list(sums), cubes, limit)
        named = {f"k{place}": keys[name] for place, name in enumerate(plan.keys)}
        # A constant has the length 1 by itself; beside a column it has that of the table.
        named |= {f"s{place}": expression.cast(nw.Float64) for place, expression in enumerate(sums.values())}
        rows = self.table.with_columns(**named) if named else self.table
        return plan.split_each({places: self._grouped(rows, places, len(sums), limit) for places in plan.sets})

    def distinct(self, column: str, limit: int) -> list[Level]:
        """Up to `limit` values that occur in a column, most frequent first; missing is not one of them."""
        rows = self.table.with_columns(k0=self.expressions.column(column)).filter(~nw.col("k0").is_null())
        counted = rows.group_by("k0").agg(n=nw.len()).sort("n", "k0", descending=[True, False]).head(limit)
        return [normalised(value) for value in self._fetched(counted)["k0"]]

    def _grouped(self, rows: nw.LazyFrame[Any], places: Sequence[int], sums: int, limit: int) -> Columns:
        """One group-by, as a table of k0 …, n, s0 …"""
        totals = {f"s{place}": nw.col(f"s{place}").sum() for place in range(sums)}
        if places:
            keys = [f"k{place}" for place in places]
            fetched = self._fetched(rows.group_by(*keys).agg(n=nw.len(), **totals).head(limit + 1))
        else:
            fetched = self._fetched(rows.select(n=nw.len(), **totals))
        table: Columns = {f"k{place}": levels_from_list(fetched[f"k{place}"]) for place in places}
        table["n"] = np.array(fetched["n"], np.int64)
        for name in totals:
            table[name] = np.array([0.0 if total is None else total for total in fetched[name]], np.float64)
        return table

    def _fetched(self, table: nw.LazyFrame[Any]) -> dict[str, list[Any]]:
        with self._told():
            arrow = table.collect("pyarrow").to_native()
        return {name: arrow[name].to_pylist() for name in arrow.column_names}


def tidied(
    table: nw.LazyFrame[Any], names: Sequence[str], *, nan: bool = True
) -> tuple[nw.LazyFrame[Any], dict[str, Kind]]:
    """The columns c0, c1, … with NaN as missing, decimals as floats and categories as text; and each one's kind.

    With `nan` false, the engine has no NaN and no word for it.
    """
    schema = table.collect_schema()
    tidy = [_tidy(alias, schema[alias], nan) for alias in schema.names()[: len(names)]]
    kinds = {name: _kind(schema[f"c{place}"]) for place, name in enumerate(names)}
    return table.select(*tidy, *schema.names()[len(names) :]), kinds


def _tidy(alias: str, dtype: nw.dtypes.DType, nan: bool) -> nw.Expr:
    column = nw.col(alias)
    if dtype.is_float() and nan:
        return nw.when(~column.is_nan()).then(column).alias(alias)
    if dtype.is_decimal() or dtype in (nw.Int128, nw.UInt128):
        return column.cast(nw.Float64)
    return column.cast(nw.String) if dtype in (nw.Categorical, nw.Enum) else column


def _kind(dtype: nw.dtypes.DType) -> Kind:
    if dtype.is_numeric():
        return "number"
    if dtype in (nw.String, nw.Categorical, nw.Enum):
        return "text"
    return "boolean" if dtype == nw.Boolean else "other"
