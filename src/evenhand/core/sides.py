"""Sides: what was counted in the group and in those it is compared with, as metrics read it.

Every array may have bootstrap draws in its first dimension; metrics are written once for both.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import Undefined
from evenhand.core.interval import Mean, Rate

Array = NDArray[Any]

NEGATIVE, POSITIVE, UNKNOWN = 0, 1, 2

S = TypeVar("S", "Decisions", "Classes", "Scores", "Errors")


@dataclass(frozen=True)
class Comparison(Generic[S]):
    """The group a metric asks about, and those it is compared with (`rest`): everyone else, or another group."""

    group: S
    rest: S


@dataclass(frozen=True)
class Decisions:
    """Rows (or weight) of one side by stratum, label and prediction: shape (draws…, strata, 3, 3).

    The last two axes are negative, positive and unknown. `who` names the side in reasons; `effective` is the number
    of independent rows each unit of weight is worth.
    """

    who: str
    cells: Array
    effective: float = 1.0

    @cached_property
    def table(self) -> Array:
        """Label by prediction, over all strata."""
        return np.asarray(self.cells.sum(axis=-3))

    @property
    def rows(self) -> Array:
        """All rows of the side."""
        return np.asarray(self.table.sum(axis=(-2, -1)))

    @cached_property
    def labels(self) -> Array:
        """Rows labelled negative and positive, shape (…, 2)."""
        return np.asarray(self.table[..., :2, :].sum(axis=-1))

    @cached_property
    def predictions(self) -> Array:
        """Rows predicted negative and positive, shape (…, 2)."""
        return np.asarray(self.table[..., :, :2].sum(axis=-2))

    @property
    def true_positive(self) -> Array:
        """Labelled and predicted positive."""
        return self.table[..., POSITIVE, POSITIVE]

    @property
    def false_positive(self) -> Array:
        """Labelled negative, predicted positive."""
        return self.table[..., NEGATIVE, POSITIVE]

    @property
    def false_negative(self) -> Array:
        """Labelled positive, predicted negative."""
        return self.table[..., POSITIVE, NEGATIVE]

    @property
    def true_negative(self) -> Array:
        """Labelled and predicted negative."""
        return self.table[..., NEGATIVE, NEGATIVE]

    def _rate(self, hits: Array, others: Array, of: str) -> Rate:
        trials = hits + others
        if np.ndim(trials) == 0 and trials == 0:
            raise Undefined(f"{self.who} has no {of}")
        return Rate(hits, trials, self.effective)

    @property
    def label_rate(self) -> Rate:
        """Labelled positive, among rows with a label."""
        return self._rate(self.labels[..., POSITIVE], self.labels[..., NEGATIVE], "labels")

    @property
    def selection_rate(self) -> Rate:
        """Predicted positive, among rows with a prediction."""
        return self._rate(self.predictions[..., POSITIVE], self.predictions[..., NEGATIVE], "predictions")

    @property
    def true_positive_rate(self) -> Rate:
        """Predicted positive among those labelled positive (recall)."""
        return self._rate(self.true_positive, self.false_negative, "positive labels")

    @property
    def false_negative_rate(self) -> Rate:
        """Predicted negative among those labelled positive."""
        return self._rate(self.false_negative, self.true_positive, "positive labels")

    @property
    def false_positive_rate(self) -> Rate:
        """Predicted positive among those labelled negative."""
        return self._rate(self.false_positive, self.true_negative, "negative labels")

    @property
    def true_negative_rate(self) -> Rate:
        """Predicted negative among those labelled negative (specificity)."""
        return self._rate(self.true_negative, self.false_positive, "negative labels")

    @property
    def precision(self) -> Rate:
        """Labelled positive among those predicted positive."""
        return self._rate(self.true_positive, self.false_positive, "positive predictions")

    @property
    def false_discovery_rate(self) -> Rate:
        """Labelled negative among those predicted positive."""
        return self._rate(self.false_positive, self.true_positive, "positive predictions")

    @property
    def negative_precision(self) -> Rate:
        """Labelled negative among those predicted negative."""
        return self._rate(self.true_negative, self.false_negative, "negative predictions")

    @property
    def false_omission_rate(self) -> Rate:
        """Labelled positive among those predicted negative."""
        return self._rate(self.false_negative, self.true_negative, "negative predictions")

    @property
    def accuracy(self) -> Rate:
        """Predicted as labelled."""
        right = self.true_positive + self.true_negative
        wrong = self.false_positive + self.false_negative
        return self._rate(right, wrong, "rows with both label and prediction")


@dataclass(frozen=True)
class Classes:
    """Rows (or weight) of one side by class: `labels` and `predictions`, each of shape (draws…, classes)."""

    who: str
    labels: Array
    predictions: Array

    def shares(self, counts: Array, of: str) -> Array:
        """Counts as shares of their sum."""
        total = counts.sum(axis=-1, keepdims=True)
        if counts.ndim == 1 and total[0] == 0:
            raise Undefined(f"{self.who} has no {of}")
        with np.errstate(invalid="ignore"):
            return np.asarray(counts / total)


@dataclass(frozen=True)
class Scores:
    """Rows (or weight) of one side by score bin and label: shape (bins, 3) for negative, positive and unknown.

    `middles` are the scores at the middle of each bin. Scores are known to half a bin. `effective` as in Decisions.
    """

    who: str
    bins: Array
    middles: Array
    effective: float = 1.0

    def of_label(self, label: int | None) -> Array:
        """Rows by bin: with one label, or all (None)."""
        return np.asarray(self.bins.sum(axis=1) if label is None else self.bins[:, label])

    def mean(self, label: int | None = None) -> Mean:
        """The mean score of the rows with one label, or of all."""
        counts = self.of_label(label)
        total = counts.sum()
        if total == 0:
            of = "scores" if label is None else f"{('negative', 'positive')[label]} labels"
            raise Undefined(f"{self.who} has no {of}")
        mean = counts @ self.middles / total
        spread = counts @ (self.middles - mean) ** 2 / total
        return Mean(mean, np.asarray(spread / (total * self.effective)))


@dataclass(frozen=True)
class Errors:
    """Signed errors (prediction - label) of one side in bins, with what they add up to.

    `count`, `total` and `squares` hold per bin the rows (or weight), the sum of errors and of squared errors;
    `labels` and `predictions` are (sum, sum of squares, rows or weight); `covered` is (inside, outside) the bounds.
    """

    who: str
    count: Array
    total: Array
    squares: Array
    labels: Array
    predictions: Array
    covered: Array
    effective: float = 1.0

    @property
    def size(self) -> float:
        """The rows (or weight) with both label and prediction."""
        size = float(self.count.sum())
        if size == 0:
            raise Undefined(f"{self.who} has no rows with both label and prediction")
        return size

    def mean(self, sums: Array, squares: Array, size: float) -> Mean:
        """A mean and its variance from a sum and a sum of squares."""
        if not (np.isfinite(sums) and np.isfinite(squares)):
            raise Undefined(f"{self.who} has infinite values")
        if size == 0:
            raise Undefined(f"{self.who} has no values")
        mean = sums / size
        spread = max(float(squares / size - mean * mean), 0.0)
        degrees = max(size * self.effective - 1, 1.0)
        return Mean(np.asarray(mean), np.asarray(spread / degrees))
