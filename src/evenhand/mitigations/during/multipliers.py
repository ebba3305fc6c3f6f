"""Multipliers: what each group's rate costs while a bound is broken, and the gradients that follow for every row.

Cruz, Belém, Jesus, Bravo, Saleiro and Bizarro (2023), FairGBM: the Lagrangian of log loss and violations falls along a
smooth proxy of the rates, and rises in the multipliers along the rates themselves. Their proxy is cross-entropy, which
also pulls rows far from the threshold: with a multiplier m, one that is surely negative is drawn up to m / (1 + m).
The logistic curve stands for the decision itself: it moves rows near the threshold, and leaves the others nearly alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from evenhand.core.confusion import grouped
from evenhand.core.constraint import Constraint
from evenhand.core.errors import SpecError
from evenhand.mitigations.during.bounds import Block, blocks_of

Array = NDArray[Any]
Proxy = Literal["logistic", "cross-entropy"]

# Second derivatives below this make Newton steps of no bound; and the logistic curve is not convex everywhere.
LEAST_CURVATURE, LEAST_SHARE = 1e-16, 0.5


@dataclass(frozen=True)
class Ascent:
    """How multipliers move: `rate` of each violation, every so many trees, never above `most`.

    They are in log losses of one row: 1 moves the probability at which a row of the group is decided for by about .25
    (`logistic`) or from 1/2 to 1/3 or 2/3 (`cross-entropy`). Raises SpecError for what cannot move.
    """

    rate: float = 2.0
    every: int = 1
    threshold: float = 0.5
    proxy: Proxy = "logistic"
    most: float = 10.0

    def __post_init__(self) -> None:
        if self.every < 1 or not 0 < self.threshold < 1 or not 0 <= self.rate < np.inf:
            raise SpecError("Multipliers need a rate of 0 or more, every=1 or more, and a threshold between 0 and 1.")
        if self.proxy not in ("logistic", "cross-entropy"):
            raise SpecError(f"No proxy is called {self.proxy!r}; take 'logistic' or 'cross-entropy'.")


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to fit or to choose on: a matrix of numbers, labels 0 or 1, texts of groups, weights."""

    matrix: Array
    labels: Array
    groups: Array
    weight: Array

    def among(self, chosen: Array) -> "Rows":
        """Some of the rows."""
        return Rows(self.matrix[chosen], self.labels[chosen], self.groups[chosen], self.weight[chosen])


class Multipliers:
    """The multipliers of every rate and group, from 0, and the gradients that follow from them."""

    def __init__(self, rows: Rows, constraints: Sequence[Constraint], ascent: Ascent) -> None:
        self.rows, self.ascent = rows, ascent
        self.names, places = grouped(rows.groups)
        self.moments, self.blocks = blocks_of(rows.labels, places, rows.weight, constraints)
        self.high, self.low = (np.zeros(self.moments.shape[0]) for _ in range(2))
        # Which rows a multiplier acts on, each alike; their shares of the rate are the moments.
        self.acting = self.moments.copy()
        self.acting.data = np.ones_like(self.acting.data)

    @property
    def net(self) -> Array:
        """What a rate's rise by one costs, one each rate and group: above 0 where it is to fall."""
        return np.asarray(self.high - self.low)

    def gradients(self, margins: Array) -> tuple[Array, Array]:
        """First and second derivatives of log loss and the priced proxy by each row's margin (log odds)."""
        chances, labels = expit(margins), self.rows.labels
        curvature = np.maximum(chances * (1 - chances), LEAST_CURVATURE)
        if self.ascent.proxy == "logistic":
            # Of net × p: net × p (1 − p), and net × p (1 − p) (1 − 2 p).
            net = self.net @ self.acting
            gradient = chances - labels + net * curvature
            hessian = curvature * np.maximum(1 + net * (1 - 2 * chances), LEAST_SHARE)
        else:
            # Of −down × log(1 − p) − up × log p.
            down, up = np.maximum(self.net, 0) @ self.acting, np.maximum(-self.net, 0) @ self.acting
            gradient = chances - labels + down * chances - up * (1 - chances)
            hessian = curvature * (1 + down + up)
        return self.rows.weight * gradient, self.rows.weight * hessian

    def rise(self, margins: Array) -> None:
        """Move the multipliers by the violations of the decisions that the margins give."""
        rates = self.moments @ (margins >= logit(self.ascent.threshold)).astype(np.float64)
        for block in self.blocks:
            here = list(block.places)
            above, below = beyond(block, rates[here])
            for side, excess in ((self.high, above), (self.low, below)):
                side[here] = np.clip(side[here] + self.ascent.rate * excess, 0, self.ascent.most)

    def told(self) -> tuple[tuple[str, float], ...]:
        """The multipliers by rate and group, in words."""
        return tuple(
            (f"{block.rate}: {self.names[group]}", float(self.net[place]))
            for block in self.blocks
            for place, group in zip(block.places, block.groups, strict=True)
        )


def beyond(block: Block, rates: Array) -> tuple[Array, Array]:
    """How far each group's rate is above and below what the bound allows, around the centre of the groups."""
    bound, form, none = block.constraint.bound, block.constraint.form, np.full(len(rates), -np.inf)
    if not len(rates):
        return rates, rates
    if form == "least":
        return none, bound - rates
    if form == "difference":
        centre = (rates.max() + rates.min()) / 2
        return rates - centre - bound / 2, centre - rates - bound / 2
    top = rates.max() if bound == 0 else (rates.max() + rates.min() / bound) / 2
    return rates - top, bound * top - rates
