"""Data drift: columns whose values are distributed otherwise than in the baseline, overall and within groups."""

import math
from dataclasses import dataclass

from evenhand.core.monitor import Monitor
from evenhand.core.outcome import Drift, DriftVerdict
from evenhand.core.words import digits
from evenhand.monitor.drift.binning import Binning, Counts
from evenhand.monitor.drift.distances import (
    baseline_radius,
    expected_js_distance,
    inflation,
    js_distance,
    js_score,
    ks_distance,
    ks_probability,
    pooled,
    psi,
)
from evenhand.monitor.drift.histograms import EVERYBODY, Histograms, Slice
from evenhand.monitor.drift.scores import baseline_share, one_sided

METRIC = "Jensen-Shannon distance (base 2)"


@dataclass(frozen=True)
class _Question:
    column: str
    slice: Slice
    binning: Binning
    now: Counts
    then: Counts

    @property
    def about(self) -> str:
        facet, group = self.slice
        return self.column if facet is None else f"{self.column} | {facet} | {group}"

    @property
    def words(self) -> str:
        return f"{self.column!r}" if self.slice == EVERYBODY else f"{self.column!r} within {self.slice[1]}"


def data_drifts(current: Histograms, baseline: Histograms, monitor: Monitor) -> list[Drift]:
    """One drift for each column, of everybody and within each group that the baseline has.

    A drift's distance from the baseline is more than `limits.data`, beyond what sampling of both explains. Raises
    ValueError where the histograms have other bins.
    """
    if dict(current.binnings) != dict(baseline.binnings):
        raise ValueError("The histograms have other bins than the baseline's; count with the baseline's binnings.")
    questions = [
        _Question(name, key, binning, current.counts[name].get(key, then * 0), then)
        for name, binning in baseline.binnings.items()
        for key, then in baseline.counts[name].items()
    ]
    return [_drift(question, monitor, len(questions)) for question in questions]


def _drift(question: _Question, monitor: Monitor, questions: int) -> Drift:
    rows, before = int(question.now.sum()), int(question.then.sum())
    least = max(monitor.audit.small, 20)
    if min(rows, before) < least:
        where = "this window" if rows <= before else "the baseline"
        reading = f"Column {question.words}: only {min(rows, before):,} rows in {where}; {least:,} are the least."
        return _made(question, monitor, "too little data", reading)
    now, then = pooled(question.now, question.then)
    bins = len(now)
    if bins < 2:
        return _made(question, monitor, "no drift shown", f"Column {question.words} has one value in both.", 0.0, -8.0)
    distance = js_distance(now, then)
    share = baseline_share(monitor.limits.false_alarms, questions)
    allowed = monitor.limits.data + baseline_radius(before, bins, share)
    score = js_score(distance / math.sqrt(inflation(now, then)), rows, bins, allowed)
    past = score > one_sided(share)
    reading = _reading(question, distance, expected_js_distance(rows, before, bins), drifted=past)
    return _made(question, monitor, "drift" if past else "no drift shown", reading, distance, score)


def _reading(question: _Question, distance: float, noise: float, *, drifted: bool) -> str:
    moved = "moved away from the baseline" if drifted else "is distributed as in the baseline, as far as can be told"
    index = psi(question.now, question.then)
    parts = [
        f"{METRIC} {digits(distance)}, of which sampling alone makes about {digits(noise)}",
        f"PSI {digits(max(index, 0.0))}",
    ]
    if question.binning.numeric:
        now, then = question.now[:-1], question.then[:-1]
        if now.sum() and then.sum():
            gap = ks_distance(now, then)
            chance = ks_probability(gap, float(now.sum()), float(then.sum()))
            parts.append(f"Kolmogorov-Smirnov {digits(gap)} (p {'below 0.001' if chance < 0.001 else digits(chance)})")
    return f"Column {question.words} {moved}: {'; '.join(parts)}."


def _made(
    question: _Question,
    monitor: Monitor,
    verdict: DriftVerdict,
    reading: str,
    distance: float | None = None,
    score: float | None = None,
) -> Drift:
    facet, group = question.slice
    return Drift(
        kind="data", about=question.about, metric=METRIC, column=question.column, facet=facet, group=group,
        value=distance, distance=distance, limit=monitor.limits.data, score=score, rows=int(question.now.sum()),
        verdict=verdict, reading=reading,
    )  # fmt: skip
