"""Scored: what mitigations after training share — a model's scores of rows that did not train it, labels and groups."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import _safe_indexing, assert_all_finite, check_consistent_length, column_or_1d, get_tags, indexable
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, _num_samples, check_is_fitted, has_fit_parameter

from evenhand.core.chance import chance
from evenhand.core.errors import DataError
from evenhand.core.rule import Thresholds
from evenhand.mitigations.facets import facet_texts

Array = NDArray[Any]


class BadTarget(DataError, ValueError):
    """Labels that a mitigation cannot use; also a ValueError, as scikit-learn's conventions ask."""


@dataclass(frozen=True, eq=False)
class Fitting:
    """Rows to fit on: probabilities of classes or one score, labels as places among the classes, groups, weights."""

    predicted: Array
    labels: Array
    groups: Array
    weight: Array | None
    positive: int = 1

    @property
    def scores(self) -> Array:
        """The score of the positive class."""
        return self.predicted if self.predicted.ndim == 1 else np.ascontiguousarray(self.predicted[:, self.positive])


class _Result(Protocol):
    @property
    def rule(self) -> Any: ...


class Scored(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """The base: fits (or takes) the estimator, and scores each row of `fit` by a model that was not trained on it."""

    estimator: Any
    folds: int
    positive: Any = None
    _several = False

    def _fitting(self, X: Any, y: Any, facet: Any, sample_weight: Any) -> Fitting:  # noqa: N803
        if y is None:
            raise BadTarget(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        y = column_or_1d(y, warn=True)
        (X,) = indexable(X)  # noqa: N806
        check_consistent_length(X, y)
        self._check_target(y)
        groups = facet_texts(facet, len(y))
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64)
        self.classes_, labels = np.unique(y, return_inverse=True)
        positive = positive_place(self.classes_, self.positive)
        labels = labels if self._several else (labels == positive).astype(np.int64)
        self.estimator_, predicted = crossed_scores(self.estimator, X, y, weight, self.folds)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        self.faceted_ = facet is not None
        return Fitting(self._oriented(predicted), labels, groups, weight, positive)

    def _check_target(self, y: Array) -> None:
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        classes = len(np.unique(y))
        if not classes:
            raise BadTarget("There are no rows to fit on; hand in rows with their labels.")
        if classes < 2:
            raise BadTarget("The labels hold only 1 class; two classes are needed.")
        if not self._several and type_of_target(y) == "multiclass":
            raise BadTarget(
                f"Only binary classification is supported. The type of the target is multiclass ({classes} classes)."
            )

    def _oriented(self, predicted: Array) -> Array:
        """Decision values turned towards the positive class."""
        turned = predicted.ndim == 1 and positive_place(self.classes_, self.positive) == 0
        return -predicted if turned else predicted

    def _predicted(self, X: Any) -> Array:  # noqa: N803
        check_is_fitted(self, "estimator_")
        return self._oriented(known(_answers(self.estimator_, X)))

    def _groups(self, facet: Any, rows: int) -> Array:
        if facet is None and self.faceted_:
            raise DataError("facet was given to fit, so predict needs it too: predict(X, facet=…).")
        return facet_texts(facet, rows)

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.classifier_tags.multi_class = self._several
        tags.input_tags.sparse = inner.input_tags.sparse
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        return tags


class ThresholdRule(Scored):
    """A classifier that decides by a rule of thresholds, which `_solve` finds."""

    rule_: Thresholds
    salt: str

    def _solve(self, rows: Fitting) -> _Result:
        raise NotImplementedError

    def fit(self, X: Any, y: Any, *, facet: Any = None, sample_weight: Any = None) -> Any:  # noqa: N803
        """Fit the estimator, then the rule; `facet` is one value, or several, a row."""
        self.result_ = self._solve(self._fitting(X, y, facet, sample_weight))
        self.rule_ = self.result_.rule
        return self

    def predict(self, X: Any, *, facet: Any = None, ids: Any = None) -> Array:  # noqa: N803
        """The class of each row; with the same id, score and group a person always gets the same answer.

        Without `ids` a row's place is its id. Raises DataError where `facet` was given to fit and is missing here.
        """
        predicted = self._predicted(X)
        scores = Fitting(predicted, predicted, predicted, None, positive_place(self.classes_, self.positive)).scores
        chances = chances_of(ids, len(scores), self.salt) if self.rule_.randomised else np.zeros(len(scores))
        decided = self.rule_.decide(scores, self._groups(facet, len(scores)), chances)
        positive = positive_place(self.classes_, self.positive)
        return np.asarray(self.classes_[np.where(decided == 1, positive, 1 - positive)])


def known(scores: Array) -> Array:
    """The scores; raises DataError where a model answers with anything but finite numbers."""
    if not np.isfinite(scores).all():
        raise DataError("Some scores are not finite numbers; leave those rows out, or mend the model that gave them.")
    return scores


def positive_place(classes: Array, positive: Any) -> int:
    """The place of the positive class: the second, unless it is named; raises BadTarget where it does not occur."""
    if positive is None:
        return min(1, len(classes) - 1)
    found = np.flatnonzero(classes == positive)
    if not len(found):
        raise BadTarget(f"The positive class {positive!r} is not among the labels: {classes.tolist()[:12]}.")
    return int(found[0])


def chances_of(ids: Any, rows: int, salt: str) -> Array:
    """Each row's number of chance, from its id, or else its place."""
    if ids is None:
        return chance(range(rows), salt)
    listed = np.asarray(ids, dtype=object).tolist()
    if len(listed) != rows:
        raise DataError(f"There are {len(listed):,} ids for {rows:,} rows; give one id a row.")
    return chance(listed, salt)


def crossed_scores(estimator: Any, X: Any, y: Array, weight: Array | None, number: int) -> tuple[Any, Array]:  # noqa: N803
    """The estimator fitted on all rows, and scores of each row by a model that has not seen it.

    Frozen estimators answer as they are. Raises BadTarget where a class has too few rows to leave any out.
    """
    if isinstance(estimator, FrozenEstimator):
        return estimator, _answers(estimator, X)
    classes, labels, counts = np.unique(y, return_inverse=True, return_counts=True)
    if counts.min() < 2 or number < 2:
        few = classes.tolist()[counts.argmin()]
        raise BadTarget(
            f"Class {few!r} has n_samples={counts.min()} and folds is {number}: both must be 2 or more to score rows "
            "by models not trained on them; or hand in a fitted estimator as FrozenEstimator."
        )
    whole = _fit(clone(estimator), X, y, weight, np.arange(len(y)))
    turns = folds(labels, min(number, int(counts.max())))
    found = None
    for turn in np.unique(turns):
        model = _fit(clone(estimator), X, y, weight, np.flatnonzero(turns != turn))
        out = np.flatnonzero(turns == turn)
        answers = _answers(model, _safe_indexing(X, out))
        found = np.zeros((len(y), *_shape(answers, classes))) if found is None else found
        found[(out[:, None], np.searchsorted(classes, model.classes_)) if answers.ndim == 2 else out] = answers
    assert found is not None  # noqa: S101 -- two folds at least
    return whole, found


def folds(labels: Array, number: int) -> Array:
    """The fold of each row: every class dealt round, in an order that is shuffled but always the same."""
    order = np.random.default_rng(0).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    starts = np.searchsorted(labels[order], labels[order])
    turns = np.empty(len(labels), np.int64)
    turns[order] = (np.arange(len(labels)) - starts) % number
    return turns


def _shape(answers: Array, classes: Array) -> tuple[int, ...]:
    return (len(classes),) if answers.ndim == 2 else ()


def _fit(model: Any, X: Any, y: Array, weight: Array | None, here: Array) -> Any:  # noqa: N803
    weights = (
        {"sample_weight": weight[here]} if weight is not None and has_fit_parameter(model, "sample_weight") else {}
    )
    if len(here) == _num_samples(X):
        return model.fit(X, y, **weights)
    return model.fit(_safe_indexing(X, here), y[here], **weights)


def _answers(model: Any, X: Any) -> Array:  # noqa: N803
    method = "predict_proba" if hasattr(model, "predict_proba") else "decision_function"
    if not hasattr(model, method):
        raise DataError(f"{type(model).__name__} gives no scores: it needs predict_proba or decision_function.")
    return np.asarray(getattr(model, method)(X))
