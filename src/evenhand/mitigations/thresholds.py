"""Thresholds: the decisions of least cost whose rates keep the constraints, as one linear programme over ROC hulls.

Hardt, Price and Srebro, Equality of Opportunity in Supervised Learning (2016); Cruz and Hardt, Unprocessing Seven Years
of Algorithmic Fairness (2024). The weights of hull vertices are the variables; a constraint on the largest difference of
a rate needs two rows a group (a free lower end), not one for each pair.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import LinearConstraint, linprog, milp
from scipy.sparse import coo_array, csr_array

from evenhand.core.constraint import Constraint
from evenhand.core.confusion import Rate, grouped
from evenhand.core.errors import DataError, SpecError
from evenhand.core.rule import ANYONE, Cut, Thresholds
from evenhand.mitigations.roc import Points, hull, points_of, thinned

Array = NDArray[Any]

# Candidate thresholds of a group where one of them must be chosen, or where a mixture is made of few.
CANDIDATES = 400
SECONDS = 20.0
# The rates of a solution may be missed by this much when thresholds are picked for it.
SLACK = 1e-9


@dataclass(frozen=True)
class Aim:
    """What is made as small as possible: the cost of errors, or that of the group that fares worst."""

    false_positive: float = 1.0
    false_negative: float = 1.0
    worst_group: bool = False


@dataclass(frozen=True)
class Solved:
    """The rule, its cost and each group's rates where it was fitted, and what the solver said."""

    rule: Thresholds
    cost: float
    rates: dict[str, dict[Rate, float]]
    status: str


@dataclass(frozen=True, eq=False)
class _Group:
    name: str
    points: Points
    share: float  # of all rows

    def rates(self, points: Points, rate: Rate) -> Array:
        """The rate that each point has."""
        if rate == "selection":
            return np.asarray((points.false + points.true) / max(self.points.total, 1e-300))
        part, whole = {
            "true positive": (points.true, points.true[-1]),
            "false positive": (points.false, points.false[-1]),
        }[rate]
        return np.asarray(part / whole) if whole > 0 else np.zeros(len(part))

    def defined(self, rate: Rate) -> bool:
        """Whether any row of the group can have the rate."""
        return rate == "selection" or (self.points.positives if rate == "true positive" else self.points.negatives) > 0

    def cost(self, points: Points, aim: Aim) -> Array:
        """The cost of each point, a row of the group."""
        missed = points.true[-1] - points.true
        return np.asarray((aim.false_negative * missed + aim.false_positive * points.false) / self.points.total)


@dataclass
class _Rows:
    """A sparse system of inequalities, row by row."""

    places: list[tuple[Array, Array]] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)

    def add(self, columns: Array, values: Array, bound: float) -> None:
        """columns · values <= bound."""
        self.places.append((columns, values))
        self.bounds.append(bound)

    def matrix(self, width: int) -> csr_array:
        """All rows together."""
        rows = np.repeat(np.arange(len(self.places)), [len(columns) for columns, _ in self.places])
        columns = np.concatenate([columns for columns, _ in self.places]) if self.places else np.zeros(0, int)
        values = np.concatenate([values for _, values in self.places]) if self.places else np.zeros(0)
        return coo_array((values, (rows, columns)), shape=(len(self.places), width)).tocsr()


def fit_thresholds(
    scores: Array,
    labels: Array,
    groups: Array,
    constraints: Sequence[Constraint],
    *,
    aim: Aim | None = None,
    weight: Array | None = None,
    deterministic: bool = False,
) -> Solved:
    """The thresholds of least cost within the constraints; labels are 0 or 1, groups are texts.

    With `deterministic`, one threshold a group (a mixed-integer programme over at most 400 candidates each); otherwise a
    group's people may meet different ones, by chance. Groups without the labels that a rate needs are left out of its
    constraint. Raises DataError for no rows, SpecError where no thresholds can keep the constraints.
    """
    if not len(scores):
        raise DataError("There are no rows to fit thresholds on.")
    wanted = aim or Aim()
    found = _groups(scores, labels, groups, weight)
    corners = [thinned(each.points, CANDIDATES) if deterministic else hull(each.points) for each in found]
    weights, status = _solve(found, corners, constraints, wanted, integral=deterministic)
    rates, cuts = {}, {}
    for each, points, chosen in zip(found, corners, weights, strict=True):
        rates[each.name] = {rate: float(each.rates(points, rate) @ chosen) for rate in _EVERY if each.defined(rate)}
        cuts[each.name] = _cut(points, chosen) if deterministic else _least_spread(each, points, chosen)
    cost = sum(
        each.share * float(each.cost(points, wanted) @ chosen)
        for each, points, chosen in zip(found, corners, weights, strict=True)
    )
    cuts[ANYONE] = _anyone(scores, labels, weight, wanted)
    return Solved(Thresholds(cuts=cuts), cost, rates, status)


_EVERY: tuple[Rate, ...] = ("selection", "true positive", "false positive")


def _groups(scores: Array, labels: Array, groups: Array, weight: Array | None) -> list[_Group]:
    names, places = grouped(groups)
    order = np.argsort(places.astype(np.min_scalar_type(len(names))), kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(places, minlength=len(names)))))
    whole = float(weight.sum()) if weight is not None else float(len(scores))
    found = []
    for place, name in enumerate(names):
        here = order[starts[place] : starts[place + 1]]
        points = points_of(scores[here], labels[here], weight[here] if weight is not None else None)
        found.append(_Group(name, points, points.total / whole))
    return found


