"""Barycentre: a regression whose predictions have the same distribution in every group, at the least squared change.

Chzhen, Denis, Hebiri, Oneto and Pontil, Fair Regression with Wasserstein Barycenters (2020): each prediction keeps its
place among its group's, and moves to the average of all groups' quantiles there, weighted by their share of rows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_consistent_length, column_or_1d, get_tags
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, has_fit_parameter

from evenhand.core.confusion import grouped
from evenhand.core.errors import DataError, SpecError
from evenhand.core.rule import ANYONE, Quantiles
from evenhand.mitigations.after.scored import BadTarget, chances_of, known
from evenhand.mitigations.amounts import checked_weights
from evenhand.mitigations.facets import facet_texts

Array = NDArray[Any]

LEVELS = 1001


@dataclass(frozen=True, eq=False)
class Repaired:
    """The rule; and where it was fitted: the largest distance of two groups' distributions, before and after."""

    rule: Quantiles
    apart: tuple[float, float]


def fit_barycentre(
    predictions: Array, groups: Array, *, amount: float = 1.0, weight: Array | None = None, levels: int = LEVELS
) -> Repaired:
    """Each group's quantiles, and their average, which all move to; needs no labels.

    Distances are those of Kolmogorov and Smirnov. Raises DataError for no rows or predictions that are no numbers,
    SpecError for an amount outside 0 to 1.
    """
    predictions = np.asarray(predictions, np.float64)
    if not len(predictions) or len(predictions) != len(groups) or not np.isfinite(predictions).all():
        raise DataError("Predictions must be finite numbers, at least one, and one for each group text.")
    if not 0 <= amount <= 1:
        raise SpecError(f"The amount is {amount:g}; it must lie between 0 (leave everything) and 1 (repair in full).")
    weights = np.ones(len(predictions)) if weight is None else np.asarray(weight, np.float64)
    checked_weights(weights)
    names, places = grouped(groups)
    shares = np.bincount(places, weights, len(names)) / weights.sum()
    levels_at = np.linspace(0, 1, levels)
    sources = {}
    for place, name in enumerate(names):
        here = (places == place) & (weights > 0)
        if here.any():
            sources[name] = _quantiles(predictions[here], weights[here], levels_at)
    target = sum(shares[place] * sources[name] for place, name in enumerate(names) if name in sources)
    everyone = _quantiles(predictions[weights > 0], weights[weights > 0], levels_at)
    rule = Quantiles(
        sources={name: tuple(source.tolist()) for name, source in {**sources, ANYONE: everyone}.items()},
        target=tuple(np.asarray(target).tolist()),
        amount=amount,
    )
    chances = chances_of(None, len(predictions), "fit")
    after = rule.repaired(predictions, groups, chances)
    return Repaired(rule, (_apart(predictions, places, len(names)), _apart(after, places, len(names))))


def _quantiles(values: Array, weights: Array, levels: Array) -> Array:
    """Weighted quantiles, linear between values; with equal weights those of numpy."""
    order = np.argsort(values, kind="stable")
    values, weights = values[order], weights[order]
    if len(values) == 1:
        return np.full(len(levels), values[0])
    at = np.cumsum(weights) - weights
    return np.asarray(np.interp(levels * at[-1], at, values) if at[-1] > 0 else np.full(len(levels), values[0]))


def _apart(values: Array, places: Array, groups: int) -> float:
    """The largest Kolmogorov-Smirnov distance of two groups."""
    at = np.unique(values)
    shares = [np.searchsorted(np.sort(values[places == place]), at, side="right") for place in range(groups)]
    sizes = np.bincount(places, minlength=groups)
    low, high = np.ones(len(at)), np.zeros(len(at))
    for place, share in enumerate(shares):
        low, high = np.minimum(low, share / sizes[place]), np.maximum(high, share / sizes[place])
    return float(np.max(high - low))


class QuantileBarycentre(RegressorMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """A regressor whose predictions are distributed alike in every group (demographic parity).

    `amount` 1 repairs in full, less repairs in part. People whose predictions are equal are told apart by chance of
    their ids; with `deterministic` they move together. Fitted: `rule_`, `result_`, `estimator_`.
    """

    def __init__(
        self, estimator: Any, *, amount: float = 1.0, deterministic: bool = False, salt: str = "evenhand"
    ) -> None:
        self.estimator = estimator
        self.amount = amount
        self.deterministic = deterministic
        self.salt = salt

    def fit(self, X: Any, y: Any, *, facet: Any = None, sample_weight: Any = None) -> "QuantileBarycentre":  # noqa: N803
        """Fit the estimator (unless frozen), then the quantiles of its predictions; `facet` is a value a row."""
        if y is None:
            raise BadTarget("QuantileBarycentre requires y to be passed, but the target y is None.")
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        groups = facet_texts(facet, len(y))
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64)
        self.estimator_ = self.estimator
        if not isinstance(self.estimator, FrozenEstimator):
            known = weight is not None and has_fit_parameter(self.estimator, "sample_weight")
            self.estimator_ = clone(self.estimator).fit(X, y, **({"sample_weight": weight} if known else {}))
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        self.faceted_ = facet is not None
        self.result_ = fit_barycentre(self.estimator_.predict(X), groups, amount=self.amount, weight=weight)
        self.rule_ = self.result_.rule
        return self

    def predict(self, X: Any, *, facet: Any = None, ids: Any = None) -> Array:  # noqa: N803
        """The moved prediction of each row; the same person always gets the same. Raises DataError without a facet."""
        check_is_fitted(self, "estimator_")
        predictions = known(np.asarray(self.estimator_.predict(X), np.float64))
        if facet is None and self.faceted_:
            raise DataError("facet was given to fit, so predict needs it too: predict(X, facet=…).")
        chances = None if self.deterministic else chances_of(ids, len(predictions), self.salt)
        return self.rule_.repaired(predictions, facet_texts(facet, len(predictions)), chances)

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.input_tags.sparse = inner.input_tags.sparse
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        return tags
