"""Counting: several group-bys as one job of Spark."""

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np

from evenhand.core.expressions import Expression
from evenhand.core.frame import Columns
from evenhand.sources.arrays import levels_from_list
from evenhand.sources.cubes import Cubes
from evenhand.sources.lazy_counts import LazyCounts

_MOST_MARKED = 60  # grouping_id is a number of 64 bits, one for each key
# Up to so many sets a job each is quicker: for several at once Spark copies every row, once for each set.
_FEW_SETS = 3


class SparkCounts(LazyCounts):
    """Counts the rows of a Spark DataFrame whose columns are c0, c1, …"""

    def cells(
        self, keys: Mapping[str, Expression], sums: Mapping[str, Expression], cubes: Sequence[Sequence[str]], limit: int
    ) -> list[Columns]:
        """Group by each of `cubes`, in one job where they are many: per cube the key columns, `count`, and each sum."""
        plan = Cubes(list(keys), list(sums), cubes, limit)
        if len(plan.sets) <= _FEW_SETS or not plan.one_pass(_MOST_MARKED):
            return super().cells(keys, sums, cubes, limit)
        named = {f"k{place}": keys[name] for place, name in enumerate(plan.keys)}
        named |= {f"s{place}": expression.cast(nw.Float64) for place, expression in enumerate(sums.values())}
        with self._told():
            grouped = _grouped(self.table.with_columns(**named).to_native(), plan, len(sums))
            fetched = grouped.limit(plan.most_rows).toArrow().to_pydict()
        table: Columns = {name: levels_from_list(values) for name, values in fetched.items() if name.startswith("k")}
        table |= {name: np.array(fetched[name], np.int64) for name in ("n", "g")}
        for name in (f"s{place}" for place in range(len(sums))):
            table[name] = np.array([0.0 if total is None else total for total in fetched[name]], np.float64)
        return [_settled(columns, cube) for columns, cube in zip(plan.split(table), cubes, strict=True)]


def _grouped(rows: Any, plan: Cubes, sums: int) -> Any:
    from pyspark.sql import functions

    keys = [f"k{place}" for place in range(len(plan.keys))]
    totals = [functions.sum(f"s{place}").alias(f"s{place}") for place in range(sums)]
    sets = [[functions.col(f"k{place}") for place in places] for places in plan.sets]
    grouped = rows.groupingSets(sets, *(functions.col(key) for key in keys))
    return grouped.agg(functions.grouping_id().alias("g"), functions.count("*").alias("n"), *totals)


def _settled(columns: Columns, cube: Sequence[str]) -> Columns:
    """Keys in the type of their own cube: beside other cubes, a key without missing values has them where it is not."""
    return {name: levels_from_list(column.tolist()) if name in cube else column for name, column in columns.items()}
