"""Labels: how often the data itself calls groups positive, before any model."""

from evenhand.core.interval import Estimate, difference, ratio
from evenhand.core.metric import metric
from evenhand.core.sides import Comparison, Decisions
from evenhand.metrics.disparity import conditional_disparity

_HARM = "The past is copied: a model trained on these labels learns the gap between the groups."


@metric(
    code="DPL", stage="labels", needs="labels", parity=0.0, bounds=(-1, 1), harm=_HARM,
    above="{group} is labelled positive {size} less often than {rest}",
    below="{group} is labelled positive {size} more often than {rest}",
)  # fmt: skip
def difference_in_positive_labels(comparison: Comparison[Decisions]) -> Estimate:
    """How much more often the rest are labelled positive than the group.

    n1_rest / n_rest - n1_group / n_group; Amazon SageMaker Clarify, Difference in Proportions of Labels (DPL).
    """
    return difference(comparison.rest.label_rate, comparison.group.label_rate)


@metric(
    code="LR", stage="labels", needs="labels", parity=1.0, bounds=(0, float("inf")), unit="times", harm=_HARM,
    above="{group} is labelled positive {size} as often as {rest}",
    below="{group} is labelled positive {size} as often as {rest}", threshold=0.8,
)  # fmt: skip
def label_ratio(comparison: Comparison[Decisions]) -> Estimate:
    """How often the group is labelled positive for each time the rest are.

    (n1_group / n_group) / (n1_rest / n_rest), the four-fifths comparison (29 CFR 1607.4 D) made on labels.
    """
    return ratio(comparison.group.label_rate, comparison.rest.label_rate)


@metric(
    code="CDDL", stage="labels", needs="labels", parity=0.0, bounds=(-1, 1), unit="number", strata=True, harm=_HARM,
    above="within the strata, {group} has a larger share of the negative labels than of the positive ones",
    below="within the strata, {group} has a larger share of the positive labels than of the negative ones",
)  # fmt: skip
def conditional_demographic_disparity_in_labels(comparison: Comparison[Decisions]) -> Estimate:
    """How much more of the rejections than of the acceptances the group has, on average within the strata.

    Wachter, Mittelstadt, Russell, Why Fairness Cannot Be Automated (2021); Amazon SageMaker Clarify (CDDL).
    """
    group = comparison.group.cells[..., :2, :].sum(axis=-1)
    rest = comparison.rest.cells[..., :2, :].sum(axis=-1)
    return conditional_disparity(group, rest, "labels")
