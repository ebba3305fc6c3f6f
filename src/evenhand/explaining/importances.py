"""Importances: how much each player moves the predictions — of everybody and of each group — with intervals."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.explanation import Explanation
from evenhand.core.finding import Interval
from evenhand.core.interval import normal_quantile
from evenhand.core.moments import EVERYBODY, Moments, Slice, Slices
from evenhand.core.reasons import Importance

Floats = NDArray[np.float64]
# Medians of more rows are those of a sample.
MOST_ROWS = 100_000
# A group of fewer rows says too little of itself.
FEWEST_ROWS = 10
# Beside the largest prediction, less than this is what floating point leaves.
DUST = 1e-12
# From so many standard errors on, noise turns no sign and adds nothing to a size.
FAR = 6.0
METHOD = "normal; rows as a sample, and the estimation's own error"
MEDIAN_METHOD = "order statistics"


@dataclass(frozen=True)
class Sample:
    """What statistics are made of: sums over all rows, and the values and groups of rows that medians are taken of.

    `values` is rows × players × outputs; `inflation` (players × outputs) how much more the rows' errors vary together
    than apart.
    """

    values: Floats
    groups: dict[str, NDArray[np.object_]]
    inflation: Floats
    moments: Slices


def sampled(explanation: Explanation, seed: int) -> Sample:
    """The moments of an explanation, and at most MOST_ROWS of its rows, read into memory."""
    count = len(explanation)
    chosen = np.arange(count)
    if count > MOST_ROWS:
        chosen = np.sort(np.random.default_rng((seed, 3)).choice(count, MOST_ROWS, replace=False))
    size = scale_of(explanation.predictions[chosen], explanation.base[chosen])
    values = without_dust(np.asarray(explanation.attributions[chosen]), size)
    groups = {facet: labels[chosen] for facet, labels in explanation.groups.items()}
    moments = explanation.moments
    if moments:
        count = moments[EVERYBODY].rows
    else:
        errors = without_dust(np.asarray(explanation.errors[chosen]), size)
        moments = moments_of(values, errors, groups, pooled=explanation.making.pooled)
    together = np.square(explanation.importance_errors) * count
    apart = moments[EVERYBODY].noise
    inflation = np.divide(together, apart, out=np.ones_like(together), where=apart > 0)
    return Sample(values, groups, inflation, moments)


def moments_of(
    values: Floats, errors: Floats, groups: Mapping[str, NDArray[np.object_]], *, pooled: bool
) -> dict[Slice, Moments]:
    """The moments of everybody and of each group of each facet; values and errors are rows × players × outputs."""
    sizes = sizes_without_noise(values, errors, pooled=pooled)
    found: dict[Slice, Moments] = {EVERYBODY: Moments.of(values, errors, sizes)}
    for facet, labels in groups.items():
        for group in np.unique(labels[labels != None].astype(str)):  # noqa: E711 - elementwise
            inside = labels == group
            found[facet, str(group)] = Moments.of(values[inside], errors[inside], sizes[inside])
    return found


def scale_of(predictions: Floats, base: Floats) -> Floats:
    """How large the predictions are, output by output, for what is dust beside them."""
    size: Floats = np.abs(predictions).max(axis=0) + np.abs(base).max(axis=0)
    return size


def without_dust(values: Floats, size: Floats) -> Floats:
    """The values, with those that only rounding made as 0: it would pass for a sure difference between groups."""
    return np.where(np.abs(values) > DUST * size, values, 0.0)


def sizes_without_noise(values: Floats, errors: Floats, *, pooled: bool) -> Floats:
    """|φ| less what the estimate's noise adds to it on average, for means over rows; as it is where φ is smoothed.

    E|φ + ε| − |φ| = s √(2/π) exp(−φ²/2s²) − 2|φ| Φ(−|φ|/s) for normal noise (Leone, Nelson & Nottingham 1961), taken at
    the estimate. Smoothed values are drawn towards 0 already.
    """
    sizes = np.abs(values)
    if pooled:
        return sizes
    from scipy.special import ndtr

    near = sizes < FAR * errors
    size, error = sizes[near], errors[near]
    ratio = size / error
    sizes[near] += 2 * size * ndtr(-ratio) - error * np.sqrt(2 / np.pi) * np.exp(-np.square(ratio) / 2)
    return sizes


def importances(explanation: Explanation, sample: Sample, level: float) -> Iterator[Importance]:
    """Of each output and player: of everybody, then of every group of every facet.

    A group that has fewer than FEWEST_ROWS rows among those that medians are taken of is left out.
    """
    slices: list[tuple[Slice, NDArray[np.bool_]]] = [(EVERYBODY, np.ones(len(sample.values), bool))]
    for facet, labels in sample.groups.items():
        slices += [((facet, group), labels == group) for group in groups_in(sample.moments, facet)]
    for key, inside in slices:
        if key != EVERYBODY and inside.sum() < FEWEST_ROWS:
            continue
        facts = _facts(sample.moments[key], sample.inflation, level)
        for output, called in enumerate(explanation.outputs):
            sizes = np.abs(sample.values[inside, :, output])
            for place, player in enumerate(explanation.players):
                named = {"player": player, "output": called, "facet": key[0], "group": key[1]}
                yield Importance(
                    **named, **_medians(sizes[:, place], level), **{name: each[place][output] for name, each in facts}
                )


def groups_in(moments: Slices, facet: str) -> list[str]:
    """The facet's groups with enough rows, largest first."""
    counts = {str(group): each.rows for (name, group), each in moments.items() if name == facet}
    return sorted((name for name in counts if counts[name] >= FEWEST_ROWS), key=lambda name: (-counts[name], name))


