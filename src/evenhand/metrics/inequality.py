"""Inequality: how unevenly the model's benefits fall on people, and how much of that lies between the groups.

Each row's benefit is prediction - label + 1: 0 for a wrong rejection, 1 for a right decision, 2 for a wrong selection
(Speicher et al., A Unified Approach to Quantifying Algorithmic Unfairness, 2018).
"""

import numpy as np

from evenhand.core.errors import Undefined
from evenhand.core.interval import Array, Estimate
from evenhand.core.metric import metric
from evenhand.core.sides import Comparison, Decisions

_HARM = "Individual fairness: some people get more, and others less, than their labels earned."
_SPREAD = "benefits are spread unevenly over people (index {size})"


def _benefits(side: Decisions) -> Array:
    """Rows with a benefit of 0, 1 and 2, shape (…, 3)."""
    right = side.true_positive + side.true_negative
    return np.stack([side.false_negative, right, side.false_positive], axis=-1)


def _mean_benefit(benefits: Array) -> Array:
    rows = benefits.sum(axis=-1)
    if rows.ndim == 0 and rows == 0:
        raise Undefined("no row has both label and prediction")
    with np.errstate(invalid="ignore"):
        mean = np.asarray((benefits @ np.arange(3)) / rows)
    if mean.ndim == 0 and mean == 0:
        raise Undefined("every row is a wrong rejection, so there is no benefit to share")
    return mean


def _everyone(comparison: Comparison[Decisions]) -> Array:
    return _benefits(comparison.group) + _benefits(comparison.rest)


def _entropy(benefits: Array) -> Array:
    """Generalised entropy with alpha = 2: half the squared coefficient of variation."""
    mean = _mean_benefit(benefits)
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = (benefits @ np.arange(3) ** 2) / benefits.sum(axis=-1)
        return np.asarray((squares / mean**2 - 1) / 2)


def _between(comparison: Comparison[Decisions]) -> Array:
    """The entropy if everyone had their side's mean benefit."""
    overall = _mean_benefit(_everyone(comparison))
    total, rows = np.zeros_like(overall), _everyone(comparison).sum(axis=-1)
    for side in (comparison.group, comparison.rest):
        benefits = _benefits(side)
        size = benefits.sum(axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(size > 0, (benefits @ np.arange(3)) / size, overall)
            total = total + size / rows * ((mean / overall) ** 2 - 1) / 2
    return total


@metric(
    code="GE", stage="errors", needs="both", parity=0.0, bounds=(0, float("inf")), unit="number", magnitude=False,
    harm=_HARM, above=_SPREAD, below=_SPREAD,
)  # fmt: skip
def generalized_entropy(comparison: Comparison[Decisions]) -> Estimate:
    """How unevenly the model's benefits fall on people, whatever their group.

    Generalised entropy index with alpha = 2 of prediction - label + 1; Speicher et al. (2018); Amazon SageMaker
    Clarify (GE). It has no upper bound.
    """
    return Estimate(_entropy(_everyone(comparison)))


@metric(
    code="GEB", stage="errors", needs="both", parity=0.0, bounds=(0, float("inf")), unit="number", magnitude=True,
    harm="Part of the unevenness follows the line between the groups.",
    above="benefits differ between {group} and {rest} (index {size})",
    below="benefits differ between {group} and {rest} (index {size})",
)  # fmt: skip
def generalized_entropy_between_groups(comparison: Comparison[Decisions]) -> Estimate:
    """How much of the unevenness of benefits lies between the group and the rest."""
    return Estimate(_between(comparison))


@metric(
    code="GEW", stage="errors", needs="both", parity=0.0, bounds=(0, float("inf")), unit="number", harm=_HARM,
    above="benefits are spread unevenly within {group} and within {rest} (index {size})",
    below="benefits are spread unevenly within {group} and within {rest} (index {size})",
)  # fmt: skip
def generalized_entropy_within_groups(comparison: Comparison[Decisions]) -> Estimate:
    """How much of the unevenness of benefits lies within the group and within the rest."""
    return Estimate(_entropy(_everyone(comparison)) - _between(comparison))


@metric(
    code="TI", stage="errors", needs="both", parity=0.0, bounds=(0, float("inf")), unit="number", harm=_HARM,
    above=_SPREAD, below=_SPREAD,
)  # fmt: skip
def theil_index(comparison: Comparison[Decisions]) -> Estimate:
    """How unevenly benefits fall on people, weighing those who get nothing more heavily.

    Generalised entropy index with alpha = 1 of prediction - label + 1; Speicher et al. (2018).
    """
    benefits = _everyone(comparison)
    mean = _mean_benefit(benefits)[..., np.newaxis]
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.arange(3) / mean
        terms = np.where(shares > 0, shares * np.log(shares), 0.0)
        return Estimate(np.asarray((benefits * terms).sum(axis=-1) / benefits.sum(axis=-1)))
