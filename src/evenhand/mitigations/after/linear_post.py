"""Linear post-processing: the class of least risk after prices on groups, with groups known or only guessed at.

Xian and Zhao, A Unified Post-Processing Framework for Group Fairness in Classification (2024, LinearPost): several
classes, demographic parity, equal opportunity and equalized odds. It trusts the probabilities of classes: calibrate
them by group where they are off, or use thresholds, which trust the labels alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import indexable

from evenhand.core.confusion import grouped
from evenhand.core.constraint import Constraint
from evenhand.core.errors import DataError, SpecError
from evenhand.core.rule import Linear, parted
from evenhand.mitigations.after.cutting_planes import solve_dual
from evenhand.mitigations.after.dual import Problem
from evenhand.mitigations.after.scored import BadTarget, Fitting, Scored, chances_of, crossed_scores, positive_place
from evenhand.mitigations.after.thresholds import constraints_of
from evenhand.mitigations.amounts import checked_weights

Array = NDArray[Any]

# What chance adds to a probability at most, so that many equal scores are not decided as one.
NOISE = 1e-4
# At most so many probabilities of rows, groups and classes; so many groups, where rows do not know theirs or are more
# than so many, because the programme then takes minutes.
CELLS, GUESSED, ROWS = 100_000_000, 60, 30_000


@dataclass(frozen=True, eq=False)
class LinearSolved:
    """The rule; where it was fitted: the share of wrong classes, violations by labels and true groups; the solver."""

    rule: Linear
    cost: float
    violations: dict[str, float]
    status: str


@dataclass(frozen=True)
class _Event:
    """A choice that is bounded: of a class, and among whom (None: everyone; else those of one true class)."""

    chosen: int
    given: int | None
    constraint: Constraint


def fit_linear(
    predicted: Array,
    labels: Array,
    groups: Array,
    constraints: Sequence[Constraint],
    *,
    joint: Array | None = None,
    positive: int = 1,
    weight: Array | None = None,
    noise: float = NOISE,
) -> LinearSolved:
    """Prices on groups, under which the most probable class keeps the constraints.

    `predicted` holds probabilities of classes (rows, classes), labels their places, groups texts. Blind to groups with
    `joint`, the probability of each group (sorted) and class: shape (rows, groups, classes). Labels serve the report
    alone. Raises DataError for shapes that do not fit or too large a problem, SpecError for ratio and least forms.
    """
    names, places = grouped(groups)
    _check(predicted, labels, places, len(names), joint)
    checked_weights(weight)
    held = _known(predicted, places, len(names)) if joint is None else joint
    events = [event for each in constraints for event in _events(each, predicted.shape[1], positive)]
    chances = chances_of(None, len(predicted), "fit")
    values = held.sum(axis=1) + noise * parted(chances, predicted.shape[1])
    prices, status = np.zeros((0, len(names))), "Optimal"
    if events:
        prices, status = solve_dual(_problem(held, values, events, weight))
    rule = _rule(names, events, prices, predicted.shape[1], noise)
    chosen = rule.choose(held, chances)
    violations: dict[str, float] = {}
    for event in events:
        apart = _apart(event, chosen, labels, places, weight)
        violations[str(event.constraint)] = max(violations.get(str(event.constraint), 0.0), apart)
    return LinearSolved(rule, float(np.average(chosen != labels, weights=weight)), violations, status)


def _check(predicted: Array, labels: Array, places: Array, groups: int, joint: Array | None) -> None:
    if predicted.ndim != 2 or not len(predicted) or not len(predicted) == len(labels) == len(places):
        raise DataError(
            "Probabilities have shape (rows, classes), with a label and a group text a row; some rows at least."
        )
    if joint is not None and joint.shape != (len(predicted), groups, predicted.shape[1]):
        raise DataError(f"joint has shape {joint.shape}, not {(len(predicted), groups, predicted.shape[1])}.")
    if not np.isfinite(predicted).all() or predicted.min() < 0:
        raise DataError("Some probabilities are negative or no finite numbers; leave those rows out, or score them.")
    if joint is not None and groups > GUESSED:
        raise DataError(
            f"{groups:,} groups are too many to guess at, {GUESSED} are allowed; join some, or use blind=False."
        )
    if predicted.size * groups > CELLS or (groups > GUESSED and len(predicted) > ROWS):
        raise DataError(f"{len(predicted):,} rows x {groups:,} groups are too many for LinearPost; use FairThresholds.")


def _known(predicted: Array, places: Array, groups: int) -> Array:
    joint = np.zeros((len(predicted), groups, predicted.shape[1]))
    joint[np.arange(len(predicted)), places] = predicted
    return joint


def _events(constraint: Constraint, classes: int, positive: int) -> list[_Event]:
    """What the constraint bounds; of two classes, the choice of the positive one says all."""
    if constraint.form != "difference":
        raise SpecError(
            f"LinearPost keeps differences, not {constraint}; use FairThresholds for ratios and least rates."
        )
    every = [positive] if classes == 2 else list(range(classes))
    if constraint.name == "demographic-parity":
        return [_Event(chosen, None, constraint) for chosen in every]
    pairs = [(chosen, given) for chosen in every for given in range(classes)]
    if constraint.name == "equal-opportunity":
        pairs = [(chosen, given) for chosen, given in pairs if chosen == given]
    if constraint.name == "predictive-equality":
        pairs = [(chosen, given) for chosen, given in pairs if chosen != given]
    return [_Event(chosen, given, constraint) for chosen, given in pairs]


def _problem(joint: Array, values: Array, events: list[_Event], weight: Array | None) -> Problem:
    among = [joint.sum(axis=2) if event.given is None else joint[:, :, event.given] for event in events]
    features = np.stack(among, axis=1)
    if weight is not None:
        scale = weight * (len(weight) / weight.sum())
        values, features = values * scale[:, None], features * scale[:, None, None]
    bounds = np.array([event.constraint.bound for event in events])
    return Problem(values, features, np.array([event.chosen for event in events]), features.mean(axis=0), bounds)


def _rule(names: tuple[str, ...], events: list[_Event], prices: Array, classes: int, noise: float) -> Linear:
    given = any(event.given is not None for event in events)
    table = np.zeros((len(names), classes, classes))
    for event, price in zip(events, prices, strict=True):
        rows = slice(None) if event.given is None else event.given
        table[:, rows, event.chosen] -= price[:, None] if event.given is None else price
    flat = table.reshape(len(names), -1) if given else table[:, 0, :]
    return Linear(groups=names, shifts=tuple(map(tuple, flat.tolist())), given_label=given, noise=noise)


def _apart(event: _Event, chosen: Array, labels: Array, places: Array, weight: Array | None) -> float:
    """How far apart the rates of groups are, of those who have any."""
    among = np.ones(len(labels), bool) if event.given is None else labels == event.given
    weights = np.ones(len(labels)) if weight is None else weight
    whole = np.bincount(places[among], weights[among])
    part = np.bincount(places[among], (weights * (chosen == event.chosen))[among])
    return float(np.ptp(part[whole > 0] / whole[whole > 0])) if (whole > 0).any() else 0.0


class LinearPost(Scored):
    """A classifier of any number of classes that chooses after prices on groups (LinearPost).

    Aware, it reads the facet in `predict`; `blind`, it guesses groups from X, with a clone of `group_estimator` (else
    of `estimator`) that is trained on crossed groups and classes, and `predict` needs no facet. `estimator` as in
    FairThresholds; when it is frozen, `group_estimator` must be given. Fitted: `rule_`, `result_`, `estimator_`,
    `classes_`, blind also `joint_estimator_`.
    """

    _several = True

    def __init__(
        self,
        estimator: Any,
        *,
        constraints: Any = "demographic-parity:0.05",
        blind: bool = False,
        group_estimator: Any = None,
        folds: int = 5,
        positive: Any = None,
        salt: str = "evenhand",
    ) -> None:
        self.estimator = estimator
        self.constraints = constraints
        self.blind = blind
        self.group_estimator = group_estimator
        self.folds = folds
        self.positive = positive
        self.salt = salt

    def fit(self, X: Any, y: Any, *, facet: Any = None, sample_weight: Any = None) -> "LinearPost":  # noqa: N803
        """Fit the estimator, then the prices; `facet` is one value, or several, a row."""
        (X,) = indexable(X)  # noqa: N806
        rows = self._fitting(X, y, facet, sample_weight)
        predicted = two_sided(rows.predicted)
        joint = self._joint_of_fit(X, rows, predicted) if self.blind else None
        self.result_ = fit_linear(
            predicted,
            rows.labels,
            rows.groups,
            constraints_of(self.constraints),
            joint=joint,
            positive=positive_place(self.classes_, self.positive),
            weight=rows.weight,
        )
        self.rule_ = self.result_.rule
        return self

    def predict(self, X: Any, *, facet: Any = None, ids: Any = None) -> Array:  # noqa: N803
        """The class of each row. Raises DataError where `facet` was given to fit, is needed, and is missing here."""
        predicted = two_sided(self._predicted(X))
        chances = chances_of(ids, len(predicted), self.salt)
        if self.blind:
            joint = _spread(predicted, self._joint(self.joint_estimator_.predict_proba(X)))
            return np.asarray(self.classes_[self.rule_.choose(joint, chances)])
        return np.asarray(
            self.classes_[self.rule_.choose_known(predicted, self._groups(facet, len(predicted)), chances)]
        )

    def _joint_of_fit(self, X: Any, rows: Fitting, predicted: Array) -> Array:  # noqa: N803
        if self.group_estimator is None and isinstance(self.estimator, FrozenEstimator):
            raise SpecError("A frozen estimator cannot learn groups: give group_estimator, or blind=False.")
        names, places = grouped(rows.groups)
        self._groups_, crossed = len(names), places * len(self.classes_) + rows.labels
        learner = clone(self.estimator if self.group_estimator is None else self.group_estimator)
        self.crossed_, counts = np.unique(crossed, return_counts=True)
        if counts.min() < 2 and not isinstance(learner, FrozenEstimator):
            group, label = divmod(int(self.crossed_[counts.argmin()]), len(self.classes_))
            raise BadTarget(
                f"Only 1 row of group {names[group]!r} has label {self.classes_.tolist()[label]!r}; to guess groups "
                "LinearPost needs 2 of each pair that occurs: join small groups, or use blind=False."
            )
        self.joint_estimator_, answers = crossed_scores(learner, X, crossed, rows.weight, self.folds)
        return _spread(predicted, self._joint(answers))

    def _joint(self, answers: Array) -> Array:
        full = np.zeros((len(answers), self._groups_ * len(self.classes_)))
        full[:, self.crossed_] = answers
        return full.reshape(len(answers), self._groups_, len(self.classes_))

    def _oriented(self, predicted: Array) -> Array:
        return predicted


def two_sided(predicted: Array) -> Array:
    """Probabilities of classes; raises DataError where there are only decision values."""
    if predicted.ndim != 2:
        raise DataError("LinearPost needs probabilities: an estimator with predict_proba.")
    return predicted


def _spread(predicted: Array, joint: Array) -> Array:
    """The groups' shares that the joint answers give each class, of the class's own probability."""
    whole = joint.sum(axis=1, keepdims=True)
    even = np.full_like(joint, 1 / joint.shape[1])
    return np.asarray(np.divide(joint, whole, out=even, where=whole > 0) * predicted[:, None, :])
