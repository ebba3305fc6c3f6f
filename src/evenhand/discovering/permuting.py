"""Permuting: the largest differences that the lattice finds in shuffled outcomes, for all shuffles in one pass.

The groups stay the same whatever the outcome is, so only their sums are counted anew: for each set of columns a table
of sums by level, for all shuffles at once, and ranges (and the absence of a condition) as products of that table with
a matrix of which levels are meant.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.condition import Missing
from evenhand.core.items import Coded, Items, Search, Searching, Target

Array = NDArray[Any]

# Numbers held at a time.
MOST_NUMBERS = 20_000_000
# Rows that searches other than the lattice are repeated for: a minute or two.
MOST_SEARCHED = 100_000


@dataclass(frozen=True, eq=False)
class Shuffled:
    """All shuffles of the counted values: the places (among counted rows) that hold something, and what."""

    places: Array  # shape (shuffles, places)
    values: Array | None  # of the places; None: 1 each

    @property
    def size(self) -> int:
        """How many places hold something in one shuffle."""
        return int(self.places.shape[1])

    @classmethod
    def of(cls, values: Array, shuffles: int, seed: int) -> "Shuffled":
        """Shuffles of values; of values that are 0 or 1 only the ones are dealt out."""
        generator = np.random.default_rng(seed)
        binary = bool(((values == 0) | (values == 1)).all())
        held = values[values != 0]
        deals = np.empty((shuffles, len(held)), np.int32)
        for deal in deals:
            deal[:] = generator.permutation(len(values))[: len(held)]
        return cls(deals, None if binary else held)

    def sums(self, codes: Array, size: int, shuffles: slice) -> Array:
        """The sum of the values of each code, shape (shuffles, size)."""
        places = self.places[shuffles]
        joint = codes[places] + (np.arange(len(places)) * size)[:, None]
        weights = None if self.values is None else np.broadcast_to(self.values, places.shape).ravel()
        return np.bincount(joint.ravel(), weights, len(places) * size).reshape(len(places), size).astype(float)


def extremes(items: Items, target: Target, search: Search, *, ranges: bool, shuffles: int) -> tuple[Array, Array]:
    """The highest and the lowest score, in standard deviations, of any group of the lattice, in each shuffle."""
    counted = np.flatnonzero(target.counted)
    values = target.values[counted]
    # The scores do not change where a constant is taken off, and fewer values that are not 0 are quicker.
    if set(np.unique(values)) <= {0.0, 1.0} and values.mean() > 0.5:
        other = Target(1 - target.values, target.counted)
        high, low = extremes(items, other, search, ranges=ranges, shuffles=shuffles)
        return -low, -high
    dealt = Shuffled.of(values, shuffles, search.seed)
    high, low = np.zeros(shuffles), np.zeros(shuffles)
    spread = float(np.var(values, ddof=1)) if len(values) > 1 else 0.0
    if spread == 0:
        return high, low
    columns = [_Column.of(each, counted, ranges) for each in items.columns]
    for some in combinations(columns, min(search.depth, len(columns))):
        table = _Table(some, len(values), float(values.mean()), spread, search.least_rows)
        for chunk in _chunks(shuffles, max(table.groups, dealt.size)):
            found = table.scores(dealt, chunk)
            if found.shape[1]:
                high[chunk] = np.maximum(high[chunk], found.max(axis=1))
                low[chunk] = np.minimum(low[chunk], found.min(axis=1))
    return high, low


def largest(look: Searching, items: Items, target: Target, search: Search, *, shuffles: int) -> Array:
    """The strongest find of any search in each shuffle, in standard deviations and in either direction.

    A search of both directions looks at every group that a search of one does, so this is never too small.
    """
    generator = np.random.default_rng(search.seed)
    counted = np.flatnonzero(target.counted)
    found = np.zeros(shuffles)
    for place in range(shuffles):
        values = np.zeros(len(target.values))
        values[counted] = generator.permutation(target.values[counted])
        candidates, _ = look(items, Target(values, target.counted), replace(search, direction=0))
        found[place] = max((each.score for each in candidates), default=0.0)
    return found


@dataclass(frozen=True, eq=False)
class _Column:
    """A column's codes, and as a matrix the sets of levels that are conditions; the first set is all levels."""

    codes: Array
    sets: Array  # shape (sets, levels)

    @classmethod
    def of(cls, column: Coded, counted: Array, ranges: bool) -> "_Column":
        size = len(column.levels)
        runs = [_marked(run, size) for run in _runs(column)] if ranges and column.ordered else []
        sets = np.vstack([np.ones((1, size)), np.eye(size), *runs])
        return cls(column.codes[counted].astype(np.int64), sets)


def _runs(column: Coded) -> Iterator[list[int]]:
    line = [place for place, level in enumerate(column.levels) if not isinstance(level.condition, Missing)]
    for length in range(2, len(line)):
        yield from (line[start : start + length] for start in range(len(line) - length + 1))


def _marked(levels: Sequence[int], size: int) -> Array:
    found = np.zeros((1, size))
    found[0, list(levels)] = 1
    return found


class _Table:
    """All groups on some columns, or fewer of them: their rows, and their sums in any shuffle."""

    def __init__(self, columns: Sequence[_Column], rows: int, mean: float, spread: float, least: int) -> None:
        self.columns, self.mean = columns, mean
        self.shape = tuple(each.sets.shape[1] for each in columns)
        self.codes = np.zeros(rows, np.int64)
        for each in columns:
            self.codes = self.codes * each.sets.shape[1] + each.codes
        self.cells = int(np.prod(self.shape))
        counts = self._of_sets(np.bincount(self.codes, minlength=self.cells)[None].astype(float))[0]
        self.groups = len(counts)
        self.alive = np.flatnonzero((counts >= least) & (counts < rows))
        self.rows = counts[self.alive]
        self.errors = np.sqrt(self.rows * (rows - self.rows) / rows * spread)

    def scores(self, dealt: Shuffled, shuffles: slice) -> Array:
        """In standard deviations, shape (shuffles, groups of enough rows)."""
        totals = self._of_sets(dealt.sums(self.codes, self.cells, shuffles))[:, self.alive]
        return np.asarray((totals - self.rows * self.mean) / self.errors)

    def _of_sets(self, sums: Array) -> Array:
        """Sums of levels as sums of sets of levels, shape (shuffles, groups)."""
        found = sums.reshape(-1, *self.shape)
        for column in self.columns:
            # The first axis of levels goes last, as sets; after all columns they stand in their order.
            found = np.moveaxis(found, 1, -1) @ column.sets.T
        return found.reshape(len(sums), -1)


def _chunks(shuffles: int, numbers: int) -> Iterator[slice]:
    size = max(1, MOST_NUMBERS // max(numbers, 1))
    yield from (slice(start, min(start + size, shuffles)) for start in range(0, shuffles, size))
