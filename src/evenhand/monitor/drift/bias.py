"""Bias drift: metrics whose distance from parity grew since the baseline by more than is fine, beyond noise."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from evenhand.core.finding import Finding, Interval
from evenhand.core.interval import normal_quantile
from evenhand.core.monitor import Monitor
from evenhand.core.outcome import Drift, DriftVerdict
from evenhand.core.report import Report
from evenhand.core.words import digits
from evenhand.metrics import registered
from evenhand.monitor.drift.scores import baseline_share, clipped, folded, one_sided

Key = tuple[str, str, str, str, str | None]
_LABELLED = {"labels", "both", "label classes", "scored labels", "probabilities", "errors", "label values", "covered"}


def bias_drifts(current: Report, baseline: Report, monitor: Monitor) -> list[Drift]:
    """What became less equal: one drift for each metric, facet and group that the baseline has.

    The distance from parity (of ratios, on the scale of logarithms) grew by more than `limits.bias`, and the intervals
    of the two separate by as much.
    """
    now = {_key(finding): finding for finding in current.findings}
    pairs = [(now.get(_key(found)), found) for found in baseline.findings if found.parity is not None]
    share = baseline_share(monitor.limits.false_alarms, len(pairs))
    limit = monitor.limits.bias
    return [_drift(_Pair(mine, found, limit, share, current.audit.small)) for mine, found in pairs]


def _key(finding: Finding) -> Key:
    return finding.metric, finding.facet, finding.group, finding.against, finding.label_class


@dataclass(frozen=True)
class _Pair:
    current: Finding | None
    baseline: Finding
    limit: float
    share: float
    small: int


@dataclass(frozen=True)
class Distance:
    """How far from parity: the value, its interval, and one standard error towards parity and away from it.

    `noise` is what chance alone makes of metrics that cannot be below parity.
    """

    value: float
    low: float
    high: float
    towards: float
    away: float
    noise: float = 0.0


def distance_of(value: float, interval: Interval, parity: float, noise: float = 0.0) -> Distance:
    """The distance from parity, for ratios as |log|; infinite for a ratio of 0."""
    ratio = parity == 1.0
    at, low, high = (_placed(each, parity, ratio=ratio) for each in (value, interval.low, interval.high))
    near, far = (low, high) if at >= 0 else (high, low)
    z = normal_quantile(interval.level)
    bounds = abs(low), abs(high)
    return Distance(
        value=abs(at),
        low=0.0 if low <= 0 <= high else min(bounds),
        high=max(bounds),
        towards=abs(at - near) / z if math.isfinite(at) else math.inf,
        away=abs(far - at) / z if math.isfinite(at) else math.inf,
        noise=noise,
    )


def _placed(value: float, parity: float, *, ratio: bool) -> float:
    if not ratio:
        return value - parity
    return -math.inf if value <= 0 else math.log(value)


def score_of(now: Distance, then: Distance, limit: float, share: float) -> float:
    """By how many standard errors the distance is past the baseline's bound and the limit."""
    if math.isinf(then.value) or math.isinf(then.away):
        return -math.inf
    bound = then.value + one_sided(share) * then.away + limit
    if math.isinf(now.value):
        # A rate of 0 has no standard error of its logarithm; what remains is the side of the interval.
        return normal_quantile(0.95) if now.low > bound else 0.0
    if now.towards == 0:
        return 0.0 if now.value <= bound else math.inf
    return folded((now.value - now.noise - bound) / now.towards)


def _drift(pair: _Pair) -> Drift:
    unable = _unable(pair)
    if unable is not None or pair.current is None:
        verdict, reading = unable or ("undefined", "")
        return _made(pair, verdict, reading, None, None)
    assert pair.current.value is not None and pair.baseline.value is not None  # noqa: S101 - `_unable` saw to it
    assert pair.current.interval is not None and pair.baseline.interval is not None  # noqa: S101
    parity = float(pair.baseline.parity or 0.0)
    noises = [found.expected_without_gap or 0.0 for found in (pair.current, pair.baseline)]
    now = distance_of(pair.current.value, pair.current.interval, parity, noises[0])
    then = distance_of(pair.baseline.value, pair.baseline.interval, parity, noises[1])
    growth = 0.0 if now.value == then.value else now.value - now.noise - (then.value - then.noise)
    drifted = growth > pair.limit and now.low > then.high + pair.limit
    verdict = "drift" if drifted else "no drift shown"
    reading = _reading(pair, growth, drifted=drifted)
    return _made(pair, verdict, reading, growth, clipped(score_of(now, then, pair.limit, pair.share)))


def _unable(pair: _Pair) -> tuple[DriftVerdict, str] | None:
    """Why nothing can be said."""
    about, mine, found = _about(pair.baseline), pair.current, pair.baseline
    if mine is None and _needs_labels(found):
        return "waiting for labels", f"{about} needs labels, which have not arrived."
    if mine is None:
        return "too little data", f"{about}: no row of the group in this window."
    for when, each in (("this window", mine), ("the baseline", found)):
        if min(each.rows, each.rows_against) < pair.small:
            least = min(each.rows, each.rows_against)
            return "too little data", f"{about}: only {least:,} rows in {when}; {pair.small:,} are the least."
        if each.value is None:
            return "undefined", f"{about} has no value in {when}: {each.reason or 'it is undefined'}"
        if each.interval is None:
            return "undefined", f"{about} has no interval in {when}, so drift cannot be told from noise."
    return None


def _needs_labels(finding: Finding) -> bool:
    metric = registered().get(finding.metric)
    return metric.needs in _LABELLED if metric is not None else finding.stage in ("labels", "errors")


def _about(finding: Finding) -> str:
    of = f" of class {finding.label_class}" if finding.label_class is not None else ""
    return f"{finding.name}{of} of {finding.facet}: {finding.group} against {finding.against}"


def _reading(pair: _Pair, growth: float, *, drifted: bool) -> str:
    mine, found = pair.current, pair.baseline
    values = f"is {_shown(mine.value if mine else None)} and was {_shown(found.value)} in the baseline"
    scale = " (on the scale of logarithms)" if found.parity == 1.0 else ""
    way = "farther from" if growth > 0 else "nearer to"
    moved = f"{_shown(abs(growth))} {way} parity{scale}" if growth else "as far from parity"
    certain = "more than noise explains" if drifted else "no more than noise or the limit explains"
    return f"{_about(found)} {values}: {moved}, {certain if growth > 0 else 'which is no drift'}."


def _shown(value: float | None) -> str:
    if value is None:
        return "undefined"
    return "infinite" if math.isinf(value) else digits(value)


def _made(pair: _Pair, verdict: DriftVerdict, reading: str, growth: float | None, score: float | None) -> Drift:
    mine, found = pair.current, pair.baseline
    return Drift(
        kind="bias", about=" | ".join(_parts(found)), metric=found.metric, facet=found.facet, group=found.group,
        value=mine.value if mine else None, baseline=found.value, interval=mine.interval if mine else None,
        baseline_interval=found.interval, distance=growth, limit=pair.limit, score=score,
        rows=mine.rows if mine else 0, verdict=verdict, reading=reading,
    )  # fmt: skip


def _parts(finding: Finding) -> Iterator[str]:
    yield from (finding.metric, finding.facet, finding.group, finding.against)
    if finding.label_class is not None:
        yield f"class {finding.label_class}"
