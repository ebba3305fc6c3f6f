"""Judge: from a measured value to a finding — interval, p-value, detectable gap, verdict and words."""

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from evenhand.core.audit import Audit
from evenhand.core.finding import Finding, Interval, Verdict
from evenhand.core.interval import (
    Bounds,
    chance_probability,
    corrected,
    detectable,
    normal_quantile,
    tail_probability,
)
from evenhand.core.metric import Metric
from evenhand.core.words import sentence

Array = NDArray[Any]


@dataclass(frozen=True)
class Subject:
    """Who a finding is about: the group, those it is compared with, and how many rows each has."""

    facet: str
    group: str
    against: str
    rows: int
    rows_against: int
    small: bool
    label_class: str | None = None


@dataclass
class Draft:
    """A finding before the verdicts of all findings are corrected for their number."""

    metric: Metric
    subject: Subject
    value: float | None = None
    reason: str | None = None
    bounds: Bounds | None = None
    method: str = ""
    null: Array | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def finished(drafts: list[Draft], audit: Audit) -> list[Finding]:
    """The findings of all drafts; p-values of parity, and of the thresholds, are each corrected for their number."""
    pairs = [_p_values(draft, audit) for draft in drafts]
    parity = _corrected([pair[0] for pair in pairs], audit)
    threshold = _corrected([pair[1] for pair in pairs], audit)
    return [
        _finding(draft, audit, pair[0], *found)
        for draft, pair, found in zip(drafts, pairs, zip(parity, threshold, strict=True), strict=True)
    ]


def _corrected(p_values: list[float | None], audit: Audit) -> list[float | None]:
    asked = [place for place, value in enumerate(p_values) if value is not None]
    found = corrected([value for value in p_values if value is not None], audit.correction)
    result: list[float | None] = [None] * len(p_values)
    for place, value in zip(asked, found, strict=True):
        result[place] = value
    return result


def acceptable(draft: Draft, audit: Audit) -> tuple[float, float] | None:
    """The acceptable values of a metric in this audit.

    The metrics' own thresholds speak of a favourable outcome; one class of several is none unless the audit says so.
    """
    chosen = audit.thresholds.get(draft.metric.code)
    if chosen is None and draft.subject.label_class is not None:
        return None
    return draft.metric.acceptable(chosen)


def _p_values(draft: Draft, audit: Audit) -> tuple[float | None, float | None]:
    """P-values of "there is no gap" and, where a threshold applies, of "the gap is just acceptable"."""
    metric, value = draft.metric, draft.value
    if value is None or draft.bounds is None or metric.parity is None or math.isnan(draft.bounds[0]):
        return None, None
    if draft.null is not None:
        parity = chance_probability(value, draft.null)
    else:
        parity = tail_probability(value, draft.bounds, audit.level, metric.parity, logarithmic=metric.is_ratio)
    limits = acceptable(draft, audit)
    if limits is None:
        return parity, None
    edge = limits[0] if value < metric.parity else limits[1]
    if limits[0] <= value <= limits[1]:
        return parity, 1.0
    return parity, tail_probability(value, draft.bounds, audit.level, edge, logarithmic=metric.is_ratio)


