"""Estimate: how well each group is served while labels are missing, from scores and how they were calibrated before.

Confidence-based performance estimation: where a score means what it meant in the labelled baseline, the share of
positives among rows with that score is known, and with it the confusion to be expected of rows without labels (Garg et
al., Leveraging unlabeled data to predict out-of-distribution performance, ICLR 2022; NannyML's CBPE). It sees what
changes with the scores, and is blind to labels that change at the same score.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenhand.core.finding import Interval
from evenhand.core.interval import normal_quantile, wilson
from evenhand.core.monitor import Monitor
from evenhand.core.outcome import Drift
from evenhand.core.tally import Tally
from evenhand.core.words import digits
from evenhand.monitor.drift.calibration import LEAST_IN_BIN, Calibration, Cells, calibrated, cells_of
from evenhand.monitor.drift.scores import baseline_share, folded, one_sided

Floats = NDArray[np.float64]
METHOD = "expected confusion from calibrated scores"


@dataclass(frozen=True)
class Estimated:
    """A rate of one group: its expected value for the rows of a window, and its interval.

    The interval is for what these rows' labels will show: the calibration is uncertain, and labels are chance.
    `calibration` and `chance` are the standard errors of the two, `sampling` that of drawing the window's rows.
    """

    facet: str
    group: str
    metric: str
    value: float
    interval: Interval
    calibration: float
    chance: float
    sampling: float
    rows: int
    baseline: float | None
    baseline_rows: int


# Hits and trials of each rate among (positive, negative) rows × (predicted negative, predicted positive).
RATES: dict[str, tuple[Floats, Floats]] = {
    "accuracy": (np.array([[0, 1], [1, 0]], float), np.ones((2, 2))),
    "true positive rate": (np.array([[0, 1], [0, 0]], float), np.array([[1, 1], [0, 0]], float)),
    "false positive rate": (np.array([[0, 0], [0, 1]], float), np.array([[0, 0], [1, 1]], float)),
    "precision": (np.array([[0, 1], [0, 0]], float), np.array([[0, 1], [0, 1]], float)),
    "labelled positive": (np.array([[1, 1], [0, 0]], float), np.ones((2, 2))),
}


def estimates_of(current: Tally, baseline: Tally) -> list[Estimated]:
    """Estimated rates for each group of each facet that the labelled baseline has; none without scores.

    Groups with fewer rows than `small`, or too few labelled rows in the baseline, are left out.
    """
    needed = {"score", "prediction"}
    able = needed <= current.axes and needed | {"label"} <= baseline.axes and baseline.outcome == "binary"
    if not able:
        return []
    return [found for facet in baseline.facets for found in _facet(facet, current, baseline)]


def _facet(facet: str, current: Tally, baseline: Tally) -> Iterator[Estimated]:
    now, then = cells_of(current, facet, labelled=False), cells_of(baseline, facet, labelled=True)
    for group, cells in now.items():
        known = then.get(group)
        least = current.audit.small
        if known is None or cells.count.sum() < least or known.count.sum() < max(least, 2 * LEAST_IN_BIN):
            continue
        calibration = calibrated(known)
        for metric in RATES:
            found = _rate(metric, cells, known, calibration)
            if found is not None:
                yield _named(found, facet, group, metric, current.audit.level)


@dataclass(frozen=True)
class _Found:
    value: float
    calibration: float
    chance: float
    sampling: float
    rows: int
    baseline: float | None
    baseline_rows: int


def _rate(metric: str, cells: Cells, known: Cells, calibration: Calibration) -> _Found | None:
    hits, trials = RATES[metric]
    size = len(calibration.share)
    count = np.bincount(calibration.cell.ravel(), cells.count.ravel(), size)
    predicted = np.zeros(size, np.int64)
    predicted[calibration.cell[:, 1]] = 1
    share = calibration.share
    # Per row of a cell: the expected hits and trials; rates are their quotients, so errors follow by differentiation.
    hit = share * hits[0, predicted] + (1 - share) * hits[1, predicted]
    trial = share * trials[0, predicted] + (1 - share) * trials[1, predicted]
    total = float((count * trial).sum())
    if total <= 0:
        return None
    value = float((count * hit).sum()) / total
    slope = (hits[0] - hits[1])[predicted] - value * (trials[0] - trials[1])[predicted]
    off = hit - value * trial
    variance = share * (1 - share)
    return _Found(
        value=value,
        calibration=float(np.sqrt((np.square(count * slope) * calibration.variance).sum())) / total,
        chance=float(np.sqrt((count * np.square(slope) * variance).sum())) / total,
        sampling=float(np.sqrt((count * np.square(off)).sum())) / total,
        rows=int(count.sum()),
        baseline=_realised(metric, known),
        baseline_rows=int(known.count.sum()),
    )


def _realised(metric: str, known: Cells) -> float | None:
    hits, trials = RATES[metric]
    table = np.stack([known.positive.sum(axis=0), (known.count - known.positive).sum(axis=0)])
    total = float((table * trials).sum())
    return float((table * hits).sum()) / total if total > 0 else None


def _named(found: _Found, facet: str, group: str, metric: str, level: float) -> Estimated:
    interval = _interval(found.value, np.hypot(found.calibration, found.chance), level)
    return Estimated(facet=facet, group=group, metric=metric, interval=interval, **vars(found))


def _interval(value: float, error: float, level: float) -> Interval:
    """Wilson's interval for the number of rows that would have this standard error; wide at the edges as it is."""
    spread = value * (1 - value)
    if error <= 0:
        low, high = value, value
    elif spread <= 0:
        half = normal_quantile(level) * error
        low, high = max(0.0, value - half), min(1.0, value + half)
    else:
        trials = spread / error**2
        low, high = wilson(value * trials, trials, level)
    return Interval(low=low, high=high, level=level, method=METHOD)


