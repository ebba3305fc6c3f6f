"""Items: rows as small codes, column by column, so that groups can be counted by the thousand."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evenhand.core.condition import Among, Condition, Missing, Range
from evenhand.core.group import Group

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Coded:
    """One column as codes 0 … len(levels) - 1; every level is a group by itself, and missing values are one."""

    name: str
    levels: tuple[Group, ...]
    codes: Array
    ordered: bool = False  # neighbouring levels of a number may be joined to a range

    @property
    def absent(self) -> Array:
        """Which rows have no value."""
        without = np.array([isinstance(level.condition, Missing) for level in self.levels], bool)
        return np.asarray(without[self.codes])

    def among(self, levels: Sequence[int]) -> Array:
        """Which rows have one of these levels."""
        chosen = np.zeros(len(self.levels), bool)
        chosen[list(levels)] = True
        return np.asarray(chosen[self.codes])


@dataclass(frozen=True, eq=False)
class Items:
    """All columns that groups may be made of."""

    columns: tuple[Coded, ...]
    rows: int

    def chosen(self, places: Array) -> "Items":
        """The same columns for some rows."""
        columns = tuple(Coded(each.name, each.levels, each.codes[places], each.ordered) for each in self.columns)
        return Items(columns, len(places))


@dataclass(frozen=True, eq=False)
class Target:
    """What is looked at: a value a row, and which rows can have it (false positives: those with a negative label)."""

    values: Array
    counted: Array

    def chosen(self, places: Array) -> "Target":
        """The same for some rows."""
        return Target(self.values[places], self.counted[places])


@dataclass(frozen=True, order=True)
class Pattern:
    """Conditions on distinct columns: (column's place, its levels' places), sorted; rows that meet all are meant."""

    conditions: tuple[tuple[int, tuple[int, ...]], ...]

    def group(self, items: Items) -> Group:
        """The same as a Group that any audit understands."""
        return reduce(and_, (_either(items.columns[column].levels, levels) for column, levels in self.conditions))

    def holds(self, items: Items) -> Array:
        """Which rows are meant, shape (rows,)."""
        found = np.ones(items.rows, bool)
        for column, levels in self.conditions:
            found &= items.columns[column].among(levels)
        return found

    def apart(self, items: Items) -> Array:
        """Which rows are known to be in the group's rest: some condition is false, not merely unknown."""
        found = np.zeros(items.rows, bool)
        for column, levels in self.conditions:
            coded = items.columns[column]
            found |= ~coded.among(levels) & ~coded.absent
        return found


@dataclass(frozen=True)
class Candidate:
    """A pattern with its counted rows, their sum, and how strongly the search thinks of it."""

    pattern: Pattern
    rows: int
    total: float
    score: float


@dataclass(frozen=True)
class Search:
    """How far to look."""

    depth: int = 3
    least_rows: int = 100
    most: int = 1000
    direction: int = 1  # 1: where the value is higher; -1: lower; 0: either
    seed: int = 0


class Searching(Protocol):
    """A way to look for groups."""

    def __call__(self, items: Items, target: Target, search: Search) -> tuple[Sequence[Candidate], int]:
        """The candidates, strongest first, and how many groups were looked at."""


def _either(levels: Sequence[Group], places: Sequence[int]) -> Group:
    """Levels as one condition: values of one column as a list, ranges that follow each other as one range."""
    joined: list[Group] = []
    for place in places:
        both = _joined(joined[-1].condition, levels[place].condition) if joined else None
        if both is None:
            joined.append(levels[place])
        else:
            joined[-1] = both
    return reduce(or_, joined)


def _joined(one: Condition, other: Condition) -> Group | None:
    """Two conditions as one, where one can say both."""
    match one, other:
        case Among(column, values), Among(second, more) if column == second:
            return Group.of(column, *values, *more)
        case Range(), Range() if _follows(one, other) and not (one.low is None and other.high is None):
            return Group(Range(one.column, one.low, other.high, one.includes_low, other.includes_high))
    return None


def _follows(one: Range, other: Range) -> bool:
    """Whether the other range begins where this one ends, with no number in both or between."""
    return one.column == other.column and one.high == other.low is not None and one.includes_high != other.includes_low
