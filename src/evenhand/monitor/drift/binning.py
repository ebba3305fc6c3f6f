"""Binning: how the values of a column are divided, frozen at the baseline so that windows can be compared."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.values import Level, Value, normalised, written
from evenhand.core.words import digits

Counts = NDArray[np.int64]
BINS = 10
# Numbers with at most so many different values have a bin for each of them.
MOST_VALUES = 20
MOST_CATEGORIES = 30


@dataclass(frozen=True)
class Binning:
    """The bins of one column: ranges between `edges` and beyond them, or `categories` and all others; then missing."""

    edges: tuple[float, ...] = ()
    categories: tuple[Value, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether bins are ranges of numbers, in order."""
        return bool(self.edges)

    @property
    def size(self) -> int:
        """How many bins there are, the one of missing values with them."""
        return len(self.edges) + 2 if self.numeric else len(self.categories) + 2

    @property
    def names(self) -> tuple[str, ...]:
        """What each bin is called."""
        if not self.numeric:
            return (*map(written, self.categories), "other", "missing")
        shown = [digits(edge) for edge in self.edges]
        between = (f"{low} to {high}" for low, high in pairwise(shown))
        return (f"below {shown[0]}", *between, f"{shown[-1]} and more", "missing")

    def places(self, levels: Sequence[Level]) -> Counts:
        """The bin of each level that a frame counted by."""
        if self.numeric:
            return np.array([self.size - 1 if level is None else int(level) for level in levels], np.int64)
        known = {_identity(value): place for place, value in enumerate(self.categories)}
        last = self.size - 1
        return np.array([last if x is None else known.get(_identity(x), last - 1) for x in levels], np.int64)

    def to_facts(self) -> dict[str, Any]:
        """What JSON holds of it."""
        return {"edges": list(self.edges), "categories": list(self.categories)}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> "Binning":
        """Read what `to_facts` gave; raises ValueError."""
        edges = tuple(float(edge) for edge in facts["edges"])
        categories = tuple(normalised(value) for value in facts["categories"])
        if any(b <= a for a, b in pairwise(edges)) or not all(map(math.isfinite, edges)):
            raise ValueError("edges do not ascend")
        return cls(edges, tuple(value for value in categories if value is not None))


def of_numbers(sample: NDArray[Any]) -> Binning:
    """Ranges that divide a sample evenly, or one for each value where there are few; numbers beyond it lie outside."""
    values = np.ma.filled(np.ma.asarray(sample, np.float64), np.nan)
    values = values[np.isfinite(values)]
    if not len(values):
        return Binning(edges=(0.0,))
    distinct = np.unique(values)
    if len(distinct) <= MOST_VALUES:
        inner = distinct
    else:
        inner = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1), method="inverted_cdf"))
    # The largest value itself belongs to the last range.
    top = np.nextafter(inner[-1], np.inf)
    edges = [*inner, top] if len(distinct) <= MOST_VALUES else [*inner[:-1], top]
    return Binning(edges=tuple(float(edge) for edge in edges))


def of_categories(values: Sequence[Level]) -> Binning:
    """The most frequent values, which come first, each as a bin."""
    return Binning(categories=tuple(value for value in values if value is not None)[:MOST_CATEGORIES])


def _identity(value: Level) -> tuple[bool, Level]:
    return isinstance(value, bool), value
