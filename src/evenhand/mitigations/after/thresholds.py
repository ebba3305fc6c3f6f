"""Thresholds: the decisions of least cost whose rates keep the constraints, one or a few thresholds a group."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from evenhand.core.confusion import Confusion, Rate, grouped
from evenhand.core.constraint import Constraint
from evenhand.core.errors import DataError
from evenhand.core.rule import ANYONE, Cut, Thresholds
from evenhand.mitigations.after.programme import Aim, GroupPoints, solve
from evenhand.mitigations.after.roc import SPACED, Points, hull, points_of, thinned
from evenhand.mitigations.after.scored import Fitting, ThresholdRule
from evenhand.mitigations.amounts import checked_weights

Array = NDArray[Any]

__all__ = ["Aim", "FairThresholds", "Solved", "constraints_of", "fit_thresholds"]

# Weights below this are what the solver's arithmetic leaves of zero.
SLACK = 1e-9
EVERY: tuple[Rate, ...] = ("selection", "true positive", "false positive")


@dataclass(frozen=True, eq=False)
class Solved:
    """The rule; and where it was fitted, in expectation: cost, each group's rates, violations, the solver's word."""

    rule: Thresholds
    cost: float
    rates: dict[str, dict[Rate, float]]
    violations: dict[str, float]
    status: str


def constraints_of(wanted: str | Constraint | Iterable[str | Constraint]) -> list[Constraint]:
    """Constraints from their texts, one or several; raises SpecError."""
    several = [wanted] if isinstance(wanted, str | Constraint) else wanted
    return [each if isinstance(each, Constraint) else Constraint.parse(each) for each in several]


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

    With `deterministic`, one threshold a group (a mixed-integer programme over at most 400 candidates each); otherwise
    a group's people may meet different ones, by chance. Groups without the labels that a rate needs are left out of its
    constraint. Raises DataError for rows that cannot be used, SpecError where the solver finds none in 20 seconds.
    """
    checked(scores, labels, groups, weight)
    wanted = aim or Aim()
    found = _groups(scores, labels, groups, weight)
    corners = [thinned(each.points, SPACED) if deterministic else hull(each.points) for each in found]
    weights, status = solve(found, corners, constraints, wanted, integral=deterministic)
    held = list(zip(found, corners, weights, strict=True))
    cuts = {each.name: _cut(points, chosen) if deterministic else _least_spread(each, points, chosen) for each, points, chosen in held}  # fmt: skip  # noqa: E501
    cuts[ANYONE] = best_for_all(scores, labels, weight, wanted)
    cost = sum(each.share * float(each.cost(points, wanted) @ chosen) for each, points, chosen in held)
    rates = {each.name: _rates(each, points, chosen) for each, points, chosen in held}
    expected = Confusion(tuple(rates), np.array([_cells(*each) for each in held]))
    violations = {str(each): float(each.violation(expected)) for each in constraints}
    return Solved(Thresholds(cuts=cuts), cost, rates, violations, status)


def checked(scores: Array, labels: Array, groups: Array, weight: Array | None) -> None:
    """Raises DataError for no rows, columns of different lengths, scores that are no numbers, labels but 0 and 1."""
    if not len(scores):
        raise DataError("There are no rows to fit on; hand in scores with their labels and groups.")
    lengths = {len(each) for each in (scores, labels, groups, weight) if each is not None}
    if len(lengths) > 1:
        raise DataError(f"Scores, labels, groups and weights differ in length: {sorted(lengths)}; give one a row.")
    if not np.isfinite(np.asarray(scores, np.float64)).all():
        raise DataError("Some scores are not finite numbers; leave those rows out, or score them.")
    if not np.isin(labels, (0, 1)).all():
        raise DataError("Labels must be 0 or 1; say which class is positive.")
    checked_weights(weight)


def _groups(scores: Array, labels: Array, groups: Array, weight: Array | None) -> list[GroupPoints]:
    names, places = grouped(groups)
    order = np.argsort(places.astype(np.min_scalar_type(len(names))), kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(places, minlength=len(names)))))
    whole = float(weight.sum()) if weight is not None else float(len(scores))
    found = []
    for place, name in enumerate(names):
        here = order[starts[place] : starts[place + 1]]
        points = points_of(scores[here], labels[here], weight[here] if weight is not None else None)
        if points.total > 0:
            found.append(GroupPoints(name, points, points.total / whole))
    return found


