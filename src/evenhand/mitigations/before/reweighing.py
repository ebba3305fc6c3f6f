"""Reweighing: weights under which every group has the same share of each label (Kamiran and Calders 2012).

w(g, y) = P(g) P(y) / P(g, y): what the cell of a group and a label would weigh if they were independent, over what it
weighs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.confusion import grouped
from evenhand.mitigations.amounts import checked_amount
from evenhand.mitigations.before.prepared import Prepared, Training
from evenhand.mitigations.facets import facet_texts

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Weighed:
    """The factor of each cell; `cells` and `factors` have shape (groups, classes)."""

    groups: tuple[str, ...]
    classes: tuple[Any, ...]
    cells: Array
    factors: Array

    @property
    def empty(self) -> tuple[tuple[str, Any], ...]:
        """Groups that lack a label: no weights can give it to them, so they stay apart from the others."""
        places = np.argwhere(self.cells == 0).tolist()
        return tuple((self.groups[group], self.classes[label]) for group, label in places)

    @property
    def before(self) -> Array:
        """The share of each label in each group, as it was."""
        return _shares(self.cells)

    @property
    def after(self) -> Array:
        """The share of each label in each group, weighted."""
        return _shares(self.cells * self.factors)


def fit_weights(labels: Array, groups: Array, *, weight: Array | None = None, amount: float = 1.0) -> Weighed:
    """The factor of each group and label; labels may have any number of classes, groups are texts.

    `amount` below 1 leaves that much less of the way: shares of labels move linearly in it. Raises SpecError for an
    amount outside 0 to 1.
    """
    share = checked_amount(amount)
    names, places = grouped(groups)
    classes, codes = np.unique(labels, return_inverse=True)
    cells = cells_of(places, codes, (len(names), len(classes)), weight)
    factors = (1 - share) + share * np.divide(expected(cells), cells, out=np.ones_like(cells), where=cells > 0)
    return Weighed(names, tuple(classes.tolist()), cells, factors)


def reweighed(y: Any, facet: Any, *, sample_weight: Any = None, amount: float = 1.0) -> Array:
    """A weight for each row, for the `sample_weight` of any estimator.

    Raises DataError where the facet does not fit the rows, SpecError for an amount outside 0 to 1.
    """
    labels = np.asarray(y)
    groups = facet_texts(facet, len(labels))
    weight = None if sample_weight is None else np.asarray(sample_weight, np.float64)
    return weights_of(fit_weights(labels, groups, weight=weight, amount=amount), labels, groups, weight)


def weights_of(found: Weighed, labels: Array, groups: Array, weight: Array | None = None) -> Array:
    """The weight of each row that the factors were fitted on."""
    factors = found.factors[grouped(groups)[1], np.unique(labels, return_inverse=True)[1]]
    return np.asarray(factors if weight is None else factors * weight)


def cells_of(places: Array, codes: Array, shape: tuple[int, int], weight: Array | None) -> Array:
    """Rows (or weight) of each group and label."""
    found = np.bincount(places * shape[1] + codes, weight, shape[0] * shape[1])
    return found.reshape(shape).astype(np.float64)


def expected(cells: Array) -> Array:
    """The cells if group and label were independent."""
    return np.asarray(np.outer(cells.sum(axis=1), cells.sum(axis=0)) / max(cells.sum(), 1e-300))


def _shares(cells: Array) -> Array:
    whole = np.broadcast_to(cells.sum(axis=1, keepdims=True), cells.shape)
    return np.asarray(np.divide(cells, whole, out=np.full(cells.shape, np.nan), where=whole > 0))


class Reweighed(Prepared):
    """A classifier that learns from rows weighted so that each group has the same share of each label.

    `estimator` is any classifier that takes weights, a Pipeline or a search that ends in one among them. `result_` is
    the `Weighed` of the training rows. Reweighing needs the facet for fitting alone.
    """

    def __init__(self, estimator: Any, *, amount: float = 1.0) -> None:
        self.estimator = estimator
        self.amount = amount

    def _prepared(self, training: Training, groups: Array) -> tuple[Training, Weighed]:
        found = fit_weights(training.labels, groups, weight=training.weight, amount=self.amount)
        if (found.factors == 1).all():  # with weights of 1, some estimators draw other random numbers than without
            return training, found
        return training.weighing(weights_of(found, training.labels, groups, training.weight)), found