def _finding(
    draft: Draft, audit: Audit, p_value: float | None, p_corrected: float | None, p_threshold: float | None
) -> Finding:
    metric, subject, bounds = draft.metric, draft.subject, draft.bounds
    about: dict[str, Any] = {**vars(subject), **draft.extra}
    known: dict[str, Any] = {"metric": metric.code, "name": metric.name, "stage": metric.stage, "parity": metric.parity}
    if draft.value is None:
        reason = draft.reason or "it cannot be computed"
        return Finding(**known, **about, reason=reason, verdict="undefined", reading=f"Not defined: {reason}.")
    if bounds is None or math.isnan(bounds[0]):
        words = sentence(metric, draft.value, subject.group, subject.against)
        return Finding(
            **known, **about, value=draft.value, verdict="not judged", reading=_capital(f"{words}.", subject.group)
        )
    gap = detectable(bounds, audit.level, logarithmic=metric.is_ratio)
    limits = acceptable(draft, audit)
    differs = None if p_corrected is None else p_corrected < 1 - audit.level
    if draft.null is not None and (p_value or 0.0) >= 1 - audit.level and metric.parity is not None:
        bounds = (min(bounds[0], metric.parity), bounds[1])
    verdict = _verdict(draft, bounds, limits, p_threshold, gap, audit)
    return Finding(
        **known, **about, value=draft.value, verdict=verdict,
        interval=Interval(low=short(bounds[0], 9), high=short(bounds[1], 9), level=audit.level, method=draft.method),
        acceptable=limits, p_value=short(p_value), p_corrected=short(p_corrected), differs=differs,
        minimum_detectable=short(gap),
        reading=_reading(draft, draft.value, differs, verdict),
    )  # fmt: skip


@overload
def short(value: float, digits: int = 6) -> float: ...
@overload
def short(value: float | None, digits: int = 6) -> float | None: ...
def short(value: float | None, digits: int = 6) -> float | None:
    """A number without the digits that nobody can use, which a report would only grow by."""
    return None if value is None else float(f"{value:.{digits}g}")


def _verdict(
    draft: Draft,
    bounds: Bounds,
    limits: tuple[float, float] | None,
    p_threshold: float | None,
    gap: float | None,
    audit: Audit,
) -> Verdict:
    if limits is None or draft.metric.parity is None:
        return "not judged"
    low, high = limits
    if bounds[0] > high or bounds[1] < low:
        return "past" if p_threshold is not None and p_threshold <= 1 - audit.level else "cannot tell"
    if low <= bounds[0] and bounds[1] <= high:
        return "within"
    room = math.log(high / draft.metric.parity) if draft.metric.is_ratio else high - draft.metric.parity
    seen = math.inf if gap is None else (math.log(gap) if draft.metric.is_ratio else gap)
    return "too little data" if seen > room else "cannot tell"


def _reading(draft: Draft, value: float, differs: bool | None, verdict: Verdict) -> str:
    words = sentence(draft.metric, value, draft.subject.group, draft.subject.against)
    if draft.subject.label_class is not None:
        words = f"for the class {draft.subject.label_class}: {words}"
    if verdict == "too little data":
        return f"Too little data to tell; in these rows, {words}."
    if differs is False:
        return f"No difference shown; in these rows, {words}."
    return _capital(f"{words}.", draft.subject.group)


def _capital(words: str, group: str) -> str:
    """A sentence's first letter, unless the sentence starts with the name of a group."""
    return words if words.startswith(group) else words[:1].upper() + words[1:]


def magnitude_bounds(value: float, draws: Array, level: float) -> Bounds:
    """An interval of a distance that resampling alone pushes upwards.

    The lower bound is the bias-corrected percentile (Efron, Better bootstrap confidence intervals, JASA 82, 1987); the
    upper one the plain percentile, since the corrected one collapses onto small values.
    """
    defined = draws[~np.isnan(draws)]
    if defined.size == 0:
        return math.nan, math.nan
    below = (float((defined < value).sum()) + float((defined == value).sum()) / 2) / defined.size
    shift = NormalDist().inv_cdf(min(max(below, 0.5 / defined.size), 1 - 0.5 / defined.size))
    shares = (NormalDist().cdf(2 * shift - normal_quantile(level)), (1 + level) / 2)
    low, high = np.quantile(defined, shares, method="inverted_cdf")
    return min(float(low), value), max(float(high), value)


def without_gap(value: float, null: Array) -> dict[str, float]:
    """What chance alone would show, and the value with that part taken out (in squares, as variances add)."""
    defined = null[np.isfinite(null)]
    if not len(defined) or not np.isfinite(value):
        return {}
    left = max(value**2 - float((defined**2).mean()), 0.0)
    return {"expected_without_gap": short(float(defined.mean())), "corrected_value": short(math.sqrt(left))}
