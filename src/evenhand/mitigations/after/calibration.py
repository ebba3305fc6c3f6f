"""Calibration: scores turned into probabilities that hold inside every group, not only for all together."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize

from evenhand.core.confusion import grouped
from evenhand.core.errors import SpecError
from evenhand.core.rule import ANYONE, Curve, Curves
from evenhand.mitigations.after.scored import Scored, positive_place
from evenhand.mitigations.after.thresholds import checked

Array = NDArray[Any]
Method = Literal["isotonic", "sigmoid"]

# Points of a sigmoid's curve.
POINTS = 513


@dataclass(frozen=True, eq=False)
class Calibrated:
    """The rule; groups too small for a curve of their own; each group's mean error, before and after."""

    rule: Curves
    pooled: tuple[str, ...]
    gaps: dict[str, tuple[float, float]]


def fit_calibration(
    scores: Array,
    labels: Array,
    groups: Array,
    *,
    method: Method = "isotonic",
    weight: Array | None = None,
    least: int = 20,
) -> Calibrated:
    """A curve for each group, from scores to the share of positive labels.

    Groups with fewer than `least` rows of either class share the curve of everyone. `isotonic` is any rising curve,
    `sigmoid` a logistic one (Platt 1999). Raises DataError for rows that cannot be used, SpecError for a method.
    """
    checked(scores, labels, groups, weight)
    if method not in get_args(Method):
        raise SpecError(f"No calibration is called {method!r}; there are: {', '.join(get_args(Method))}.")
    scores, weights = np.asarray(scores, np.float64), np.ones(len(scores)) if weight is None else weight
    fitted = _isotonic if method == "isotonic" else _sigmoid
    curves, pooled = {ANYONE: fitted(scores, labels, weights)}, []
    names, places = grouped(groups)
    for place, name in enumerate(names):
        here = (places == place) & (weights > 0)
        if np.bincount(labels[here].astype(np.int64), minlength=2).min() < least:
            pooled.append(name)
            continue
        curves[name] = fitted(scores[here], labels[here], weights[here])
    rule = Curves(curves=curves)
    after, gaps = rule.calibrated(scores, groups), {}
    for place, name in enumerate(names):
        here = places == place
        gaps[name] = (_gap(scores, labels, weights, here), _gap(after, labels, weights, here))
    return Calibrated(rule, tuple(pooled), gaps)


def _gap(scores: Array, labels: Array, weights: Array, here: Array) -> float:
    whole = float(weights[here].sum())
    return abs(float((labels[here] - scores[here]) @ weights[here])) / whole if whole > 0 else 0.0


def _isotonic(scores: Array, labels: Array, weights: Array) -> Curve:
    """The rising steps nearest the labels; only the ends of steps are kept."""
    distinct, places = np.unique(scores, return_inverse=True)
    weight = np.bincount(places, weights)
    mean = np.bincount(places, weights * labels) / np.maximum(weight, 1e-300)
    steps = isotonic_regression(mean, weights=np.maximum(weight, 1e-300)).x
    changes = np.flatnonzero(np.diff(steps) != 0)
    ends = np.unique(np.concatenate(([0, len(steps) - 1], changes, changes + 1)))
    return Curve(scores=tuple(distinct[ends].tolist()), values=tuple(steps[ends].tolist()))


def _sigmoid(scores: Array, labels: Array, weights: Array) -> Curve:
    """A logistic curve in the score's standard units, with Platt's targets, which keep it finite."""
    centre, spread = float(np.average(scores, weights=weights)), float(scores.std()) or 1.0
    units = (scores - centre) / spread
    positives, negatives = float(labels @ weights), float((1 - labels) @ weights)
    aims = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(line: Array) -> tuple[float, Array]:
        logits = line[0] * units + line[1]
        wrong = weights * (0.5 * (1 + np.tanh(logits / 2)) - aims)
        value = float(weights @ (np.logaddexp(0, logits) - aims * logits))
        return value, np.array([wrong @ units, wrong.sum()])

    line = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B").x
    points = np.unique(np.quantile(scores, np.linspace(0, 1, POINTS)))
    values = 0.5 * (1 + np.tanh((line[0] * (points - centre) / spread + line[1]) / 2))
    return Curve(scores=tuple(points.tolist()), values=tuple(values.tolist()))


class CalibratedPerGroup(Scored):
    """A classifier of two classes whose probabilities are calibrated in each group, on scores that did not train it.

    `estimator` as in FairThresholds: frozen ones are used as they are. `predict` decides at one half.
    Fitted: `rule_`, `result_`, `estimator_`, `classes_`.
    """

    def __init__(
        self, estimator: Any, *, method: Method = "isotonic", least: int = 20, folds: int = 5, positive: Any = None
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.least = least
        self.folds = folds
        self.positive = positive

    def fit(self, X: Any, y: Any, *, facet: Any = None, sample_weight: Any = None) -> "CalibratedPerGroup":  # noqa: N803
        """Fit the estimator, then the curves; `facet` is one value, or several, a row."""
        rows = self._fitting(X, y, facet, sample_weight)
        self.result_ = fit_calibration(
            rows.scores, rows.labels, rows.groups, method=self.method, weight=rows.weight, least=self.least
        )
        self.rule_ = self.result_.rule
        return self

    def predict_proba(self, X: Any, *, facet: Any = None) -> Array:  # noqa: N803
        """The calibrated probability of each class."""
        predicted, positive = self._predicted(X), positive_place(self.classes_, self.positive)
        scores = predicted if predicted.ndim == 1 else predicted[:, positive]
        chances = self.rule_.calibrated(scores, self._groups(facet, len(scores)))
        both = np.empty((len(scores), 2))
        both[:, positive], both[:, 1 - positive] = chances, 1 - chances
        return both

    def predict(self, X: Any, *, facet: Any = None) -> Array:  # noqa: N803
        """The more probable class of each row."""
        chances = self.predict_proba(X, facet=facet)
        return np.asarray(self.classes_[np.argmax(chances, axis=1)])
