"""Degenerate: inputs at the edge, and models whose scores are a column, so that scores can be anything."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

Array = NDArray[Any]


class Given(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A fitted classifier: the first column is the probability of class 1."""

    classes_ = np.array([0, 1])
    fitted_ = True

    def fit(self, X: Any, y: Any) -> "Given":  # noqa: N803, ARG002
        return self

    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        return np.column_stack((1 - X[:, 0], X[:, 0]))

    def predict(self, X: Any) -> Array:  # noqa: N803
        return np.asarray(X[:, 0] >= 0.5).astype(int)


class GivenNumber(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A fitted regressor: the first column is the prediction."""

    fitted_ = True

    def fit(self, X: Any, y: Any) -> "GivenNumber":  # noqa: N803, ARG002
        return self

    def predict(self, X: Any) -> Array:  # noqa: N803
        return np.asarray(X[:, 0])


@dataclass(frozen=True, eq=False)
class Rows:
    """Features (the first is a true probability), labels, and each row's group."""

    features: Array
    labels: Array
    facet: Array

    def with_score(self, value: float) -> "Rows":
        """One row's score, the fourth's, is this."""
        features = self.features.copy()
        features[3, 0] = value
        return replace(self, features=features)


def plain(count: int = 300, groups: int = 2, seed: int = 0) -> Rows:
    """Rows without anything odd about them."""
    numbers = np.random.default_rng(seed)
    scores = numbers.random(count)
    facet = numbers.integers(0, groups, count).astype(str).astype(object)
    labels = (numbers.random(count) < scores).astype(int)
    return Rows(np.column_stack((scores, numbers.normal(size=count))), labels, facet)


def one_class_in_a_group() -> Rows:
    """Group 0 has no positive label."""
    rows = plain()
    return replace(rows, labels=np.where(rows.facet == "0", 0, rows.labels))


def constant() -> Rows:
    """Every score is the same."""
    rows = plain()
    return replace(rows, features=np.column_stack((np.full(300, 0.7), rows.features[:, 1])))


def gaps() -> Rows:
    """Facets are missing in three ways."""
    rows = plain()
    facet = rows.facet.copy()
    facet[:50], facet[50:70], facet[70:90] = None, np.nan, float("nan")
    return replace(rows, facet=facet)
