"""Differences: how the reasons of one group differ from the others', and which players carry a facet's information."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from evenhand.core.explanation import Explanation
from evenhand.core.facet import Facet
from evenhand.core.finding import Interval
from evenhand.core.interval import corrected, normal_quantile, tail_probability
from evenhand.core.moments import Moments
from evenhand.core.reasons import AttributionGap, Proxy
from evenhand.explaining.importances import FEWEST_ROWS, METHOD, Sample, groups_in, mean_variance

Floats = NDArray[np.float64]


def attribution_gaps(explanation: Explanation, sample: Sample, level: float) -> list[AttributionGap]:
    """The group's mean attribution less the rest's, for every facet, group, output and player.

    Over the players they sum to the gap between the group's and the rest's mean predictions: they say where it comes
    from. Probabilities are corrected for the number of gaps looked at (Benjamini & Hochberg 1995).
    """
    found = [
        gap
        for facet in sample.groups
        for group in _compared(groups_in(sample.moments, facet))
        for gap in _gaps_of(explanation, sample, facet, group, level)
    ]
    known = corrected([gap.probability or 0.0 for gap in found], "benjamini-hochberg")
    return [gap.model_copy(update={"probability": float(value)}) for gap, value in zip(found, known, strict=True)]


def _compared(groups: list[str]) -> list[str]:
    """Of two groups only one is compared: the other's gaps are the same with the other sign."""
    return groups[1:] if len(groups) == 2 else groups


def _gaps_of(
    explanation: Explanation, sample: Sample, facet: str, group: str, level: float
) -> Iterator[AttributionGap]:
    inside = sample.moments[facet, group]
    others = [each for (name, other), each in sample.moments.items() if name == facet and other != group]
    rest = sum(others, Moments.none(len(explanation.players), len(explanation.outputs)))
    if rest.rows < FEWEST_ROWS:
        return
    gaps = inside.signed - rest.signed
    variance = mean_variance(inside, sample.inflation) + mean_variance(rest, sample.inflation)
    halves = normal_quantile(level) * np.sqrt(variance)
    for output, name in enumerate(explanation.outputs):
        for place, player in enumerate(explanation.players):
            gap, half = float(gaps[place, output]), float(halves[place, output])
            chance = tail_probability(gap, (gap - half, gap + half), level, 0.0, logarithmic=False)
            yield AttributionGap(
                facet=facet, group=group, player=player, output=name, value=gap, rows=inside.rows,
                interval=Interval(low=gap - half, high=gap + half, level=level, method=METHOD), probability=chance,
            )  # fmt: skip


def proxies(explanation: Explanation, columns: Sequence[str]) -> list[Proxy]:
    """How well each player's columns tell the groups of each facet apart, among the shown rows."""
    share = explanation.importance.sum(axis=1)
    share = share / share.sum() if share.sum() > 0 else share
    found = []
    for facet, labels in explanation.groups.items():
        own = Facet.parse(facet, list(columns)).columns
        shown = labels[explanation.shown]
        for place, player in enumerate(explanation.players):
            members = explanation.members.get(player, (player,))
            known = [association(explanation.features[name], shown) for name in members if name in explanation.features]
            found.append(
                Proxy(
                    facet=facet,
                    player=player,
                    association=max(known, default=0.0),
                    own=any(name in own for name in members),
                    share=float(share[place]),
                )
            )
    return found


def association(values: NDArray[np.generic], groups: NDArray[np.object_]) -> float:
    """From 0 (none) to 1 (the values tell the groups apart entirely); rows without a value or a group are left out.

    Numbers: the correlation ratio η, corrected for chance (Kelley 1935: ε²); text: Cramér's V, corrected for chance
    (Bergsma 2013).
    """
    known = groups != None  # noqa: E711 - elementwise
    known &= ~np.isnan(values) if values.dtype.kind == "f" else values != None  # noqa: E711
    chosen, labels = values[known], np.unique(groups[known].astype(str), return_inverse=True)[1]
    if len(chosen) < 3 or len(np.unique(labels)) < 2:
        return 0.0
    return _ratio(chosen.astype(float), labels) if values.dtype.kind == "f" else _cramer(chosen.astype(str), labels)


def _ratio(values: Floats, labels: NDArray[np.intp]) -> float:
    counts = np.bincount(labels)
    means = np.bincount(labels, values) / counts
    total = float(np.square(values - values.mean()).sum())
    if total == 0:
        return 0.0
    within = float(np.square(values - means[labels]).sum())
    count, groups = len(values), int((counts > 0).sum())
    if count <= groups:
        return 0.0
    return float(np.sqrt(max(1 - (within / (count - groups)) / (total / (count - 1)), 0.0)))


def _cramer(values: NDArray[np.str_], labels: NDArray[np.intp]) -> float:
    _, places = np.unique(values, return_inverse=True)
    table = np.zeros((places.max() + 1, labels.max() + 1))
    np.add.at(table, (places, labels), 1)
    count, (rows, columns) = table.sum(), table.shape
    if rows < 2:
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / count
    square = float((np.square(table - expected) / np.maximum(expected, 1e-300)).sum()) / count
    square = max(square - (rows - 1) * (columns - 1) / (count - 1), 0.0)
    least = min(rows - (rows - 1) ** 2 / (count - 1), columns - (columns - 1) ** 2 / (count - 1)) - 1
    return float(min(np.sqrt(square / least), 1.0)) if least > 0 else 0.0
