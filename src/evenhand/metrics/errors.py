"""Errors: who bears the model's mistakes, given the true labels."""

from evenhand.core.interval import Array, Estimate, difference, largest, ratio
from evenhand.core.metric import metric
from evenhand.core.sides import Comparison, Decisions
from evenhand.metrics.quotients import gap, quotient

_MISSED = "Quality of service: positive cases of one group are missed more often (equal opportunity)."
_ACCUSED = "Quality of service: people of one group are wrongly selected, or accused, more often."
_TRUST = "Calibration: the same decision means something else in each group (predictive parity)."
_BOTH = "Quality of service: the model works less well for one group."


@metric(
    code="RD", stage="errors", needs="both", parity=0.0, bounds=(-1, 1), harm=_MISSED,
    above="positive cases of {group} are found {size} less often than those of {rest}",
    below="positive cases of {group} are found {size} more often than those of {rest}",
)  # fmt: skip
def recall_difference(comparison: Comparison[Decisions]) -> Estimate:
    """How much more often positive cases are found among the rest than in the group.

    Amazon SageMaker Clarify, Recall Difference (RD); equal opportunity of Hardt, Price, Srebro (2016).
    """
    return difference(comparison.rest.true_positive_rate, comparison.group.true_positive_rate)


@metric(
    code="SD", stage="errors", needs="both", parity=0.0, bounds=(-1, 1), harm=_ACCUSED,
    above="negative cases of {group} are passed over {size} more often than those of {rest}",
    below="negative cases of {group} are passed over {size} less often than those of {rest}",
)  # fmt: skip
def specificity_difference(comparison: Comparison[Decisions]) -> Estimate:
    """How much more often negative cases of the group are passed over than those of the rest.

    Amazon SageMaker Clarify, Specificity Difference (SD).
    """
    return difference(comparison.group.true_negative_rate, comparison.rest.true_negative_rate)


@metric(
    code="DAR", stage="errors", needs="both", parity=0.0, bounds=(-1, 1), harm=_TRUST,
    above="those selected of {group} turn out positive {size} less often than those of {rest}",
    below="those selected of {group} turn out positive {size} more often than those of {rest}",
)  # fmt: skip
def difference_in_acceptance_rates(comparison: Comparison[Decisions]) -> Estimate:
    """How much more often a selection of the rest is right than a selection of the group.

    Amazon SageMaker Clarify, Difference in Acceptance Rates (DAR).
    """
    return difference(comparison.rest.precision, comparison.group.precision)


@metric(
    code="DRR", stage="errors", needs="both", parity=0.0, bounds=(-1, 1), harm=_TRUST,
    above="those turned away of {group} turn out negative {size} more often than those of {rest}",
    below="those turned away of {group} turn out negative {size} less often than those of {rest}",
)  # fmt: skip
def difference_in_rejection_rates(comparison: Comparison[Decisions]) -> Estimate:
    """How much more often a rejection of the group is right than a rejection of the rest.

    Amazon SageMaker Clarify, Difference in Rejection Rates (DRR).
    """
    return difference(comparison.group.negative_precision, comparison.rest.negative_precision)


@metric(
    code="AD", stage="errors", needs="both", parity=0.0, bounds=(-1, 1), harm=_BOTH,
    above="the model is right {size} less often for {group} than for {rest}",
    below="the model is right {size} more often for {group} than for {rest}",
)  # fmt: skip
def accuracy_difference(comparison: Comparison[Decisions]) -> Estimate:
    """How much more often the model is right about the rest than about the group.

    Amazon SageMaker Clarify, Accuracy Difference (AD).
    """
    return difference(comparison.rest.accuracy, comparison.group.accuracy)


@metric(
    code="FPRD", stage="errors", needs="both", parity=0.0, bounds=(-1, 1), harm=_ACCUSED,
    above="negative cases of {group} are wrongly selected {size} more often than those of {rest}",
    below="negative cases of {group} are wrongly selected {size} less often than those of {rest}",
)  # fmt: skip
def false_positive_rate_difference(comparison: Comparison[Decisions]) -> Estimate:
    """How much more often the group's negative cases are wrongly selected.

    Equalized odds of Hardt, Price, Srebro (2016), its second half.
    """
    return difference(comparison.group.false_positive_rate, comparison.rest.false_positive_rate)