def estimated_performance(current: Tally, baseline: Tally, monitor: Monitor) -> list[Drift]:
    """Estimated rates for each group beside those that the baseline's labels showed, each marked as estimated.

    `current` may have no labels; `baseline` must. Empty where the audit has no score, or `truth.estimate` is off.
    """
    if not monitor.truth.estimate:
        return []
    found = estimates_of(current, baseline)
    share = baseline_share(monitor.limits.false_alarms, 2 * len(found))
    return [_drift(each, share) for each in found]


def _drift(found: Estimated, share: float) -> Drift:
    moved = None if found.baseline is None else abs(found.value - found.baseline)
    score = None if moved is None else _score(found, moved, share)
    past = score is not None and score > one_sided(share)
    was = "was not defined" if found.baseline is None else f"was {digits(found.baseline)}"
    bounds = f"{digits(found.interval.low)} to {digits(found.interval.high)}"
    reading = (
        f"Estimated without labels: {found.metric} of {found.group} is about {digits(found.value)} ({bounds}) and "
        f"{was} in the baseline{', which is more than noise explains' if past else ''}. It cannot see labels that "
        "changed at the same score."
    )
    return Drift(
        kind="performance", about=f"{found.metric} | {found.facet} | {found.group} | estimated", metric=found.metric,
        facet=found.facet, group=found.group, value=found.value, baseline=found.baseline, interval=found.interval,
        distance=moved, limit=0.0, score=score, rows=found.rows, estimated=True,
        verdict="drift" if past else "no drift shown" if moved is not None else "undefined", reading=reading,
    )  # fmt: skip


def _score(found: Estimated, moved: float, share: float) -> float:
    """By how many standard errors the window's rows are past the baseline's bound.

    Calibration and the baseline's own rows are one draw for all windows; the scores of the window are its sample.
    """
    if found.sampling == 0:
        return 0.0
    rows = found.rows / max(found.baseline_rows, 1)
    fixed = float(np.hypot(found.calibration, found.sampling * np.sqrt(rows)))
    return folded((moved - one_sided(share) * fixed) / found.sampling)
