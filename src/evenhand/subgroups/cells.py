"""Cells: the counted rows, equal ones as one, in an order that depends neither on theirs nor on that of the columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.condition import Missing
from evenhand.core.errors import DataError, SpecError
from evenhand.core.items import Candidate, Coded, Items, Pattern, Search, Target

Array = NDArray[Any]
Sets = dict[int, tuple[int, ...]]  # the chosen levels of a column, by its place among the cells' columns

_LARGEST = 2**62  # of a combined code


@dataclass(frozen=True, eq=False)
class Axis:
    """One column of the cells; `place` is its place among the items."""

    place: int
    name: str
    size: int
    codes: Array
    line: tuple[int, ...] | None  # an ordered column's levels in their order, without the missing ones

    def among(self, levels: Sequence[int]) -> Array:
        """Which cells have one of these levels."""
        chosen = np.zeros(self.size, bool)
        chosen[list(levels)] = True
        return np.asarray(chosen[self.codes])


@dataclass(frozen=True, eq=False)
class Cells:
    """All distinct combinations of levels, with their rows, the sum of their values, and of their squares."""

    axes: tuple[Axis, ...]
    rows: Array
    totals: Array
    squares: Array
    variance: float  # of all values
    binary: bool  # all values are 0 or 1: their squares are themselves

    @property
    def whole(self) -> tuple[float, float]:
        """Rows and sum of all."""
        return float(self.rows.sum()), float(self.totals.sum())

    def holds(self, sets: Sets) -> Array:
        """Which cells meet all conditions."""
        found = np.ones(len(self.rows), bool)
        for axis, levels in sets.items():
            found &= self.axes[axis].among(levels)
        return found

    def by_level(self, axis: int, held: Array) -> tuple[Array, Array]:
        """Rows and sums of each level of one column, among the cells given by their places."""
        codes, size = self.axes[axis].codes[held], self.axes[axis].size
        return np.bincount(codes, self.rows[held], size), np.bincount(codes, self.totals[held], size)

    def candidate(self, sets: Sets, score: float) -> Candidate:
        """A candidate of these conditions, with its rows and sum."""
        held = self.holds(sets)
        return Candidate(self.pattern(sets), int(self.rows[held].sum()), float(self.totals[held].sum()), score)

    def pattern(self, sets: Sets) -> Pattern:
        """The conditions in terms of the items' columns."""
        return Pattern(tuple(sorted((self.axes[axis].place, tuple(sorted(levels))) for axis, levels in sets.items())))

    def z(self, rows: Array, totals: Array) -> Array:
        """How far the values are from what chance gives to as many rows, in standard deviations, shape of `rows`.

        The sum T of n rows drawn from N without replacement has mean nM and variance n(N − n)/N·S², where M is the mean
        of all values and S² their variance. Groups that are all rows, or none, score 0, and so does every group where
        all values are the same.
        """
        every, total = self.whole
        spread = np.sqrt(rows * (every - rows) / every * self.variance)
        real = (rows > 0) & (rows < every) & (spread > 0)
        # Multiplied out, so that no difference is exactly 0 where values are whole numbers.
        excess = (totals * every - rows * total) / every
        return np.divide(excess, spread, out=np.zeros(np.shape(rows)), where=real)

    def ranked(self, found: Sequence[Candidate], most: int) -> list[Candidate]:
        """The strongest of distinct candidates, equal ones in an order that no permutation of columns changes."""
        names = {axis.place: axis.name for axis in self.axes}

        def order(each: Candidate) -> tuple[Any, ...]:
            conditions = each.pattern.conditions
            return (-each.score, len(conditions), sorted((names[place], levels) for place, levels in conditions))

        best: dict[Pattern, Candidate] = {}
        for each in sorted(found, key=order):
            best.setdefault(each.pattern, each)
        return list(best.values())[:most]


def directed(scores: Array, direction: int) -> Array:
    """Scores that are positive where the value differs in the direction that is looked for."""
    return np.asarray(np.abs(scores) if direction == 0 else scores * direction)


def cells(items: Items, target: Target, search: Search) -> Cells | None:
    """The counted rows as cells; None where there are no columns or no counted rows.

    Raises SpecError for a search that makes no sense, and DataError for values that are no finite numbers.
    """
    _checked(search)
    counted = np.flatnonzero(np.asarray(target.counted, bool))
    values = np.asarray(target.values, float)[counted]
    if not np.isfinite(values).all():
        bad = int(np.count_nonzero(~np.isfinite(values)))
        raise DataError(f"{bad} of {len(values)} counted values are missing or infinite; do not count those rows.")
    if not len(counted) or not items.columns:
        return None
    # Ordered by name, so that no search depends on the order of the columns.
    places = sorted(range(len(items.columns)), key=lambda place: (items.columns[place].name, place))
    columns = [items.columns[place] for place in places]
    codes = [np.asarray(column.codes)[counted].astype(np.intp) for column in columns]
    order, starts = _distinct(codes, [len(column.levels) for column in columns])
    firsts = order[starts]
    axes = tuple(
        Axis(place, column.name, len(column.levels), part[firsts], _line(column))
        for place, column, part in zip(places, columns, codes, strict=True)
    )
    values = values[order]
    rows = np.diff(np.append(starts, len(order))).astype(float)
    binary = bool(np.isin(values, (0.0, 1.0)).all())
    totals = np.add.reduceat(values, starts)
    squares = totals if binary else np.add.reduceat(values**2, starts)
    return Cells(axes, rows, totals, squares, _variance(values), binary)


def _checked(search: Search) -> None:
    if search.depth < 1:
        raise SpecError(f"A search of depth {search.depth} finds nothing; a group has at least 1 condition.")
    if search.least_rows < 1:
        raise SpecError(f"Groups of at least {search.least_rows} rows include empty ones; ask for at least 1 row.")
    if search.most < 1:
        raise SpecError(f"A search that returns {search.most} groups is none; ask for at least 1.")
    if search.direction not in (-1, 0, 1):
        raise SpecError(f"The direction {search.direction} is none of 1 (higher), -1 (lower) and 0 (either).")


def _distinct(codes: Sequence[Array], sizes: Sequence[int]) -> tuple[Array, Array]:
    """An order of the rows in which equal ones are neighbours, and where each run of them begins."""
    key, size = np.zeros(len(codes[0]), np.int64), 1
    for part, levels in zip(codes, sizes, strict=True):
        if size * levels > _LARGEST:
            known, key = np.unique(key, return_inverse=True)
            size = len(known)
        key = key * levels + part
        size *= levels
    order = np.argsort(key)
    key = key[order]
    return order, np.flatnonzero(np.append(True, key[1:] != key[:-1]))


def _variance(values: Array) -> float:
    # Rounding gives equal values a variance, too.
    if values.min() == values.max():
        return 0.0
    # Sorted, so that neither the order of the rows nor the sign of the values changes a bit of it.
    return float(np.sort((values - values.mean()) ** 2).sum() / (len(values) - 1))


def _line(column: Coded) -> tuple[int, ...] | None:
    if not column.ordered:
        return None
    return tuple(place for place, level in enumerate(column.levels) if not isinstance(level.condition, Missing))
