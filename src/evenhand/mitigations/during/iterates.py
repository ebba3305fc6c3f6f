"""Iterates: log loss and violations after every tree, and which number of trees is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from evenhand.core.confusion import grouped
from evenhand.core.constraint import Constraint
from evenhand.mitigations.during.bounds import blocks_of
from evenhand.mitigations.during.multipliers import Rows

Array = NDArray[Any]

# What being beyond a bound by one costs against log loss, where the iterate is chosen.
PRICE = 5.0


@dataclass(frozen=True)
class Boosted:
    """What was kept: the number of trees, its log loss and violations on the rows where it was chosen, and its path."""

    trees: int
    loss: float
    violations: tuple[float, ...]
    kept: bool
    path: tuple[tuple[float, float], ...]  # log loss, and how far beyond the bounds, of every number of trees
    multipliers: tuple[tuple[str, float], ...]  # at the end, by rate and group


class Iterates:
    """Log loss and violations of every iterate on the rows for choosing."""

    def __init__(self, rows: Rows, constraints: Sequence[Constraint], threshold: float) -> None:
        _, places = grouped(rows.groups)
        self.rows, self.cut, self.constraints = rows, logit(threshold), constraints
        self.moments, self.blocks = blocks_of(rows.labels, places, rows.weight, constraints)
        self.path: list[tuple[float, float]] = []
        self.violations: list[tuple[float, ...]] = []

    def look(self, margins: Array) -> None:
        """Write down one iterate."""
        signs = np.where(self.rows.labels == 1, -margins, margins)
        loss = float(np.average(np.logaddexp(0, signs), weights=self.rows.weight))
        rates = self.moments @ (margins >= self.cut).astype(np.float64)
        found = tuple(self._violation(constraint, rates) for constraint in self.constraints)
        over = max(each - one.allowed for each, one in zip(found, self.constraints, strict=True))
        self.path.append((loss, max(0.0, over)))
        self.violations.append(found)

    def _violation(self, constraint: Constraint, rates: Array) -> float:
        apart = [0.0]
        for block in self.blocks:
            if block.constraint is not constraint or not block.places:
                continue
            here = rates[list(block.places)]
            low, high = float(here.min()), float(here.max())
            ratio = 1 - low / high if high > 0 else 0.0
            apart.append({"difference": high - low, "ratio": ratio, "least": 1 - low}[constraint.form])
        return max(apart)

    def verdict(self, multipliers: tuple[tuple[str, float], ...]) -> Boosted:
        """The best iterate of the later half; of equal ones the latest.

        A handful of trees decides alike for everyone, whatever was learnt, and would often win on few rows.
        """
        costs = np.array([loss + PRICE * over for loss, over in self.path])
        costs[: len(costs) // 2] = np.inf
        best = len(costs) - 1 - int(np.argmin(costs[::-1]))
        loss, over = self.path[best]
        return Boosted(best + 1, loss, self.violations[best], over <= 1e-9, tuple(self.path), multipliers)