@metric(
    code="FNRD", stage="errors", needs="both", parity=0.0, bounds=(-1, 1), harm=_MISSED,
    above="positive cases of {group} are missed {size} more often than those of {rest}",
    below="positive cases of {group} are missed {size} less often than those of {rest}",
)  # fmt: skip
def false_negative_rate_difference(comparison: Comparison[Decisions]) -> Estimate:
    """How much more often the group's positive cases are missed.

    Equal opportunity of Hardt, Price, Srebro (2016), in errors.
    """
    return difference(comparison.group.false_negative_rate, comparison.rest.false_negative_rate)


@metric(
    code="FDRD", stage="errors", needs="both", parity=0.0, bounds=(-1, 1), harm=_TRUST,
    above="selections of {group} are wrong {size} more often than those of {rest}",
    below="selections of {group} are wrong {size} less often than those of {rest}",
)  # fmt: skip
def false_discovery_rate_difference(comparison: Comparison[Decisions]) -> Estimate:
    """How much more often a selection of the group is wrong.

    Predictive parity of Chouldechova (2017), in errors.
    """
    return difference(comparison.group.false_discovery_rate, comparison.rest.false_discovery_rate)


@metric(
    code="FORD", stage="errors", needs="both", parity=0.0, bounds=(-1, 1), harm=_TRUST,
    above="rejections of {group} are wrong {size} more often than those of {rest}",
    below="rejections of {group} are wrong {size} less often than those of {rest}",
)  # fmt: skip
def false_omission_rate_difference(comparison: Comparison[Decisions]) -> Estimate:
    """How much more often a rejection of the group is wrong.

    Conditional use accuracy equality of Berk et al. (2018), in errors.
    """
    return difference(comparison.group.false_omission_rate, comparison.rest.false_omission_rate)


@metric(
    code="TPRR", stage="errors", needs="both", parity=1.0, bounds=(0, float("inf")), unit="times", harm=_MISSED,
    above="positive cases of {group} are found {size} as often as those of {rest}",
    below="positive cases of {group} are found {size} as often as those of {rest}",
)  # fmt: skip
def true_positive_rate_ratio(comparison: Comparison[Decisions]) -> Estimate:
    """How often a positive case of the group is found for each time one of the rest is.

    The ratio form of the difference of the same rate; Aequitas (2018).
    """
    return ratio(comparison.group.true_positive_rate, comparison.rest.true_positive_rate)


@metric(
    code="FPRR", stage="errors", needs="both", parity=1.0, bounds=(0, float("inf")), unit="times", harm=_ACCUSED,
    above="negative cases of {group} are wrongly selected {size} as often as those of {rest}",
    below="negative cases of {group} are wrongly selected {size} as often as those of {rest}",
)  # fmt: skip
def false_positive_rate_ratio(comparison: Comparison[Decisions]) -> Estimate:
    """How often negative cases of the group are wrongly selected for each one of the rest.

    The ratio form of the difference of the same rate; Aequitas (2018).
    """
    return ratio(comparison.group.false_positive_rate, comparison.rest.false_positive_rate)


@metric(
    code="FNRR", stage="errors", needs="both", parity=1.0, bounds=(0, float("inf")), unit="times", harm=_MISSED,
    above="positive cases of {group} are missed {size} as often as those of {rest}",
    below="positive cases of {group} are missed {size} as often as those of {rest}",
)  # fmt: skip
def false_negative_rate_ratio(comparison: Comparison[Decisions]) -> Estimate:
    """How often positive cases of the group are missed for each one of the rest.

    The ratio form of the difference of the same rate; Aequitas (2018).
    """
    return ratio(comparison.group.false_negative_rate, comparison.rest.false_negative_rate)


@metric(
    code="FDRR", stage="errors", needs="both", parity=1.0, bounds=(0, float("inf")), unit="times", harm=_TRUST,
    above="selections of {group} are wrong {size} as often as those of {rest}",
    below="selections of {group} are wrong {size} as often as those of {rest}",
)  # fmt: skip
def false_discovery_rate_ratio(comparison: Comparison[Decisions]) -> Estimate:
    """How often a selection of the group is wrong for each wrong one of the rest.

    The ratio form of the difference of the same rate; Aequitas (2018).
    """
    return ratio(comparison.group.false_discovery_rate, comparison.rest.false_discovery_rate)


@metric(
    code="FORR", stage="errors", needs="both", parity=1.0, bounds=(0, float("inf")), unit="times", harm=_TRUST,
    above="rejections of {group} are wrong {size} as often as those of {rest}",
    below="rejections of {group} are wrong {size} as often as those of {rest}",
)  # fmt: skip
def false_omission_rate_ratio(comparison: Comparison[Decisions]) -> Estimate:
    """How often a rejection of the group is wrong for each wrong one of the rest.

    The ratio form of the difference of the same rate; Aequitas (2018).
    """
    return ratio(comparison.group.false_omission_rate, comparison.rest.false_omission_rate)


