"""Dual: the prices of rates at which the best class of each row keeps bounds on rates, few numbers for any many rows.

Xian and Zhao, A Unified Post-Processing Framework for Group Fairness in Classification (2024). Of rows with values
v (rows x classes) and features f (rows x events x groups), the largest mean of v over choices whose mean features of
each event lie at most `bound` apart is the least, over prices psi that sum to zero over the groups of each event, of

    mean over rows of max over classes (v - sum of psi · f over the events of the class) + bound * sum of max(psi, 0).

That is convex and piecewise linear in psi: a linear programme with a variable for each row whose best class is open.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array, hstack, vstack

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows to choose classes for. `features` has shape (rows, events, groups), in units in which each row's are small.

    Event e speaks of choices of class `classes[e]`; `units` (events x groups) is the mean feature, by which a mean over
    choices becomes a rate; a price times its unit is the price of a rate.
    """

    values: Array
    features: Array
    classes: Array
    units: Array
    bounds: Array

    def gains(self, prices: Array, rows: Any = slice(None)) -> Array:
        """The value of each class, less its prices."""
        gains: Array = self.values[rows].copy()
        paid = np.einsum("neg,eg->ne", self.features[rows], prices)
        for event, place in enumerate(self.classes):
            gains[:, place] -= paid[:, event]
        return gains

    def dual(self, prices: Array) -> float:
        """What is made as small as possible."""
        return float(self.gains(prices).max(axis=1).mean() + self.penalty(prices))

    def penalty(self, prices: Array) -> float:
        """The part of the bounds."""
        return float(self.bounds @ np.maximum(prices * self.units, 0).sum(axis=1))


def solve_near(problem: Problem, rows: Array, centre: Array, reach: float, chosen: Array | None = None) -> Array | None:
    """The best prices at most `reach` away (None where the solver fails), where all rows but these keep their class.

    Variables: prices (free), their positive parts, and the gain of each row's best class.
    """
    events, groups = centre.shape
    width, count = events * groups, len(rows)
    whole = len(problem.values)
    linear = np.zeros((events, groups))
    if chosen is not None:
        closed = np.ones(whole, bool)
        closed[rows] = False
        for event, place in enumerate(problem.classes):
            linear[event] = -problem.features[closed & (chosen == place), event].sum(axis=0) / whole
    # A positive part is in the units of rates, as the bounds are.
    parts = np.repeat(problem.bounds, groups) * problem.units.ravel()
    cost = np.concatenate((linear.ravel(), parts, np.full(count, 1 / whole)))
    blocks, limits = _choices(problem, rows)
    part = csr_array(np.eye(width))
    positive = hstack([part, -part, csr_array((width, count))])
    sums = hstack([csr_array(np.kron(np.eye(events), np.ones(groups))), csr_array((events, width + count))])
    # Prices of rates sum to zero; rates that no row can have are free.
    sums = sums.multiply(np.concatenate((problem.units.ravel(), np.ones(width + count)))).tocsr()
    within = np.where(problem.units > 0, reach, 0.0)
    low, high = (centre - within).ravel(), (centre + within).ravel()
    endless = np.full(count, np.inf)
    system, ends = vstack([blocks, positive]).tocsc(), np.concatenate((limits, np.zeros(width)))
    found = cast(Any, linprog)(  # its types know no sparse matrices
        cost,
        A_ub=system,
        b_ub=ends,
        A_eq=sums,
        b_eq=np.zeros(events),
        bounds=np.column_stack(
            (np.concatenate((low, np.zeros(width), -endless)), np.concatenate((high, np.full(width, np.inf), endless)))
        ),
        method="highs",
    )
    return None if found.x is None else np.asarray(found.x[:width].reshape(events, groups))


def _choices(problem: Problem, rows: Array) -> tuple[csr_array, Array]:
    """A row's gain is at least that of each class: value - prices · features - gain <= 0."""
    events, groups = problem.units.shape
    width, count, classes = events * groups, len(rows), problem.values.shape[1]
    systems = []
    for place in range(classes):
        mine = np.flatnonzero(problem.classes == place)
        features = problem.features[np.ix_(rows, mine)].reshape(count, -1)
        columns = (mine[:, None] * groups + np.arange(groups)).ravel()
        at, column = np.nonzero(features)
        data = np.concatenate((-features[at, column], np.full(count, -1.0)))
        where = (
            np.concatenate((at, np.arange(count))),
            np.concatenate((columns[column], 2 * width + np.arange(count))),
        )
        systems.append(coo_array((data, where), shape=(count, 2 * width + count)).tocsr())
    return vstack(systems), -problem.values[rows].T.ravel()