def _facts(moments: Moments, inflation: Floats, level: float) -> list[tuple[str, list[list[Any]]]]:
    """What an importance says beside medians; players × outputs."""
    # Noise adds its variance to every square.
    square = np.maximum(moments.square - moments.noise, 0.0)
    noise = moments.noise * inflation
    rows = np.full(square.shape, moments.rows)
    return [
        ("rows", rows.tolist()),
        ("mean", np.maximum(moments.size, 0.0).tolist()),
        ("interval", _intervals(moments.size, (moments.size_variance + noise) / rows, level, least=0.0)),
        ("mean_square", square.tolist()),
        (
            "mean_square_interval",
            _intervals(moments.square - moments.noise, moments.square_variance / rows, level, least=0.0),
        ),
        ("signed", moments.signed.tolist()),
        ("signed_interval", _intervals(moments.signed, (moments.signed_variance + noise) / rows, level)),
    ]


def mean_variance(moments: Moments, inflation: Floats) -> Floats:
    """The variance of the mean: of rows as a sample, and of what estimation adds beyond what rows show of it."""
    return (moments.signed_variance + moments.noise * inflation) / moments.rows


def _intervals(middle: Floats, variance: Floats, level: float, least: float = -np.inf) -> list[list[Interval]]:
    half = normal_quantile(level) * np.sqrt(variance)
    low, high = np.maximum(middle - half, least), np.maximum(middle + half, least)
    return [
        [Interval(low=float(a), high=float(b), level=level, method=METHOD) for a, b in zip(first, second, strict=True)]
        for first, second in zip(low, high, strict=True)
    ]


def _medians(sizes: Floats, level: float) -> dict[str, Any]:
    low, high = _median_bounds(sizes, level)
    interval = Interval(low=low, high=high, level=level, method=MEDIAN_METHOD)
    return {"median": float(np.median(sizes)), "median_interval": interval}


def _median_bounds(sizes: Floats, level: float) -> tuple[float, float]:
    ordered = np.sort(sizes)
    half = normal_quantile(level) * np.sqrt(len(sizes)) / 2
    low = int(np.clip(np.floor(len(sizes) / 2 - half), 0, len(sizes) - 1))
    high = int(np.clip(np.ceil(len(sizes) / 2 + half), 0, len(sizes) - 1))
    return float(ordered[low]), float(ordered[high])
