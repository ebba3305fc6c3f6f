"""Bias drift: whether a metric of a group moved away from parity."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evenhand.clarify.drift.constraints import (
    MetricKey,
    Reading,
    bias_readings,
    intervals_of,
    labels_of,
)
from evenhand.clarify.drift.violations import BIAS, MISSING, Drift, Violation

PARITY = {"DI": 1.0}  # every other metric is 0 where groups are treated alike
Interval = tuple[float, float]


@dataclass(frozen=True)
class Pair:
    """The baseline's and the current reading of one metric; None where the document lacks it."""

    key: MetricKey
    before: Reading | None
    after: Reading | None
    interval_before: Interval | None = None
    interval_after: Interval | None = None


def bias_drift(baseline: Mapping[str, Any], current: Mapping[str, Any], *, tolerance: float | None) -> Drift:
    """The bias metrics that drifted: in our rule with a tolerance, in Clarify's with None."""
    found: list[Violation] = []
    notes: list[str] = []
    for pair in _pairs(baseline, current):
        absent = _absence(pair)
        if absent is None:
            found += _theirs(pair) if tolerance is None else _ours(pair, tolerance)
        elif tolerance is None or _both_undefined(pair):
            notes.append(f"Not compared: {_name(pair.key)}: {absent}.")
        else:
            found.append(_violation(pair.key, MISSING, f"Cannot be compared: {absent}."))
    for stage, text in _relabelled(baseline, current):
        if tolerance is None:
            notes.append(f"Not the same question: {stage}: {text}.")
        else:
            found.append(Violation("label", MISSING, f"Not the same question in {stage}: {text}."))
    return Drift(tuple(found), tuple(notes))


def distance(metric: str, value: float) -> float:
    """How far a value is from its metric's parity: |value|; |ln value| for the ratio DI, so that ½ is as far as 2."""
    if metric not in PARITY:
        return abs(value)
    if value <= 0 or math.isinf(value):
        return math.inf
    return abs(math.log(value / PARITY[metric]))


def _pairs(baseline: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[Pair]:
    before, after = bias_readings(baseline), bias_readings(current)
    earlier, later = intervals_of(baseline), intervals_of(current)
    for key in dict.fromkeys([*before, *after]):
        yield Pair(key, before.get(key), after.get(key), earlier.get(key), later.get(key))


def _absence(pair: Pair) -> str | None:
    """Why a metric cannot be compared; None where it can."""
    sides = (("the baseline", pair.before), ("the current analysis", pair.after))
    reasons = [
        f"{name} does not have it" if reading is None else f"no value in {name} ({reading.error})"
        for name, reading in sides
        if reading is None or reading.value is None
    ]
    return "; ".join(reasons) or None


def _both_undefined(pair: Pair) -> bool:
    return all(reading is not None and reading.value is None for reading in (pair.before, pair.after))


def _theirs(pair: Pair) -> Iterator[Violation]:
    before, after = _values(pair)
    if abs(after) > abs(before):
        yield _violation(pair.key, BIAS, f"Value {after} does not meet the constraint requirement")


def _ours(pair: Pair, tolerance: float) -> Iterator[Violation]:
    before, after = _values(pair)
    metric = pair.key.metric
    near, far = distance(metric, before), distance(metric, after)
    if math.isinf(near) or far - near <= tolerance or not _separate(pair, before, after):
        return
    told = "" if pair.interval_before is None and pair.interval_after is None else ", and their intervals are apart"
    yield _violation(
        pair.key,
        BIAS,
        f"Value {after} is farther from parity ({PARITY.get(metric, 0.0):g}) than the baseline {before}: "
        f"{far:.4g} against {near:.4g}, past the tolerance {tolerance:g}{told}",
    )


def _separate(pair: Pair, before: float, after: float) -> bool:
    """Whether the nearest the current value may be to parity is farther than the baseline may be."""
    farthest = max(_distances(pair.key.metric, pair.interval_before or (before, before)))
    nearest = min(_distances(pair.key.metric, pair.interval_after or (after, after)))
    return nearest > farthest


def _distances(metric: str, interval: Interval) -> list[float]:
    ends = [distance(metric, end) for end in interval]
    inside = interval[0] <= PARITY.get(metric, 0.0) <= interval[1]
    return [*ends, 0.0] if inside else ends


def _values(pair: Pair) -> tuple[float, float]:
    before = pair.before.value if pair.before else None
    after = pair.after.value if pair.after else None
    assert before is not None and after is not None, "pairs without a value are turned away before"  # noqa: S101
    return before, after


def _relabelled(baseline: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    before, after = labels_of(baseline), labels_of(current)
    for stage in before.keys() & after.keys():
        if before[stage] != after[stage]:
            was, now = ("=".join(label) for label in (before[stage], after[stage]))
            yield stage, f"the baseline's label is {was}, the current one {now}"


def _name(key: MetricKey) -> str:
    return f"{key.metric} of {key.facet}={key.facet_value}"


def _violation(key: MetricKey, kind: str, description: str) -> Violation:
    return Violation(key.metric, kind, description, facet=key.facet, facet_value=key.facet_value)
