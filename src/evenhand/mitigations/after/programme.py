"""Programme: which points of each group's ROC cost least within the constraints, as one linear programme.

Hardt, Price and Srebro, Equality of Opportunity in Supervised Learning (2016); Cruz and Hardt, Unprocessing Seven Years
of Algorithmic Fairness (2024). The weights of points are the variables; a constraint on the largest difference of a
rate needs two rows a group (a free lower end), not one for each pair of groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array, vstack

from evenhand.core.confusion import Rate
from evenhand.core.constraint import Constraint
from evenhand.core.errors import SpecError
from evenhand.mitigations.after.roc import Points

Array = NDArray[Any]

SECONDS = 20.0
# How much worse the worst group may get while the total is made small.
GIVEN_AWAY = 1e-9


@dataclass(frozen=True)
class Aim:
    """What is made as small as possible: the cost of errors, or that of the group that fares worst."""

    false_positive: float = 1.0
    false_negative: float = 1.0
    worst_group: bool = False

    def __post_init__(self) -> None:
        costs = (self.false_positive, self.false_negative)
        if not all(np.isfinite(cost) and cost >= 0 for cost in costs) or not any(costs):
            raise SpecError(f"Errors cost {costs}; costs are finite, not negative, and one of them is above 0.")


@dataclass(frozen=True, eq=False)
class GroupPoints:
    """A group: all points of its ROC, and its share of all rows."""

    name: str
    points: Points
    share: float

    def rates(self, points: Points, rate: Rate) -> Array:
        """The rate that each point has; zero where no row of the group can have it."""
        part, whole = {
            "selection": (points.false + points.true, self.points.total),
            "true positive": (points.true, self.points.positives),
            "false positive": (points.false, self.points.negatives),
        }[rate]
        return np.asarray(part / whole) if whole > 0 else np.zeros(len(part))

    def defined(self, rate: Rate) -> bool:
        """Whether any row of the group can have the rate."""
        if rate == "selection":
            return True
        return (self.points.positives if rate == "true positive" else self.points.negatives) > 0

    def cost(self, points: Points, aim: Aim) -> Array:
        """The cost of each point, a row of the group."""
        missed = self.points.positives - points.true
        return np.asarray((aim.false_negative * missed + aim.false_positive * points.false) / self.points.total)


@dataclass
class _Rows:
    """A sparse system of inequalities, row by row, and the number of variables."""

    width: int
    places: list[tuple[Array, Array]] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)

    def add(self, columns: Array, values: Array, bound: float) -> None:
        """columns · values <= bound."""
        self.places.append((columns, values))
        self.bounds.append(bound)

    def matrix(self) -> csr_array:
        """All rows together."""
        rows = np.repeat(np.arange(len(self.places)), [len(columns) for columns, _ in self.places])
        columns = np.concatenate([np.zeros(0, int), *(columns for columns, _ in self.places)])
        values = np.concatenate([np.zeros(0), *(values for _, values in self.places)])
        return coo_array((values, (rows, columns)), shape=(len(self.places), self.width)).tocsr()


def solve(
    groups: Sequence[GroupPoints],
    corners: Sequence[Points],
    constraints: Sequence[Constraint],
    aim: Aim,
    *,
    integral: bool,
) -> tuple[list[Array], str]:
    """The weight of each point of each group, and what the solver said; raises SpecError where there is none."""
    starts = np.concatenate(([0], np.cumsum([len(points.thresholds) for points in corners])))
    places = [np.arange(low, high) for low, high in pairwise(starts.tolist())]
    rows = _Rows(int(starts[-1]) + 1)  # the last is the cost of the worst group
    held = list(zip(groups, corners, places, strict=True))
    for constraint in constraints:
        for rate in constraint.rates:
            _bound(rows, constraint, rate, held)
    total = np.concatenate([each.share * each.cost(points, aim) for each, points in zip(groups, corners, strict=True)])
    solution, status = _solved(rows, places, total, [each.cost(points, aim) for each, points, _ in held], aim, integral)
    if solution is None:
        asked = ", ".join(map(str, constraints))
        raise SpecError(
            f"No thresholds were found that keep {asked} ({status}). Loosen a bound, or allow chance a part."
        )
    weights = [np.clip(solution[here], 0, 1) for here in places]
    return [each / each.sum() for each in weights], status


def _solved(
    rows: _Rows, places: list[Array], total: Array, costs: list[Array], aim: Aim, integral: bool
) -> tuple[Array | None, str]:
    """The total cost made small; with `worst_group`, that of the worst group first."""
    worst = np.array([len(total)])
    by_total = np.concatenate((total, np.zeros(rows.width - len(total))))
    if not aim.worst_group:
        return _programme(by_total, rows, places, integral)
    for here, cost in zip(places, costs, strict=True):
        rows.add(np.concatenate((here, worst)), np.append(cost, -1.0), 0.0)
    by_worst = np.zeros(rows.width)
    by_worst[worst] = 1.0
    solution, status = _programme(by_worst, rows, places, integral)
    if solution is None:
        return None, status
    rows.add(worst, np.ones(1), float(solution[worst[0]]) + GIVEN_AWAY)
    found, said = _programme(by_total, rows, places, integral)
    return (solution, status) if found is None else (found, said)


def _bound(rows: _Rows, constraint: Constraint, rate: Rate, held: Sequence[tuple[GroupPoints, Points, Array]]) -> None:
    """Add the rows of one rate, and the variable that is its lower (for ratios, upper) end."""
    one, free = np.ones(1), np.array([rows.width])
    rows.width += constraint.form != "least"
    for group, points, here in held:
        if not group.defined(rate):
            continue
        values, columns = group.rates(points, rate), np.concatenate((here, free))
        if constraint.form == "least":
            rows.add(here, -values, -constraint.bound)
        elif constraint.form == "difference":  # free <= rate <= free + bound
            rows.add(columns, np.concatenate((values, -one)), constraint.bound)
            rows.add(columns, np.concatenate((-values, one)), 0.0)
        else:  # bound * free <= rate <= free
            rows.add(columns, np.concatenate((values, -one)), 0.0)
            rows.add(columns, np.concatenate((-values, constraint.bound * one)), 0.0)


def _programme(cost: Array, rows: _Rows, places: list[Array], integral: bool) -> tuple[Array | None, str]:
    """Solved by HiGHS; each group's weights sum to one."""
    weights = sum(len(here) for here in places)
    groups = np.repeat(np.arange(len(places)), [len(here) for here in places])
    sums = coo_array((np.ones(weights), (groups, np.arange(weights))), shape=(len(places), rows.width))
    low = np.concatenate((np.ones(len(places)), np.full(len(rows.bounds), -np.inf)))
    high = np.concatenate((np.ones(len(places)), rows.bounds))
    found = milp(
        cost,
        integrality=np.where(np.arange(rows.width) < weights, int(integral), 0),
        bounds=Bounds(np.zeros(rows.width), np.where(np.arange(rows.width) < weights, 1.0, np.inf)),
        constraints=LinearConstraint(vstack([sums.tocsr(), rows.matrix()]).tocsc(), low, high),
        options={"time_limit": SECONDS} if integral else {},
    )
    # What follows in brackets are the solver's own names for it.
    return found.x, str(found.message).split(" (HiGHS")[0].strip().removesuffix(".")