def _rates(group: GroupPoints, points: Points, weights: Array) -> dict[Rate, float]:
    return {rate: float(group.rates(points, rate) @ weights) for rate in EVERY if group.defined(rate)}


def _cells(group: GroupPoints, points: Points, weights: Array) -> list[list[float]]:
    false, true = float(points.false @ weights), float(points.true @ weights)
    return [[group.points.negatives - false, false], [group.points.positives - true, true]]


def _cut(points: Points, weights: Array) -> Cut:
    """The thresholds that have weight, ascending."""
    used = np.flatnonzero(weights > SLACK)[::-1]
    shares = weights[used] / weights[used].sum()
    return Cut(thresholds=tuple(points.thresholds[used].tolist()), shares=tuple(shares.tolist()))


def _least_spread(group: GroupPoints, corners: Points, weights: Array) -> Cut:
    """The same rates by thresholds that lie close together, so that chance decides for as few people as can be."""
    used = np.flatnonzero(weights > SLACK)
    # Between neighbours on the hull there is nothing closer.
    if used[-1] - used[0] <= 1:
        return _cut(corners, weights)
    points = _with_corners(group, corners, weights)
    rates: list[Rate] = [rate for rate in ("true positive", "false positive") if group.defined(rate)]
    wanted = np.array([group.rates(corners, rate) @ weights for rate in rates])
    have = np.array([group.rates(points, rate) for rate in rates])
    selected = group.rates(points, "selection")
    centre = float(group.rates(corners, "selection") @ weights)
    equal, sums = np.vstack([have, np.ones(len(selected))]), np.append(wanted, 1.0)
    found = linprog((selected - centre) ** 2, A_eq=equal, b_eq=sums, bounds=(0, 1), method="highs")
    return _cut(corners, weights) if found.x is None else _cut(points, np.clip(found.x, 0, 1))


def _with_corners(group: GroupPoints, corners: Points, weights: Array) -> Points:
    """Candidates of all selection rates, and the corners in use, which make the mixture possible."""
    thin = thinned(group.points, SPACED)
    used = weights > SLACK
    thresholds = np.concatenate((thin.thresholds, corners.thresholds[used]))
    _, places = np.unique(-thresholds, return_index=True)
    false, true = (np.concatenate((getattr(thin, side), getattr(corners, side)[used])) for side in ("false", "true"))
    return Points(thresholds[places], false[places], true[places])


def best_for_all(scores: Array, labels: Array, weight: Array | None, aim: Aim) -> Cut:
    """The best single threshold for everyone, which serves groups that were not seen."""
    points = points_of(scores, labels, weight)
    cost = aim.false_negative * (points.positives - points.true) + aim.false_positive * points.false
    return Cut(thresholds=(float(points.thresholds[int(np.argmin(cost))]),))


class FairThresholds(ThresholdRule):
    """A classifier whose scores meet thresholds, by group, that keep constraints at the least cost.

    `estimator` scores rows: one in scikit-learn's FrozenEstimator is used as it is, and the rows of `fit` should then
    be rows that it was not trained on; any other is fitted, and thresholds see scores of rows left out of training.
    `constraints` are texts such as "equalized-odds:0.05", one or several, each of which is kept in expectation on the
    rows of `fit`; `aim` says what errors cost. Decisions of groups that need two thresholds are by chance of the ids;
    with `deterministic` there is one threshold a group. Fitted: `rule_`, `result_`, `estimator_`, `classes_`.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        constraints: Any = "demographic-parity:0.05",
        aim: Aim | None = None,
        deterministic: bool = False,
        folds: int = 5,
        positive: Any = None,
        salt: str = "evenhand",
    ) -> None:
        self.estimator = estimator
        self.constraints = constraints
        self.aim = aim
        self.deterministic = deterministic
        self.folds = folds
        self.positive = positive
        self.salt = salt

    def _solve(self, rows: Fitting) -> Solved:
        return fit_thresholds(
            rows.scores,
            rows.labels,
            rows.groups,
            constraints_of(self.constraints),
            aim=self.aim,
            weight=rows.weight,
            deterministic=self.deterministic,
        )
