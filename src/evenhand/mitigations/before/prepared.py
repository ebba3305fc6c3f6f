"""Prepared: a classifier that is fitted on a training set made fairer first, and otherwise works as it would."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import (
    _check_sample_weight,
    _check_y,
    check_consistent_length,
    check_is_fitted,
    has_fit_parameter,
    validate_data,
)

from evenhand.core.errors import DataError, SpecError
from evenhand.mitigations.before.columns import NoRows, has_rows, is_frame
from evenhand.mitigations.facets import facet_texts

Array = NDArray[Any]


class NotBinary(DataError, ValueError):
    """A method for two classes was given more."""


class OneClass(DataError, ValueError):
    """An estimator that needs two classes was given one; also a ValueError, as scikit-learn's conventions ask."""


@dataclass(frozen=True, eq=False)
class Training:
    """What a classifier learns from; rows are as the caller gave them."""

    rows: Any
    labels: Array
    weight: Array | None

    def weighing(self, weight: Array) -> "Training":
        """With these weights."""
        return replace(self, weight=weight)

    def labelled(self, labels: Array) -> "Training":
        """With these labels."""
        return replace(self, labels=labels)

    def at(self, places: Array) -> "Training":
        """The rows at these places, some of them several times."""
        weight = None if self.weight is None else self.weight[places]
        return Training(_safe_indexing(self.rows, places), self.labels[places], weight)


def fitted(estimator: Any, training: Training) -> Any:
    """A copy of the estimator that has learned from the training set, weighted if that has weights.

    Weights reach the last step of a Pipeline and what a search searches. Raises SpecError for an estimator that takes
    no weights.
    """
    copy = clone(estimator)
    if training.weight is None:
        return copy.fit(training.rows, training.labels)
    name = weight_name(copy)
    if name == "sample_weight":
        return copy.fit(training.rows, training.labels, sample_weight=training.weight)
    # The name of a step leads weights to it only where metadata is not routed by requests.
    with config_context(enable_metadata_routing=False):
        return copy.fit(training.rows, training.labels, **{name: training.weight})


def _learned(estimator: Any, training: Training) -> Any:
    """The fitted copy; raises OneClass where it refuses because there is one class."""
    try:
        return fitted(estimator, training)
    except ValueError as error:
        classes = np.unique(training.labels).tolist()
        if len(classes) > 1 or isinstance(error, DataError):
            raise
        name = type(estimator).__name__
        raise OneClass(f"All labels are of one class, {classes[0]!r}, which {name} refuses; two are needed.") from error


def weight_name(estimator: Any) -> str:
    """What the weights are called where the estimator is fitted, such as model__sample_weight in a Pipeline."""
    if hasattr(estimator, "steps"):
        name, last = estimator.steps[-1]
        return f"{name}__{weight_name(last)}"
    if has_fit_parameter(estimator, "sample_weight"):
        return "sample_weight"
    if hasattr(estimator, "cv") and hasattr(estimator, "estimator"):
        return weight_name(estimator.estimator)
    raise SpecError(f"{type(estimator).__name__} takes no weights; use Resampled, which draws rows instead.")


def scores_of(ranker: Any, rows: Any, positive: Any) -> Array:
    """How sure a fitted classifier is that each row is positive; raises SpecError where it cannot say."""
    place = int(np.flatnonzero(np.asarray(ranker.classes_) == positive)[0])
    if hasattr(ranker, "predict_proba"):
        return np.asarray(ranker.predict_proba(rows)[:, place], np.float64)
    if hasattr(ranker, "decision_function"):
        scores = np.asarray(ranker.decision_function(rows), np.float64)
        return scores if place else -scores
    raise SpecError(f"{type(ranker).__name__} gives no scores to rank rows by; give ranker=LogisticRegression().")


def checked_ranks(scores: Array) -> None:
    """Raises DataError for missing scores; infinite ones come first or last."""
    if np.isnan(np.asarray(scores, np.float64)).any():
        raise DataError("Some scores are missing, so their rows have no rank; leave those rows out, or score them.")


def binary(labels: Array, positive: Any = None) -> tuple[Array, Array]:
    """0 or 1 for each row, and the two classes, the positive one last.

    `positive` is the second of the sorted classes unless it is named. One class alone is taken as it is. Raises
    NotBinary for more than two, DataError for a positive class that does not occur.
    """
    classes = np.unique(labels)
    if len(classes) > 2:
        kind = type_of_target(labels)
        raise NotBinary(f"Only binary classification is supported. The type of the target is {kind}; join classes.")
    if positive is not None and positive not in classes.tolist():
        found = ", ".join(map(repr, classes.tolist()))
        raise DataError(f"positive is {positive!r}, which is no label; the labels are {found}.")
    named = classes[-1] if positive is None else positive
    ordered = np.concatenate((classes[classes != named], classes[classes == named]))
    return (labels == ordered[-1]).astype(np.int64), ordered


def _has(name: str) -> Callable[[Any], bool]:
    return lambda self: hasattr(self.estimator_ if hasattr(self, "estimator_") else self.estimator, name)


class Prepared(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """What the mitigations of a training set share; each says in `_prepared` what it does to one."""

    estimator: Any

    def fit(self, X: Any, y: Any, *, facet: Any = None, sample_weight: Any = None) -> Self:  # noqa: N803
        """Learn from the rows; `facet` is each row's group, or several columns, which are crossed.

        Raises DataError where the facet does not fit the rows, and what the estimator raises.
        """
        rows = self._read(X)
        labels = _check_y(y, estimator=self)
        check_consistent_length(rows, labels)
        check_classification_targets(labels)
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, rows, ensure_non_negative=True)
        groups = facet_texts(facet, len(labels))
        training, self.result_ = self._prepared(Training(rows, labels, weight), groups)
        self.estimator_ = _learned(self.estimator, training)
        self.classes_ = self.estimator_.classes_
        return self

    def _read(self, table: Any) -> Any:
        """The table as it came, where columns have names; otherwise an array or a sparse matrix of anything."""
        if not has_rows(table):
            raise NoRows("There are no rows to learn from.")
        if is_frame(table):
            validate_data(self, table, skip_check_array=True)
            return table
        sparse = ["csr", "csc"] if get_tags(self).input_tags.sparse else False
        return validate_data(self, table, dtype=None, accept_sparse=sparse, ensure_all_finite=False)

    def _prepared(self, training: Training, groups: Array) -> tuple[Training, Any]:
        raise NotImplementedError

    def _ranks(self, ranker: Any, training: Training, positive: Any) -> Array:
        """The scores of the rows by a ranker that learned from them; by default it is the estimator."""
        wanted = self.estimator if ranker is None else ranker
        return scores_of(fitted(wanted, training), training.rows, positive)

    def predict(self, X: Any, *, facet: Any = None, ids: Any = None) -> Array:  # noqa: N803, ARG002
        """The class of each row; facet and ids are taken, as by every mitigation, and not needed."""
        check_is_fitted(self)
        return np.asarray(self.estimator_.predict(X))

    @available_if(_has("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any, *, facet: Any = None) -> Array:  # noqa: N803, ARG002
        """The probability of each class; facet is taken and not needed."""
        check_is_fitted(self)
        return np.asarray(self.estimator_.predict_proba(X))

    @available_if(_has("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Array:  # noqa: N803
        """The score of each row, as the estimator gives it."""
        check_is_fitted(self)
        return np.asarray(self.estimator_.decision_function(X))

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        if inner.classifier_tags is not None:
            tags.classifier_tags.multi_class = inner.classifier_tags.multi_class
        return tags
