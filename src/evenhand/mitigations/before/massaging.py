"""Massaging: labels nearest the boundary are flipped until all groups have the same share of positive ones.

Kamiran and Calders, Data Preprocessing Techniques for Classification without Discrimination (2012): a ranker says who
was nearly positive and who only just.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from evenhand.core.confusion import grouped
from evenhand.core.errors import SpecError, suggestion
from evenhand.mitigations.amounts import checked_amount
from evenhand.mitigations.before.prepared import Prepared, Training, binary, checked_ranks

Array = NDArray[Any]
Towards = Literal["overall", "fewest", "highest"]

# Sums of weights that differ by less than this share count as equal.
CLOSE = 1e-9


@dataclass(frozen=True, eq=False)
class Massage:
    """The new labels, what was flipped in each group, and what it cost."""

    labels: Array
    groups: tuple[str, ...]
    promoted: Array  # rows of each group that became positive
    demoted: Array
    before: Array  # the share of positive labels in each group
    after: Array
    cost: float

    @property
    def flips(self) -> int:
        """How many labels were flipped; `cost` is their share (of the weight).

        Whoever predicts the new labels without error is wrong about that share of the old ones.
        """
        return int(self.promoted.sum() + self.demoted.sum())


def massage(
    scores: Array,
    labels: Array,
    groups: Array,
    *,
    towards: Towards = "overall",
    amount: float = 1.0,
    weight: Array | None = None,
) -> Massage:
    """Flip as few labels (0 or 1) as bring each group's positive share to within one row of the same.

    Towards the `overall` share, which keeps the number of positives; the share that takes the `fewest` flips; or the
    `highest`, where nobody loses a positive label. Highest scores are promoted first, lowest demoted first. With
    `amount` below 1, groups go that part of the way. Raises SpecError for another `towards` or amount,
    DataError for missing scores.
    """
    share = checked_amount(amount)
    checked_ranks(scores)
    if towards not in get_args(Towards):
        raise SpecError(f"towards is {towards!r}.{suggestion(str(towards), list(get_args(Towards)))}")
    names, places = grouped(groups)
    mass = np.ones(len(labels)) if weight is None else weight.astype(np.float64)
    size, before = _rates(labels, places, mass, len(names))
    lacking = share * size * (_target(before, size, towards) - before)
    order = np.lexsort((scores, places))
    ends = np.cumsum(np.bincount(places, minlength=len(names)))
    flipped = np.zeros(len(labels), bool)
    for here, wanted in zip(np.split(order, ends[:-1]), lacking.tolist(), strict=True):
        flipped[_flips(here, labels, mass, wanted)] = True
    changed = np.where(flipped, 1 - labels, labels)
    promoted, demoted = (np.bincount(places[flipped & (labels == old)], minlength=len(names)) for old in (0, 1))
    cost = float(mass[flipped].sum() / max(mass.sum(), 1e-300))
    after = _rates(changed, places, mass, len(names))[1]
    return Massage(changed, names, promoted, demoted, before, after, cost)


def _flips(here: Array, labels: Array, mass: Array, wanted: float) -> Array:
    """Which of a group's rows, lowest score first, are flipped so that less than a whole row of weight is missing."""
    near = here[labels[here] == 0][::-1] if wanted > 0 else here[labels[here] == 1]
    allowed = abs(wanted) + CLOSE * max(1.0, float(mass[here].sum()))
    # A row without weight would be flipped for nothing.
    near = near[mass[near] > 0]
    return np.asarray(near[: np.searchsorted(np.cumsum(mass[near]), allowed, side="right")])


def _rates(labels: Array, places: Array, mass: Array, groups: int) -> tuple[Array, Array]:
    size = np.bincount(places, mass, groups)
    positives = np.bincount(places, mass * labels, groups)
    return size, np.divide(positives, size, out=np.zeros(groups), where=size > 0)


def _target(rates: Array, size: Array, towards: Towards) -> float:
    """The positive share that all groups shall have."""
    if towards == "overall" or not size.sum() > 0:
        return float(rates @ size / max(size.sum(), 1e-300))
    if towards == "highest":
        return float(rates[size > 0].max())
    # The flips, a sum of size * |share - rate|, are fewest at the weighted median of the rates.
    order = np.argsort(rates, kind="stable")
    cumulated = np.cumsum(size[order])
    return float(rates[order][np.searchsorted(cumulated, cumulated[-1] / 2)])


class Massaged(Prepared):
    """A classifier that learns from labels massaged until all groups have the same share of positive ones.

    `ranker` says how near to the boundary a row is; without one, the estimator does, fitted on the labels as they are.
    `result_` is the `Massage` of the training rows. Massaging needs the facet for fitting alone.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        ranker: Any = None,
        towards: Towards = "overall",
        amount: float = 1.0,
        positive: Any = None,
    ) -> None:
        self.estimator = estimator
        self.ranker = ranker
        self.towards = towards
        self.amount = amount
        self.positive = positive

    def _prepared(self, training: Training, groups: Array) -> tuple[Training, Massage]:
        labels, classes = binary(training.labels, self.positive)
        scores = self._ranks(self.ranker, training, classes[-1]) if len(classes) > 1 else np.zeros(len(labels))
        found = massage(scores, labels, groups, towards=self.towards, amount=self.amount, weight=training.weight)
        if not found.flips:
            return training, found
        return training.labelled(classes[found.labels]), found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags
