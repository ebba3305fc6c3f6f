"""Coding: columns of any kind as numbers for trees, and cuts of those numbers as conditions on the columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.bounty.submissions.kinds import kind_of
from evenhand.core.group import Group
from evenhand.core.values import Value, normalised

Array = NDArray[Any]

# Levels of a text that boosted trees tell apart, and those that groups are made of: the most frequent ones.
MOST_LEVELS = 200
MOST_NAMED = 30


@dataclass(frozen=True, eq=False)
class Column:
    """A column as trees see it: sorted values of numbers, or the most frequent levels first."""

    name: str
    values: Array
    levels: tuple[Value, ...] = ()

    @classmethod
    def of(cls, name: str, values: Array) -> "Column | None":
        """None for columns of dates, of nothing, or of one value, which no group can be made of."""
        kind = kind_of(values)
        if kind == "number":
            numbers = _numbers(values)
            known = np.unique(numbers[np.isfinite(numbers)])
            return cls(name, known) if len(known) > 1 else None
        if kind not in ("text", "boolean"):
            return None
        plain = [normalised(value) for value in values.tolist()]
        found, counts = np.unique([str(value) for value in plain if value is not None], return_counts=True)
        named = {str(value): value for value in plain if value is not None}
        levels = tuple(named[str(text)] for text in found[np.argsort(-counts, kind="stable")][:MOST_LEVELS])
        return cls(name, np.empty(0), levels) if len(levels) > 1 else None

    def codes(self, values: Array) -> Array:
        """Numbers as they are, levels as their places; NaN where there is none."""
        if not self.levels:
            return _numbers(values)
        places = {level: place for place, level in enumerate(self.levels)}
        plain = (normalised(value) for value in values.tolist())
        return np.array([np.nan if value is None else places.get(value, np.nan) for value in plain], np.float64)

    def limit(self, threshold: float) -> float:
        """The shortest number that cuts the known values where the threshold does."""
        # Trees compare in single precision.
        place = int(np.searchsorted(self.values.astype(np.float32), np.float32(threshold), side="right"))
        low, high = self.values[max(place - 1, 0)], self.values[min(place, len(self.values) - 1)]
        if low <= threshold and (self.values == np.floor(self.values)).all():
            return float(low)
        for digits in range(1, 17):
            short = float(f"{threshold:.{digits}g}")
            if low <= short < high:
                return short
        return threshold


@dataclass(frozen=True)
class Cut:
    """One side of one split of a tree: which number, or which level, and whether it is at most, or not it."""

    column: int
    level: int | None
    threshold: float
    left: bool


class Coding:
    """How columns become numbers, learnt from rows with labels."""

    def __init__(self, columns: Mapping[str, Array]) -> None:
        found = (Column.of(name, values) for name, values in columns.items())
        self.columns: tuple[Column, ...] = tuple(each for each in found if each is not None)
        self._axes = [(place, level) for place, each in enumerate(self.columns) for level in _axes(each)]

    @property
    def categorical(self) -> list[bool]:
        """Which numbers of the matrix are places of levels."""
        return [bool(each.levels) for each in self.columns]

    def matrix(self, columns: Mapping[str, Array]) -> Array:
        """One number a column and row, NaN where there is none."""
        if not self.columns:
            return np.zeros((len(next(iter(columns.values()), [])), 0))
        return np.column_stack([each.codes(columns[each.name]) for each in self.columns])

    def indicators(self, matrix: Array) -> Array:
        """The matrix for trees that become groups: one number for each level, and no NaN."""
        parts = []
        for place, level in self._axes:
            values = matrix[:, place]
            if level is None:
                middle = self.columns[place].values
                parts.append(np.where(np.isfinite(values), values, middle[len(middle) // 2]))
            else:
                parts.append((values == level).astype(np.float64))
        return np.column_stack(parts)

    def cut(self, axis: int, threshold: float, *, left: bool) -> Cut:
        """A side of a split of the indicators."""
        column, level = self._axes[axis]
        return Cut(column, level, threshold, left)

    def everyone(self) -> Group:
        """The group of all rows."""
        nobody = Group.missing(self.columns[0].name)
        return nobody | ~nobody

    def group(self, cuts: Sequence[Cut]) -> Group:
        """The rows for which all cuts hold."""
        parts = [part for place in dict.fromkeys(cut.column for cut in cuts) for part in self._parts(place, cuts)]
        if not parts:
            return self.everyone()
        group = parts[0]
        for part in parts[1:]:
            group = group & part
        return group

    def _parts(self, place: int, cuts: Sequence[Cut]) -> Iterator[Group]:
        column = self.columns[place]
        here = [cut for cut in cuts if cut.column == place]
        if not column.levels:
            limits = [(column.limit(cut.threshold), cut.left) for cut in here]
            low = max((limit for limit, left in limits if not left), default=None)
            high = min((limit for limit, left in limits if left), default=None)
            yield Group.between(column.name, low, high, includes_low=False, includes_high=True)
            return
        taken = [cut for cut in here if not cut.left]
        for cut in taken[:1] or here:
            level = Group.of(column.name, column.levels[cut.level or 0])
            yield ~level if cut.left else level


def _axes(column: Column) -> list[int | None]:
    return list(range(min(len(column.levels), MOST_NAMED))) if column.levels else [None]


def _numbers(values: Array) -> Array:
    if values.dtype != object:
        return values.astype(np.float64)
    return np.array([np.nan if value is None else float(value) for value in values.tolist()], np.float64)
