"""Words: a find as a sentence, with its interval; and what could not have been seen."""

import math
from statistics import NormalDist

import numpy as np

from evenhand.core.finding import Interval
from evenhand.core.items import Pattern, Search, Target
from evenhand.core.subgroup import Outcome, Question, Subgroup
from evenhand.discovering.honest import Findings, Kept
from evenhand.discovering.people import People

_HAPPENS: dict[Outcome, str] = {
    "error": "decisions are wrong",
    "false positives": "people with a negative label are predicted positive",
    "false negatives": "people with a positive label are predicted negative",
    "selection": "people are predicted positive",
    "label": "people have a positive label",
}


def subgroup(kept: Kept, people: People, question: Question, found: Findings, level: float) -> Subgroup:
    """A confirmed find, as reports hold it."""
    pattern, gap = kept.find.pattern, kept.gap
    half = found.reach * gap.error
    interval = Interval(low=gap.size - half, high=gap.size + half, level=level, method=found.method)
    holds = int(pattern.holds(people.items).sum())
    text = _text(pattern, people)
    return Subgroup(
        group=text, found_by=found.found_by.get(pattern, "lattice"), rows=holds, share=holds / people.items.rows,
        value=gap.value, elsewhere=gap.elsewhere, gap=gap.size, interval=interval, p_value=kept.p_value,
        also=tuple(_text(each, people) for each in kept.find.also),
        reading=_reading(text, holds, people, question, kept, interval),
    )  # fmt: skip


def minimum_detectable(target: Target, search: Search, found: Findings, level: float) -> float | None:
    """The gap of a group of `least_rows` that would have been confirmed four times in five."""
    values = target.values[target.counted]
    spread = float(np.std(values)) if len(values) else 0.0
    rows = search.least_rows * found.deciding / max(len(target.values), 1)
    if spread == 0 or rows < 2:
        return None
    return (found.reach + NormalDist().inv_cdf(0.8)) * spread / math.sqrt(rows)


def _text(pattern: Pattern, people: People) -> str:
    return str(pattern.group(people.items))


def _reading(text: str, rows: int, people: People, question: Question, kept: Kept, interval: Interval) -> str:
    gap, who = kept.gap, f"Where {text} ({rows:,} rows, {rows / people.items.rows:.1%})"
    if question.outcome in _HAPPENS:
        more = "more" if gap.size > 0 else "less"
        low, high = sorted((abs(interval.low), abs(interval.high)))
        return (
            f"{who}, {gap.value:.1%} of the time {_HAPPENS[question.outcome]}, against {gap.elsewhere:.1%} elsewhere:"
            f" {abs(gap.size) * 100:.1f} points {more} ({low * 100:.1f} to {high * 100:.1f})."
        )
    what = question.column if question.outcome == "column" else "the error"
    return f"{who}, {what} is {gap.value:.4g} on average, against {gap.elsewhere:.4g} elsewhere."
