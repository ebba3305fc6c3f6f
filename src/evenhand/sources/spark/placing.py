"""Places: where in the whole table a row is, from 0 on, although Spark keeps its rows in any order."""

from typing import Any, Protocol
from urllib.parse import unquote

import numpy as np

from evenhand.core.errors import DataError
from evenhand.core.spread import PLACE

# What a DataFrame of files has beside its columns: the file of a row, and the row's number in it.
FILE, LINE = "file", "line"
# The bits of Spark's monotonically_increasing_id that count within a partition.
_BITS = 33


class Placing(Protocol):
    """How rows get their places."""

    height: int
    in_order: bool
    parts: tuple[tuple[int, int], ...] | None

    def placed(self, table: Any) -> Any:
        """The DataFrame with the column `place`, without anything that only helped to find it."""


class ByFile:
    """Files in the order of their paths, and rows as they are in their file, however Spark cuts them into parts."""

    parts: tuple[tuple[int, int], ...] | None = None

    def __init__(self, counts: dict[str, int]) -> None:
        files = sorted(counts, key=lambda file: unquote(file).split("/"))
        ends = np.cumsum([counts[file] for file in files], dtype=np.int64)
        self._before = [(file, int(end) - counts[file]) for file, end in zip(files, ends, strict=True)]
        self.height = int(ends[-1]) if files else 0
        # Spark goes through the parts of a single file from front to back, and takes large files before small ones.
        self.in_order = len(files) < 2

    @classmethod
    def of(cls, table: Any) -> "ByFile | None":
        """Counts the rows of each file; None where some of a file's rows are not in the table."""
        from pyspark.sql import functions

        counted = table.groupBy(FILE).agg(functions.count("*").alias("n"), functions.max(LINE).alias("last"))
        found = counted.toArrow().to_pydict()
        if any(file is None or last is None or last + 1 != n for file, n, last in zip(*found.values(), strict=True)):
            return None
        return cls(dict(zip(found[FILE], found["n"], strict=True)))

    def placed(self, table: Any) -> Any:
        """A row's place is its number in the file and the rows of all files before."""
        from pyspark.sql import functions

        if self.height == 0:
            return table.withColumn(PLACE, functions.col(LINE)).drop(FILE, LINE)
        before = table.sparkSession.createDataFrame(self._before, f"{FILE} string, before bigint")
        joined = table.join(functions.broadcast(before), FILE)
        return joined.withColumn(PLACE, functions.col(LINE) + functions.col("before")).drop(FILE, LINE, "before")


class ByPartition:
    """Partitions one after the other, and rows in the order in which their partition gives them.

    Places are then only as repeatable as the DataFrame: after a shuffle without a sort by a key, Spark may deal the
    rows differently each time. Workers compare what they find with `parts`: the first place and the rows of each
    partition.
    """

    in_order = True

    def __init__(self, counts: dict[int, int]) -> None:
        rows = [counts.get(part, 0) for part in range(max(counts, default=-1) + 1)]
        ends = np.cumsum(rows, dtype=np.int64).tolist()
        self.parts: tuple[tuple[int, int], ...] | None = tuple(
            (end - count, count) for end, count in zip(ends, rows, strict=True)
        )
        self.height = ends[-1] if ends else 0

    @classmethod
    def of(cls, table: Any) -> "ByPartition":
        """Counts the rows of each partition."""
        from pyspark.sql import functions

        counted = table.groupBy(functions.spark_partition_id().alias("part")).agg(functions.count("*").alias("n"))
        found = counted.toArrow().to_pydict()
        return cls(dict(zip(found["part"], found["n"], strict=True)))

    def placed(self, table: Any) -> Any:
        """A row's place is its number in the partition and the rows of all partitions before."""
        from pyspark.sql import functions

        firsts = ", ".join(f"{first}L" for first, _ in self.parts or ()) or "0L"
        number = f"id - shiftleft(shiftright(id, {_BITS}), {_BITS})"
        place = f"get(array({firsts}), cast(shiftright(id, {_BITS}) AS int)) + {number}"
        numbered = table.withColumn("id", functions.monotonically_increasing_id())
        return numbered.withColumn(PLACE, functions.expr(place)).drop("id")


def unrepeatable(location: str) -> DataError:
    """The error for rows that were dealt differently than when they were counted."""
    return DataError(
        f"{location} gives its rows differently each time, so that they have no places; sort the DataFrame by a key,"
        " or write it as Parquet and read that."
    )
