"""Gaps: the largest gap in a rate among all groups of a facet, which chance alone makes larger than zero."""

from collections.abc import Callable
from dataclasses import dataclass

from evenhand.core.finding import Stage
from evenhand.core.interval import Rate
from evenhand.core.metric import Needs
from evenhand.core.sides import Decisions


@dataclass(frozen=True)
class Gap:
    """A rate whose largest gap among the groups is asked for; `rate` reads sides with the groups in the last axis."""

    code: str
    name: str
    sentence: str
    stage: Stage
    needs: Needs
    harm: str
    words: str
    rate: Callable[[Decisions], Rate]


ALL = (
    Gap(
        "GAP-L", "Largest gap in positive labels", "The gap between the groups labelled positive most and least often.",
        "labels", "labels", "The past treats some pair of groups differently.",
        "{highest} is labelled positive {size} more often than {lowest}", lambda side: side.label_rate,
    ),
    Gap(
        "GAP-S", "Largest gap in selection", "The gap between the groups selected most and least often.",
        "predictions", "predictions", "Allocation: demographic parity fails for some pair of groups.",
        "{highest} is selected {size} more often than {lowest}", lambda side: side.selection_rate,
    ),
    Gap(
        "GAP-TPR", "Largest gap in true positive rate",
        "The gap between the groups whose positives are found most and least.",
        "errors", "both", "Quality of service: equal opportunity fails for some pair of groups.",
        "positive cases of {highest} are found {size} more often than those of {lowest}",
        lambda side: side.true_positive_rate,
    ),
    Gap(
        "GAP-FPR", "Largest gap in false positive rate",
        "The gap between the groups wrongly selected most and least often.",
        "errors", "both", "Quality of service: wrong selections fall on some groups.",
        "negative cases of {highest} are wrongly selected {size} more often than those of {lowest}",
        lambda side: side.false_positive_rate,
    ),
    Gap(
        "GAP-ACC", "Largest gap in accuracy",
        "The gap between the groups the model is right about most and least often.",
        "errors", "both", "Quality of service: the model works less well for some group.",
        "the model is right {size} more often about {highest} than about {lowest}", lambda side: side.accuracy,
    ),
)  # fmt: skip
