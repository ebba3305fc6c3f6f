"""Words: a find as a sentence, with its interval; and what could not have been seen."""

import math
from statistics import NormalDist

import numpy as np

from evenhand.core.finding import Interval
from evenhand.core.items import Pattern, Search, Target
from evenhand.core.subgroup import Outcome, Question, Subgroup
from evenhand.discovering.gaps import gap_of
from evenhand.discovering.honest import Findings, Kept
from evenhand.discovering.people import People

_HAPPENS: dict[Outcome, str] = {
    "error": "decisions are wrong {rate} of the time",
    "false positives": "{rate} of people with a negative label are predicted positive",
    "false negatives": "{rate} of people with a positive label are predicted negative",
    "selection": "{rate} of people are predicted positive",
    "label": "{rate} of people have a positive label",
}


def subgroup(kept: Kept, people: People, question: Question, found: Findings, level: float) -> Subgroup:
    """A confirmed find, as reports hold it."""
    pattern, gap = kept.find.pattern, kept.gap
    low, high = gap.bounds(found.reach)
    interval = Interval(low=low, high=high, level=level, method=found.method)
    holds = int(pattern.holds(people.items).sum())
    text = _text(pattern, people)
    whole = gap_of(people, pattern)
    return Subgroup(
        group=text, found_by=found.found_by.get(pattern, "lattice"), rows=holds, share=holds / people.items.rows,
        value=gap.group.mean, elsewhere=gap.rest.mean, gap=gap.size, interval=interval,
        audited=whole.group.mean, audited_elsewhere=whole.rest.mean, p_value=kept.p_value,
        also=tuple(_text(each, people) for each in kept.find.also),
        reading=_reading(f"Where {text} ({holds:,} rows, {holds / people.items.rows:.1%})", question, kept, interval),
    )  # fmt: skip


def minimum_detectable(target: Target, search: Search, found: Findings) -> float | None:
    """The gap of a group of `least_rows` that would have been confirmed four times in five."""
    values = target.values[target.counted]
    spread = float(np.std(values)) if len(values) else 0.0
    rows = search.least_rows * found.deciding / max(len(target.values), 1)
    if spread == 0 or rows < 2:
        return None
    return (found.reach + NormalDist().inv_cdf(0.8)) * spread / math.sqrt(rows)


def _text(pattern: Pattern, people: People) -> str:
    return str(pattern.group(people.items))


def _reading(who: str, question: Question, kept: Kept, interval: Interval) -> str:
    gap, word = kept.gap, "more" if kept.gap.size > 0 else "less"
    ends = sorted((interval.low, interval.high)) if gap.size > 0 else sorted((-interval.low, -interval.high))
    if question.outcome in _HAPPENS:
        what = _HAPPENS[question.outcome].format(rate=f"{gap.group.mean:.1%}")
        low, high = (f"{end * 100:.1f}" for end in ends)
        size = f"{abs(gap.size) * 100:.1f} points {word} ({low} to {high})"
        return f"{who}, {what}, against {gap.rest.mean:.1%} elsewhere: {size}."
    what = question.column or "the error of the prediction"
    size = f"{abs(gap.size):.3g} {word} ({ends[0]:.3g} to {ends[1]:.3g})"
    return f"{who}, {what} is {gap.group.mean:.3g} on average, against {gap.rest.mean:.3g} elsewhere: {size}."
