"""Auditor: asks a search for the group that decisions treat most unlike everyone, and remembers what it named.

Kearns, Neel, Roth and Wu (2018), definition 2.1: a group's unfairness is its share of rows times how far its rate is
from everyone's, a linear function of the decisions.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenhand.core.confusion import Rate
from evenhand.core.items import Items, Pattern, Search, Searching, Target

Array = NDArray[Any]


@dataclass(eq=False)
class Auditor:
    """Asks a search for groups, and remembers those that were named as linear functions of decisions."""

    searching: Searching
    items: Items
    labels: Array
    weight: Array
    rate: Rate
    search: Search
    patterns: list[Pattern] = field(default_factory=list)
    rows: list[Array] = field(default_factory=list)
    before: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        counted = self.weight > 0
        if self.rate != "selection":
            counted = counted & (self.labels == (self.rate == "true positive"))
        self.counted = counted
        self.whole = self.weight * counted / max(float(self.weight[counted].sum()), 1e-300)

    def moments(self) -> csr_array:
        """A row for each named group: (its share of rows) × (its rate less everyone's)."""
        return csr_array(np.array(self.rows).reshape(len(self.rows), len(self.labels)))

    def audit(self, chances: Array) -> tuple[float, Pattern | None]:
        """The largest weighted difference, and its group; None where there is none."""
        if not self.counted.any() or np.ptp(chances[self.counted]) == 0:
            return 0.0, None
        found, _ = self.searching(self.items, Target(chances, self.counted), self.search)
        functions = list(zip(self.patterns, self.rows, strict=True))
        functions += [(each.pattern, self._function(each.pattern)) for each in found]
        if not functions:
            return 0.0, None
        apart = [abs(float(row @ chances)) for _, row in functions]
        worst = int(np.argmax(apart))
        return apart[worst], functions[worst][0]

    def name(self, pattern: Pattern, chances: Array) -> tuple[int, float]:
        """Bind the mixture by a group; its place among those named, and on which side it is."""
        if pattern not in self.patterns:
            self.patterns.append(pattern)
            self.rows.append(self._function(pattern))
            self.before.append(abs(float(self.rows[-1] @ chances)))
        place = self.patterns.index(pattern)
        return place, float(np.sign(self.rows[place] @ chances))

    def _function(self, pattern: Pattern) -> Array:
        inside = self.whole * pattern.holds(self.items)
        # share × (rate inside − rate of all), where the share is that of the rows that can have the rate.
        return np.asarray(inside - inside.sum() * self.whole)
