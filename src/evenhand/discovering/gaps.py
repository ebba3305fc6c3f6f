"""Gaps: how different a group is from its rest in given rows, by tests that hold for small groups and rare outcomes."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.interval import newcombe, wilson
from evenhand.core.items import Pattern, Target
from evenhand.discovering.dealing import dealt_tail
from evenhand.discovering.people import People

Array = NDArray[Any]
Bounds = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Side:
    """The rows of a group, or of its rest."""

    rows: int
    total: float
    squares: float  # of the differences from the mean

    @classmethod
    def of(cls, values: Array) -> "Side":
        """The sums of some values."""
        total = float(values.sum())
        return cls(len(values), total, float(((values - total / len(values)) ** 2).sum()) if len(values) else 0.0)

    @property
    def mean(self) -> float:
        """The average; not a number where there are no rows."""
        return self.total / self.rows if self.rows else math.nan

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return math.sqrt(self.squares / (self.rows - 1) / self.rows) if self.rows > 1 else math.inf


@dataclass(frozen=True, eq=False)
class Gap:
    """A group's outcome against its rest; `degrees` is None where the outcome happens or not, row by row."""

    group: Side
    rest: Side
    error: float
    degrees: float | None
    every: Array | None = None  # the values of both sides, where they are quantities of rows that are independent

    @property
    def size(self) -> float:
        """How far apart."""
        return self.group.mean - self.rest.mean

    @property
    def z(self) -> float:
        """In standard errors."""
        return self.size / self.error if 0 < self.error < math.inf else 0.0

    @property
    def known(self) -> bool:
        """Whether anything can be said."""
        return min(self.group.rows, self.rest.rows) > 1

    def tail(self, direction: int) -> float:
        """How likely so large a gap in this direction is by chance: by Fisher's exact test, or by Welch's and a deal's.

        The larger of the last two counts: Welch's allows for unlike spreads, the deal for skewed values.
        """
        from scipy.special import stdtr

        if not self.known:
            return 1.0
        if self.degrees is not None:
            # All values equal on both sides and yet different: nothing varies, so chance explains nothing.
            still = 1.0 if self.size * direction <= 0 else 0.0
            welch = float(stdtr(self.degrees, -self.z * direction)) if self.error > 0 else still
            return welch if self.every is None else max(welch, self._dealt(direction))
        return self._fisher(direction)

    def bounds(self, reach: float) -> Bounds:
        """The interval that reaches as many standard errors as a normal one would: Newcombe's, or Welch's."""
        from scipy.special import ndtr, stdtrit

        if not self.known:
            return -math.inf, math.inf
        if self.degrees is None:
            level = float(min(1 - 2 * ndtr(-reach), 1 - 1e-15))
            sides = (wilson(side.total, side.rows, level) for side in (self.group, self.rest))
            first, second = sides
            return newcombe(first, self.group.mean, second, self.rest.mean)
        half = -float(stdtrit(self.degrees, float(ndtr(-reach)))) * self.error
        return self.size - half, self.size + half

    def _dealt(self, direction: int) -> float:
        """The share of deals of all values that give the group so large, or so small, a sum."""
        every = self.every if self.every is not None else np.zeros(0)
        return dealt_tail(every * direction, self.group.rows, self.group.total * direction)

    def _fisher(self, direction: int) -> float:
        """The share of deals of all hits that give the group as many, or as few (one-sided)."""
        from scipy.stats import hypergeom

        hits = round(self.group.total)
        deal = hypergeom(self.group.rows + self.rest.rows, round(self.group.total + self.rest.total), self.group.rows)
        return float(min(1.0, deal.sf(hits - 1) if direction > 0 else deal.cdf(hits)))


def gap_of(people: People, pattern: Pattern) -> Gap:
    """The gap of a group among some rows."""
    return gap(people.target, pattern.holds(people.items), pattern.apart(people.items), people.blocks)


def gap(target: Target, inside: Array, outside: Array, blocks: Array | None = None) -> Gap:
    """The gap between two sets of rows; rows of one block are dependent."""
    inside, outside = inside & target.counted, outside & target.counted
    group, rest = Side.of(target.values[inside]), Side.of(target.values[outside])
    if min(group.rows, rest.rows) < 2:
        return Gap(group, rest, math.inf, 1.0)
    if blocks is not None:
        return _by_blocks(target.values, (inside, outside), (group, rest), blocks)
    error = math.hypot(group.error, rest.error)
    if _yes_or_no(target):
        return Gap(group, rest, error, None)
    every = np.concatenate([target.values[inside], target.values[outside]])
    return Gap(group, rest, error, _welch(group, rest), every)


def _yes_or_no(target: Target) -> bool:
    values = target.values[target.counted]
    return bool(((values == 0) | (values == 1)).all())


def _welch(group: Side, rest: Side) -> float:
    """Degrees of freedom of a difference of means. Welch, Biometrika 34 (1947), 28-35."""
    parts = [(side.error**2, side.rows - 1) for side in (group, rest)]
    below = sum(square**2 / freedom for square, freedom in parts)
    return sum(square for square, _ in parts) ** 2 / below if below > 0 else min(group.rows, rest.rows) - 1.0


def _by_blocks(values: Array, sides: tuple[Array, Array], sums: tuple[Side, Side], blocks: Array) -> Gap:
    """The error from sums over blocks of what each row adds to the gap, with as many degrees as the group's blocks."""
    added = np.zeros(len(values))
    for sign, rows, side in zip((1, -1), sides, sums, strict=True):
        added[rows] = sign * (values[rows] - side.mean) / side.rows
    found = sides[0] | sides[1]
    _, inverse = np.unique(blocks[found], return_inverse=True)
    total = np.bincount(inverse, added[found])
    number = min(len(np.unique(blocks[rows])) for rows in sides)
    error = math.sqrt(float((total**2).sum()) * number / (number - 1)) if number > 1 else math.inf
    return Gap(*sums, error, float(max(number - 1, 1)))
