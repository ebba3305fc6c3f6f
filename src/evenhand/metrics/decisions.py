"""Decisions: how often a model selects each group, whatever the labels say."""

from evenhand.core.interval import Estimate, difference, ratio
from evenhand.core.metric import metric
from evenhand.core.sides import Comparison, Decisions
from evenhand.metrics.disparity import conditional_disparity

_HARM = "Allocation: the good outcome itself goes to one group more often (demographic parity)."


@metric(
    code="DPPL", stage="predictions", needs="predictions", parity=0.0, bounds=(-1, 1), harm=_HARM,
    above="{group} is predicted positive {size} less often than {rest}",
    below="{group} is predicted positive {size} more often than {rest}",
)  # fmt: skip
def difference_in_positive_predictions(comparison: Comparison[Decisions]) -> Estimate:
    """How much more often the model selects the rest than the group.

    Amazon SageMaker Clarify, Difference in Positive Proportions in Predicted Labels (DPPL).
    """
    return difference(comparison.rest.selection_rate, comparison.group.selection_rate)


@metric(
    code="DI", stage="predictions", needs="predictions", parity=1.0, bounds=(0, float("inf")), unit="times",
    harm=_HARM, above="{group} is predicted positive {size} as often as {rest}",
    below="{group} is predicted positive {size} as often as {rest}", threshold=0.8,
)  # fmt: skip
def disparate_impact(comparison: Comparison[Decisions]) -> Estimate:
    """How often the model selects the group for each time it selects the rest.

    The four-fifths rule of 29 CFR 1607.4 D takes a ratio under 0.8 as evidence of adverse impact.
    """
    return ratio(comparison.group.selection_rate, comparison.rest.selection_rate)


@metric(
    code="IR", stage="predictions", needs="predictions", parity=1.0, bounds=(0, float("inf")), unit="times",
    harm=_HARM, above="{group} is predicted positive {size} as often as {rest}, which is selected most often",
    below="{group} is predicted positive {size} as often as {rest}, which is selected most often", threshold=0.8,
    against_highest=True,
)  # fmt: skip
def impact_ratio(comparison: Comparison[Decisions]) -> Estimate:
    """How often the model selects the group for each time it selects the group it selects most often.

    The four-fifths rule as 29 CFR 1607.4 D words it: against the group with the highest rate. Given for facets of three
    groups or more; with two it is the disparate impact.
    """
    return ratio(comparison.group.selection_rate, comparison.rest.selection_rate)


@metric(
    code="CDDPL", stage="predictions", needs="predictions", parity=0.0, bounds=(-1, 1), unit="number", strata=True,
    harm=_HARM,
    above="within the strata, {group} has a larger share of the rejections than of the acceptances",
    below="within the strata, {group} has a larger share of the acceptances than of the rejections",
)  # fmt: skip
def conditional_demographic_disparity_in_predictions(comparison: Comparison[Decisions]) -> Estimate:
    """How much more of the predicted rejections than acceptances the group has, on average within the strata.

    Wachter, Mittelstadt, Russell (2021); Amazon SageMaker Clarify (CDDPL).
    """
    group = comparison.group.cells[..., :, :2].sum(axis=-2)
    rest = comparison.rest.cells[..., :, :2].sum(axis=-2)
    return conditional_disparity(group, rest, "predictions")
