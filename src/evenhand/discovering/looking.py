"""Looking: one or several searches as one, and how strongly a group differs, measured alike for all of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from evenhand.core.errors import SpecError
from evenhand.core.items import Candidate, Coded, Items, Pattern, Search, Searching, Target
from evenhand.core.subgroup import Searcher
from evenhand.subgroups import LatticeSearch, searcher

# Passes over rows that joining neighbouring levels to ranges may cost: a few seconds, since most passes are short.
MOST_WORK = 2e9


@dataclass(frozen=True)
class Scale:
    """How far sums are from what chance gives to as many rows, in standard deviations, towards the direction."""

    rows: int
    total: float
    variance: float
    direction: int

    @classmethod
    def of(cls, target: Target, direction: int) -> "Scale":
        """Of all rows that are counted."""
        values = target.values[target.counted]
        variance = float(np.var(values, ddof=1)) if len(values) > 1 else 0.0
        return cls(len(values), float(values.sum()), variance, direction)

    def score(self, rows: float, total: float) -> float:
        """The strength of a group; negative where it differs the other way."""
        spread = math.sqrt(max(rows * (self.rows - rows) / max(self.rows, 1) * self.variance, 0.0))
        z = (total - rows * self.total / self.rows) / spread if spread > 0 else 0.0
        return abs(z) if self.direction == 0 else z * self.direction


@dataclass(eq=False)
class Looking:
    """Several searches as one; who found a pattern first is remembered."""

    names: Sequence[Searcher]
    ranges: bool = True
    found_by: dict[Pattern, Searcher] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.names:
            raise SpecError("Name at least one search: lattice, scan, tree or linear.")
        self.named: dict[Searcher, Searching] = {name: searcher(name) for name in self.names}
        if "lattice" in self.named:
            self.named["lattice"] = LatticeSearch(ranges=self.ranges)

    def __call__(self, items: Items, target: Target, search: Search) -> tuple[list[Candidate], int]:
        """Distinct candidates, strongest first, and how many groups were looked at."""
        every: dict[Pattern, Candidate] = {}
        looked = 0
        scale = Scale.of(target, search.direction)
        for name, look in self.named.items():
            candidates, count = look(items, target, search)
            looked += count
            for each in candidates:
                if each.pattern not in every:
                    every[each.pattern] = replace(each, score=scale.score(each.rows, each.total))
                    self.found_by.setdefault(each.pattern, name)
        # Names of columns decide between equals, so that their order does not.
        return sorted(every.values(), key=lambda each: (-each.score, _named(each.pattern, items))), looked


def _named(pattern: Pattern, items: Items) -> tuple[int, list[tuple[str, tuple[int, ...]]]]:
    conditions = sorted((items.columns[column].name, levels) for column, levels in pattern.conditions)
    return len(conditions), conditions


def ranges_fit(items: Items, depth: int) -> bool:
    """Whether neighbouring levels of numbers can be joined to ranges in a few seconds."""
    passes = [1.0] + [0.0] * depth  # by how many columns
    for column in items.columns:
        own = _passes(column)
        passes = [passes[0], *(passes[count] + own * passes[count - 1] for count in range(1, depth + 1))]
    return sum(passes) * items.rows <= MOST_WORK


def _passes(column: Coded) -> int:
    """In how many divisions without overlap all ranges of a column are counted; see the lattice."""
    length = len(column.levels) - int(column.absent.any())
    if not column.ordered:
        return 1
    return 1 + sum(min(run, length - run + 1) for run in range(2, length))
