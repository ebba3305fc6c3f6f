"""Verdicts in words and signs, so that no meaning hangs on a colour."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from evenhand.core.finding import Finding


class Sign(NamedTuple):
    """How a verdict looks: a symbol, its words, and the class that colours it."""

    symbol: str
    words: str
    style: str


SIGNS = {
    "past": Sign("▲", "past threshold", "p"),
    "within": Sign("●", "within threshold", "w"),
    "cannot tell": Sign("?", "cannot tell", "q"),
    "too little data": Sign("◌", "too little data", "l"),
    "not judged": Sign("·", "not judged", "n"),
    "undefined": Sign("∅", "not defined", "u"),
}

HEADLINES = {
    "past": "At least one difference between groups is past its threshold.",
    "within": "Every difference that could be judged lies within its threshold.",
    "cannot tell": "Cannot tell: there is too little data to decide.",
    "not judged": "Measured, not judged: no threshold was set.",
}

MEANINGS = {
    "past": "the whole interval lies outside the acceptable range, also after correction for the number of questions",
    "within": "the difference lies inside the acceptable range",
    "cannot tell": "the interval reaches both sides of a threshold, so the data supports neither answer",
    "too little data": "a difference as large as the threshold could not have been seen in so few rows",
    "not judged": "no threshold was set, or the metric has none",
    "undefined": "the metric has no value here; the reason is given",
}

POLICIES = {"own group": "counted as a group of their own", "drop": "left out", "error": "not allowed"}


def counts(findings: Iterable[Finding]) -> list[tuple[Sign, int]]:
    """How many findings have each verdict, the most serious first."""
    seen = Counter[str](finding.verdict for finding in findings)
    return [(sign, seen[verdict]) for verdict, sign in SIGNS.items() if seen[verdict]]