def _solve(
    groups: Sequence[_Group], corners: Sequence[Points], constraints: Sequence[Constraint], aim: Aim, *, integral: bool
) -> tuple[list[Array], str]:
    """The weight of each point of each group, and what the solver said."""
    starts = np.concatenate(([0], np.cumsum([len(points.thresholds) for points in corners])))
    places = [np.arange(low, high) for low, high in zip(starts[:-1], starts[1:], strict=True)]
    rows, width = _Rows(), int(starts[-1])
    for constraint in constraints:
        for rate in constraint.rates:
            width = _bound(rows, width, constraint, rate, list(zip(groups, corners, places, strict=True)))
    cost = np.zeros(width + aim.worst_group)
    for each, points, here in zip(groups, corners, places, strict=True):
        cost[here] = each.share * each.cost(points, aim)
    if aim.worst_group:
        # The worst group's cost leads; the total decides between solutions that are as good for it.
        for each, points, here in zip(groups, corners, places, strict=True):
            rows.add(np.append(here, width), np.append(each.cost(points, aim), -1.0), 0.0)
        cost *= 1e-4
        cost[width] = 1.0
        width += 1
    one = csr_array((np.ones(starts[-1]), (np.repeat(np.arange(len(groups)), np.diff(starts)), np.arange(starts[-1]))), shape=(len(groups), width))  # fmt: skip
    solution, status = _programme(cost, rows, one, int(starts[-1]) if integral else 0)
    if solution is None:
        asked = ", ".join(map(str, constraints))
        raise SpecError(f"No thresholds keep {asked}: {status} Loosen a bound.")
    return [np.clip(solution[here], 0, 1) / solution[here].clip(0, 1).sum() for here in places], status


def _bound(
    rows: _Rows, width: int, constraint: Constraint, rate: Rate, groups: Sequence[tuple[_Group, Points, Array]]
) -> int:
    """Add the rows of one rate; returns the number of variables there are then."""
    one = np.ones(1)
    for group, points, here in groups:
        if not group.defined(rate):
            continue
        values, free = group.rates(points, rate), np.array([width])
        if constraint.form == "least":
            rows.add(here, -values, -constraint.bound)
        elif constraint.form == "difference":  # free <= rate <= free + bound
            rows.add(np.concatenate((here, free)), np.concatenate((values, -one)), constraint.bound)
            rows.add(np.concatenate((here, free)), np.concatenate((-values, one)), 0.0)
        else:  # bound * free <= rate <= free
            rows.add(np.concatenate((here, free)), np.concatenate((values, -one)), 0.0)
            rows.add(np.concatenate((here, free)), np.concatenate((-values, constraint.bound * one)), 0.0)
    return width if constraint.form == "least" else width + 1


def _programme(cost: Array, rows: _Rows, one: csr_array, integral: int) -> tuple[Array | None, str]:
    ones, matrix, bounds = np.ones(one.shape[0]), rows.matrix(len(cost)), np.array(rows.bounds)
    if integral:
        limits = [LinearConstraint(one, ones, ones)]
        limits += [LinearConstraint(matrix, -np.inf, bounds)] if len(bounds) else []
        whole = np.concatenate((np.ones(integral), np.zeros(len(cost) - integral)))
        found = milp(cost, integrality=whole, bounds=(0, 1), constraints=limits, options={"time_limit": SECONDS})
    else:
        found = linprog(cost, A_ub=matrix if len(bounds) else None, b_ub=bounds if len(bounds) else None, A_eq=one, b_eq=ones, bounds=(0, 1), method="highs")  # fmt: skip
    return found.x, str(found.message).strip()


def _cut(points: Points, weights: Array) -> Cut:
    """The thresholds that have weight, ascending."""
    used = np.flatnonzero(weights > SLACK)[::-1]
    shares = weights[used] / weights[used].sum()
    return Cut(thresholds=tuple(points.thresholds[used].tolist()), shares=tuple(shares.tolist()))


def _least_spread(group: _Group, corners: Points, weights: Array) -> Cut:
    """The same rates by thresholds that lie close together, so that chance decides for as few people as can be."""
    if int((weights > SLACK).sum()) == 1:
        return _cut(corners, weights)
    points = _with_corners(group, corners, weights)
    rates: list[Rate] = [rate for rate in ("true positive", "false positive") if group.defined(rate)]
    wanted = np.array([group.rates(corners, rate) @ weights for rate in rates])
    have = np.array([group.rates(points, rate) for rate in rates])
    selected = group.rates(points, "selection")
    centre = float(group.rates(corners, "selection") @ weights)
    found = linprog((selected - centre) ** 2, A_eq=np.vstack([have, np.ones(len(selected))]), b_eq=np.append(wanted, 1.0), bounds=(0, 1), method="highs")  # fmt: skip
    if found.x is None:
        return _cut(corners, weights)
    return _cut(points, np.clip(found.x, 0, 1))


def _with_corners(group: _Group, corners: Points, weights: Array) -> Points:
    """Candidates of all selection rates, and the corners in use, which make the mixture possible."""
    thin = thinned(group.points, CANDIDATES)
    used = weights > SLACK
    thresholds = np.concatenate((thin.thresholds, corners.thresholds[used]))
    _, places = np.unique(-thresholds, return_index=True)
    false, true = (np.concatenate((getattr(thin, side), getattr(corners, side)[used])) for side in ("false", "true"))
    return Points(thresholds[places], false[places], true[places])


def _anyone(scores: Array, labels: Array, weight: Array | None, aim: Aim) -> Cut:
    """The best single threshold for everyone, which serves groups that were not seen."""
    points = points_of(scores, labels, weight)
    cost = aim.false_negative * (points.true[-1] - points.true) + aim.false_positive * points.false
    return Cut(thresholds=(float(points.thresholds[int(np.argmin(cost))]),))