@metric(
    code="EOD", stage="errors", needs="both", parity=0.0, bounds=(0, 1), magnitude=True, harm=_BOTH,
    above="one of the two error rates of {group} and {rest} is {size} apart",
    below="one of the two error rates of {group} and {rest} is {size} apart",
)  # fmt: skip
def equalized_odds_difference(comparison: Comparison[Decisions]) -> Estimate:
    """The larger of the gaps in true and in false positive rate.

    Hardt, Price, Srebro, Equality of Opportunity in Supervised Learning (2016).
    """
    group, rest = comparison.group, comparison.rest
    return largest(
        [
            difference(rest.true_positive_rate, group.true_positive_rate),
            difference(rest.false_positive_rate, group.false_positive_rate),
        ]
    )


@metric(
    code="AOD", stage="errors", needs="both", parity=0.0, bounds=(-1, 1), harm=_BOTH,
    above="{group} is selected {size} less often than {rest}, averaged over positive and negative cases",
    below="{group} is selected {size} more often than {rest}, averaged over positive and negative cases",
)  # fmt: skip
def average_odds_difference(comparison: Comparison[Decisions]) -> Estimate:
    """How much more often the rest are selected, averaged over those labelled positive and negative.

    Bellamy et al., AI Fairness 360 (2018), with the sign of the other differences here: rest minus group.
    """
    group, rest = comparison.group, comparison.rest
    true_gap = rest.true_positive_rate.value - group.true_positive_rate.value
    false_gap = rest.false_positive_rate.value - group.false_positive_rate.value
    return Estimate((true_gap + false_gap) / 2)


@metric(
    code="DCA", stage="errors", needs="both", parity=0.0, bounds=(float("-inf"), float("inf")), unit="number",
    harm=_TRUST, above="for each selection, {rest} had more positive labels than {group}",
    below="for each selection, {group} had more positive labels than {rest}",
)  # fmt: skip
def difference_in_conditional_acceptance(comparison: Comparison[Decisions]) -> Estimate:
    """How many more positive labels there are for each selection among the rest than in the group.

    n1_rest / p1_rest - n1_group / p1_group; above 0 the model is stingier to the rest. Amazon SageMaker Clarify (DCA).
    """
    return Estimate(gap(_per_prediction(comparison.rest, 1), _per_prediction(comparison.group, 1)))


@metric(
    code="DCR", stage="errors", needs="both", parity=0.0, bounds=(float("-inf"), float("inf")), unit="number",
    harm=_TRUST, above="for each rejection, {group} had more negative labels than {rest}",
    below="for each rejection, {rest} had more negative labels than {group}",
)  # fmt: skip
def difference_in_conditional_rejection(comparison: Comparison[Decisions]) -> Estimate:
    """How many more negative labels there are for each rejection in the group than among the rest.

    n0_group / p0_group - n0_rest / p0_rest; below 0 the group is rejected more than its labels say. Amazon SageMaker
    Clarify (DCR), whose own documents read the sign both ways.
    """
    return Estimate(gap(_per_prediction(comparison.group, 0), _per_prediction(comparison.rest, 0)))


def _per_prediction(side: Decisions, outcome: int) -> Array:
    which = ("negative", "positive")[outcome]
    return quotient(side.labels[..., outcome], side.predictions[..., outcome], f"{side.who} has no {which} predictions")


@metric(
    code="TE", stage="errors", needs="both", parity=0.0, bounds=(float("-inf"), float("inf")), unit="number",
    harm=_BOTH, above="for each wrong selection, {group} has more wrong rejections than {rest}",
    below="for each wrong selection, {group} has fewer wrong rejections than {rest}",
)  # fmt: skip
def treatment_equality(comparison: Comparison[Decisions]) -> Estimate:
    """How many more wrong rejections for each wrong selection the group has than the rest.

    FN_group / FP_group - FN_rest / FP_rest; Berk et al. (2018); Amazon SageMaker Clarify (TE).
    """
    return Estimate(gap(_miss_quotient(comparison.group), _miss_quotient(comparison.rest)))


def _miss_quotient(side: Decisions) -> Array:
    return quotient(side.false_negative, side.false_positive, f"{side.who} has no errors")
