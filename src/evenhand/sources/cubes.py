"""Cubes: several group-bys as one GROUPING SETS query, and its result as one table a cube."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import DataError
from evenhand.core.frame import Columns
from evenhand.sources.arrays import as_levels


class Cubes:
    """The plan of one pass: keys are k0, k1, …, sums s0, s1, …, the count n, and the grouping set g."""

    def __init__(self, keys: Sequence[str], sums: Sequence[str], cubes: Sequence[Sequence[str]], limit: int) -> None:
        self._cubes = [tuple(dict.fromkeys(cube)) for cube in cubes]
        self.keys = [key for key in keys if any(key in cube for cube in self._cubes)]
        self._sums, self._limit = sums, limit
        places = {key: place for place, key in enumerate(self.keys)}
        self._places = [tuple(places[key] for key in cube) for cube in self._cubes]

    @property
    def sets(self) -> list[tuple[int, ...]]:
        """The different sets of keys, each as ascending places."""
        return list(dict.fromkeys(tuple(sorted(places)) for places in self._places))

    @property
    def most_rows(self) -> int:
        """With more rows than this some cube is over the limit."""
        return self._limit * len(self.sets) + 1

    def marker(self, places: Sequence[int]) -> int:
        """The value of GROUPING_ID(k0, k1, …) on rows of this set: a bit for every key that is not in it."""
        last = len(self.keys) - 1
        return sum(1 << (last - place) for place in range(len(self.keys)) if place not in places)

    def one_pass(self, most_keys: int) -> bool:
        """Whether one query can count all sets: an engine marks only so many keys."""
        return len(self.keys) <= most_keys or len(self.sets) == 1

    def selection(self) -> str:
        """What to select for all sets, in DuckDB's SQL."""
        keys = ", ".join(f"k{place}" for place in range(len(self.keys)))
        marker = [f"GROUPING_ID({keys}) AS g"] if len(self.sets) > 1 else []
        return ", ".join([*marker, self.selection_of(range(len(self.keys)))])

    def selection_of(self, places: Sequence[int]) -> str:
        """What to select for one set, in DuckDB's SQL."""
        sums = [f"sum(s{place}) AS s{place}" for place in range(len(self._sums))]
        return ", ".join([*(f"k{place}" for place in places), "count(*) AS n", *sums])

    def split(self, table: Mapping[str, NDArray[Any]]) -> list[Columns]:
        """The rows of each cube."""
        return [self._one(table, cube, places) for cube, places in zip(self._cubes, self._places, strict=True)]

    def split_each(self, tables: Mapping[tuple[int, ...], Mapping[str, NDArray[Any]]]) -> list[Columns]:
        """The same from one table for each of `sets`."""
        pairs = zip(self._cubes, self._places, strict=True)
        return [self._one(tables[tuple(sorted(places))], cube, places, marked=False) for cube, places in pairs]

    def _one(
        self, table: Mapping[str, NDArray[Any]], cube: Sequence[str], places: Sequence[int], *, marked: bool = True
    ) -> Columns:
        mine: Any = slice(None)
        if marked and len(self.sets) > 1:
            mine = np.flatnonzero(np.asarray(table["g"]) == self.marker(places))
        counts = np.asarray(table["n"])[mine].astype(np.int64)
        if len(counts) > self._limit:
            raise too_many(cube, self._limit)
        columns = {key: as_levels(table[f"k{place}"][mine]) for key, place in zip(cube, places, strict=True)}
        columns["count"] = counts
        for place, name in enumerate(self._sums):
            columns[name] = np.ma.filled(np.ma.asarray(table[f"s{place}"][mine], np.float64), 0.0)
        return columns


def too_many(cube: Sequence[str], limit: int) -> DataError:
    """The error for a cube with too many cells."""
    return DataError(
        f"Counting by {', '.join(map(repr, cube))} gives more than {limit:,} cells;"
        " cut wide columns into ranges, cross fewer facets, or raise most_cells."
    )
