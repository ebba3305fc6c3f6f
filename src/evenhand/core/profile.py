"""Profiles: what was counted in each group, with an interval for every rate."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.division import Division, class_name
from evenhand.core.errors import Undefined
from evenhand.core.finding import Interval
from evenhand.core.interval import Rate as Counted
from evenhand.core.judge import short
from evenhand.core.report import Confusion, Profile, Rate
from evenhand.core.sides import Decisions

Array = NDArray[Any]

# Histograms in reports have this many bars; the tally keeps finer ones.
REPORT_BINS = 64

RATES: dict[str, Callable[[Decisions], Counted]] = {
    "labelled positive": lambda side: side.label_rate,
    "predicted positive": lambda side: side.selection_rate,
    "true positive rate": lambda side: side.true_positive_rate,
    "false positive rate": lambda side: side.false_positive_rate,
    "true negative rate": lambda side: side.true_negative_rate,
    "false negative rate": lambda side: side.false_negative_rate,
    "precision": lambda side: side.precision,
    "false discovery rate": lambda side: side.false_discovery_rate,
    "negative predictive value": lambda side: side.negative_precision,
    "false omission rate": lambda side: side.false_omission_rate,
    "accuracy": lambda side: side.accuracy,
}


def profiles(division: Division) -> Iterator[Profile]:
    """One profile for each group of a division."""
    total = sum(piece.rows for piece in division.slices)
    for index, piece in enumerate(division.slices):
        yield Profile(
            facet=division.name,
            group=piece.text,
            rows=piece.rows,
            share=piece.rows / total if total else 0.0,
            small=piece.rows < division.tally.audit.small,
            merged=piece.merged,
            **_counted(division, index),
        )


def _counted(division: Division, index: int) -> dict[str, Any]:
    tally = division.tally
    if tally.outcome == "regression":
        return {"errors": _errors(division, index)}
    table = division.decisions[index].sum(axis=0)
    found: dict[str, Any] = {}
    if "label" in tally.axes:
        found["labels"] = _by_class(division, table.sum(axis=1))
    if "prediction" in tally.axes:
        found["predictions"] = _by_class(division, table.sum(axis=0))
    if tally.outcome == "binary":
        found |= _binary(division, index, table)
    return found


def _by_class(division: Division, counts: Array) -> dict[str, float]:
    names = [*map(class_name, division.classes), "missing"]
    if division.tally.outcome == "binary":
        names = ["negative", "positive", "missing"]
    return {name: float(count) for name, count in zip(names, counts, strict=True) if count or name != "missing"}


def _binary(division: Division, index: int, table: Array) -> dict[str, Any]:
    side = Decisions("the group", division.decisions[index], float(division.effective[index]))
    both = {"label", "prediction"} <= division.tally.axes
    found: dict[str, Any] = {"rates": tuple(_rates(side, division.tally.audit.level, division.tally.axes))}
    if both:
        found["confusion"] = Confusion(
            true_positive=float(table[1, 1]), false_positive=float(table[0, 1]),
            false_negative=float(table[1, 0]), true_negative=float(table[0, 0]),
        )  # fmt: skip
    if "score" in division.tally.axes:
        bins = _coarse(division.scores[index])
        found["scores"] = tuple(bins.sum(axis=1).tolist())
        found["scores_positive"] = tuple(bins[:, 1].tolist()) if "label" in division.tally.axes else ()
    return found


def _rates(side: Decisions, level: float, axes: frozenset[str]) -> Iterator[Rate]:
    for name, rate in RATES.items():
        needed = {"labelled positive": {"label"}, "predicted positive": {"prediction"}}.get(
            name, {"label", "prediction"}
        )
        if needed <= axes:
            yield _rate(name, rate, side, level)


def _rate(name: str, rate: Callable[[Decisions], Counted], side: Decisions, level: float) -> Rate:
    try:
        counted = rate(side)
    except Undefined:
        return Rate(name=name, value=None, rows=0)
    low, high = counted.interval(level)
    interval = Interval(low=short(low, 9), high=short(high, 9), level=level, method="wilson")
    return Rate(name=name, value=float(counted.value), interval=interval, rows=float(counted.trials))


def _coarse(bins: Array) -> Array:
    place = np.arange(len(bins)) * REPORT_BINS // len(bins)
    total = np.zeros((min(REPORT_BINS, len(bins)), bins.shape[1]))
    np.add.at(total, place if len(bins) > REPORT_BINS else np.arange(len(bins)), bins)
    return total


def _errors(division: Division, index: int) -> dict[str, float]:
    sums = {name: array[index] for name, array in division.errors.items()}
    size, found = sums["count"].sum(), {}
    for name in ("label", "prediction"):
        added, _, rows = sums[f"{name}s"]
        if rows and any(name in cube.sums for cube in division.tally.cubes):
            found[f"mean {name}"] = float(added / rows)
    if size and "error" in division.tally.axes:
        found["mean error"] = float(sums["total"].sum() / size)
        found["mean absolute error"] = float(np.abs(sums["total"]).sum() / size)
        found["root mean squared error"] = float(np.sqrt(sums["squares"].sum() / size))
        found["95th percentile of absolute error"] = _quantile(sums["count"], np.abs(sums["total"]), 0.95)
    inside, outside = sums["covered"]
    if inside + outside:
        found["share within predicted bounds"] = float(inside / (inside + outside))
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _quantile(counts: Array, sums: Array, share: float) -> float:
    """The quantile of absolute errors, to the width of an error bin."""
    held = counts > 0
    means, counts = sums[held] / counts[held], counts[held]
    ascending = np.argsort(means)
    reached = np.cumsum(counts[ascending]) >= share * counts.sum()
    return float(means[ascending][reached.argmax()])
