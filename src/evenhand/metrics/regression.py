"""Regression: how far, and in which direction, predicted quantities miss the true ones in each group."""

import numpy as np

from evenhand.core.errors import Undefined
from evenhand.core.interval import Estimate, Mean, Rate, difference, mean_difference
from evenhand.core.metric import metric
from evenhand.core.sides import Comparison, Errors

_WRONG = "Quality of service: predictions miss by more in one group."
_TILT = "Allocation: one group is predicted too little, the other too much."
_PAST = "The labels of the groups differ; a model will learn it."

# The tail: the largest twentieth of the absolute errors.
TAIL = 0.05


@metric(
    code="MLD", stage="labels", needs="label values", parity=0.0, bounds=(float("-inf"), float("inf")), unit="value",
    harm=_PAST, above="labels of {group} are {size} lower than those of {rest} on average",
    below="labels of {group} are {size} higher than those of {rest} on average",
)  # fmt: skip
def mean_label_difference(comparison: Comparison[Errors]) -> Estimate:
    """How much higher the labels of the rest are than those of the group, on average."""
    return mean_difference(_labels(comparison.rest), _labels(comparison.group))


def _labels(side: Errors) -> Mean:
    return side.mean(side.labels[0], side.labels[1], side.labels[2])


@metric(
    code="MPD", stage="predictions", needs="predicted values", parity=0.0, bounds=(float("-inf"), float("inf")),
    unit="value", harm=_TILT, above="predictions for {group} are {size} lower than for {rest} on average",
    below="predictions for {group} are {size} higher than for {rest} on average",
)  # fmt: skip
def mean_prediction_difference(comparison: Comparison[Errors]) -> Estimate:
    """How much higher the predictions for the rest are than for the group, on average."""
    rest, group = comparison.rest, comparison.group
    return mean_difference(
        rest.mean(rest.predictions[0], rest.predictions[1], rest.predictions[2]),
        group.mean(group.predictions[0], group.predictions[1], group.predictions[2]),
    )


@metric(
    code="MED", stage="errors", needs="errors", parity=0.0, bounds=(float("-inf"), float("inf")), unit="value",
    harm=_TILT, above="compared with the truth, {group} is predicted {size} lower than {rest}",
    below="compared with the truth, {group} is predicted {size} higher than {rest}",
)  # fmt: skip
def mean_error_difference(comparison: Comparison[Errors]) -> Estimate:
    """How much more the predictions overstate the rest than the group (signed errors)."""
    return mean_difference(_signed(comparison.rest), _signed(comparison.group))


def _signed(side: Errors) -> Mean:
    return side.mean(side.total.sum(), side.squares.sum(), side.size)


@metric(
    code="MAED", stage="errors", needs="errors", parity=0.0, bounds=(float("-inf"), float("inf")), unit="value",
    harm=_WRONG, above="predictions miss by {size} more for {group} than for {rest}",
    below="predictions miss by {size} less for {group} than for {rest}",
)  # fmt: skip
def mean_absolute_error_difference(comparison: Comparison[Errors]) -> Estimate:
    """How much further off the predictions for the group are than for the rest, on average."""
    return mean_difference(_absolute(comparison.group), _absolute(comparison.rest))


def _absolute(side: Errors) -> Mean:
    # Errors in one bin share their sign, so the sum of absolute errors is the absolute sum, bin by bin.
    return side.mean(np.abs(side.total).sum(), side.squares.sum(), side.size)


@metric(
    code="TED", stage="errors", needs="errors", parity=0.0, bounds=(float("-inf"), float("inf")), unit="value",
    harm="The worst mistakes fall on one group.",
    above="the worst twentieth of predictions miss by {size} more for {group} than for {rest}",
    below="the worst twentieth of predictions miss by {size} less for {group} than for {rest}",
)  # fmt: skip
def tail_error_difference(comparison: Comparison[Errors]) -> Estimate:
    """How much further off the worst twentieth of predictions is for the group than for the rest.

    The mean absolute error beyond its 95th percentile (expected shortfall), from error bins 4.5% wide.
    """
    return mean_difference(_tail(comparison.group), _tail(comparison.rest))


def _tail(side: Errors) -> Mean:
    """The mean of the largest errors and its variance (that of an expected shortfall; Chen 2008)."""
    size, held = side.size, side.count > 0
    counts, sums = side.count[held], np.abs(side.total[held])
    if not np.isfinite(sums).all():
        raise Undefined(f"{side.who} has infinite values")
    means = sums / counts
    worst = np.argsort(means)[::-1]
    counts, means = counts[worst], means[worst]
    wanted = TAIL * size
    taken = np.clip(wanted - (np.cumsum(counts) - counts), 0.0, counts)
    tail = taken @ means / wanted
    border = means[np.flatnonzero(taken)[-1]]
    excess = np.maximum(means - border, 0.0)
    mean_excess = counts @ excess / size
    spread = (counts @ excess**2 / size - mean_excess**2) / TAIL**2
    return Mean(np.asarray(tail), np.asarray(spread / max(size * side.effective - 1, 1.0)))


@metric(
    code="CD", stage="errors", needs="covered", parity=0.0, bounds=(-1, 1),
    harm="The promised certainty does not hold for one group.",
    above="the predicted bounds hold {size} less often for {group} than for {rest}",
    below="the predicted bounds hold {size} more often for {group} than for {rest}",
)  # fmt: skip
def coverage_difference(comparison: Comparison[Errors]) -> Estimate:
    """How much more often the predicted bounds hold for the rest than for the group.

    Equalized coverage of Romano, Barber, Sabatti, Candes (2020).
    """
    return difference(_coverage(comparison.rest), _coverage(comparison.group))


def _coverage(side: Errors) -> Rate:
    inside, outside = side.covered
    if inside + outside == 0:
        raise Undefined(f"{side.who} has no rows with label and predicted bounds")
    return Rate(inside, inside + outside, side.effective)
