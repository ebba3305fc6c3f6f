"""Mixtures: classifiers of which each person meets one, by a number of chance that belongs to their id."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from evenhand.core.chance import chance
from evenhand.core.confusion import Rate
from evenhand.mitigations.during.bounds import Programme
from evenhand.mitigations.during.oracles import Oracles
from evenhand.mitigations.training import BadRows, Labels, height

Array = NDArray[Any]


@dataclass(frozen=True)
class Mixture:
    """What was found: members (places among all that were fitted), their shares, and what they do on the fitted rows.

    `gap` is how much lower the cost of any mixture could be, as far as the estimator minimises what it is asked to.
    `nearest` is the member whose decisions differ least from the mixture's.
    """

    members: tuple[int, ...]
    shares: tuple[float, ...]
    nearest: int
    cost: float
    gap: float
    fits: int
    rates: dict[str, dict[Rate, float]]
    status: str


def mixed(oracles: Oracles, solved: Programme, gap: float, rates: dict[str, dict[Rate, float]]) -> Mixture:
    """A programme's solution in terms of members."""
    used = np.flatnonzero(solved.weights)
    decisions = np.array([oracles.members[place].decisions for place in used])
    chances = solved.weights[used] @ decisions
    apart = np.abs(decisions - chances) @ oracles.weight
    shares = tuple(float(share) for share in solved.weights[used])
    nearest = int(used[np.argmin(apart)])
    return Mixture(tuple(used.tolist()), shares, nearest, solved.cost, gap, oracles.fits, rates, solved.status)


class MixtureClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """What estimators have in common that end as a mixture: who meets which member, and how that is asked."""

    estimator: Any
    deterministic: bool
    salt: str

    def predict(self, X: Any, *, facet: Any = None, ids: Any = None) -> Array:  # noqa: ARG002, N803
        """The decision for each row, in the labels' classes; one id always meets one member.

        `ids` are the rows' own names; without them a row's place is its name. The facet is not looked at.
        """
        check_is_fitted(self, "estimators_")
        rows = height(X)
        if self.deterministic or len(self.estimators_) == 1:
            return np.asarray(self.classes_[self._order][_decisions(self.nearest_, X)])
        names = range(rows) if ids is None else ids
        numbers = chance(names, self.salt)
        if len(numbers) != rows:
            raise BadRows(f"There are {len(numbers):,} ids for {rows:,} rows; give one a row.")
        met = np.searchsorted(np.cumsum(self.shares_)[:-1], numbers, side="right")
        every = np.array([_decisions(each, X) for each in self.estimators_])
        return np.asarray(self.classes_[self._order][every[met, np.arange(rows)]])

    def predict_proba(self, X: Any, *, facet: Any = None) -> Array:  # noqa: ARG002, N803
        """The chance of each class over all ids, shape (rows, 2), in the order of `classes_`."""
        check_is_fitted(self, "estimators_")
        every = np.array([_decisions(each, X) for each in self.estimators_], np.float64)
        chances = _decisions(self.nearest_, X) if self.deterministic else self.shares_ @ every
        return np.column_stack((1 - chances, chances))[:, self._order]

    def _keep(self, oracles: Oracles, labels: Labels, found: Mixture) -> None:
        """Set the fitted attributes."""
        self.classes_ = np.sort(labels.classes)
        # The places of the negative and the positive class among the sorted ones.
        self._order = np.array([0, 1]) if labels.classes[0] == self.classes_[0] else np.array([1, 0])
        self.estimators_ = [oracles.members[place].model for place in found.members]
        self.shares_, self.nearest_ = np.array(found.shares), oracles.members[found.nearest].model
        self.result_ = found
        for member in oracles.members:
            for name in ("n_features_in_", "feature_names_in_"):
                if hasattr(member.model, name):
                    setattr(self, name, getattr(member.model, name))

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.classifier_tags.multi_class = False
        tags.input_tags.sparse = inner.input_tags.sparse
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        tags.input_tags.string = inner.input_tags.string
        return tags


def _decisions(model: Any, rows: Any) -> Array:
    return np.asarray(model.predict(rows)).astype(np.int64)
