"""Comparisons: the two sides of a pair in the shape that a metric reads."""

from typing import Any, Literal

import numpy as np

from evenhand.core.metric import Metric
from evenhand.core.sides import Classes, Comparison, Decisions, Errors, Scores
from evenhand.measuring.pairs import Pair

Which = Literal["counted", "drawn", "without gap"]


def comparison_of(metric: Metric, pair: Pair, which: Which = "counted") -> Comparison[Any]:
    """The comparison a metric reads: as counted, drawn, or drawn without a gap."""
    if metric.needs in ("scores", "scored labels", "probabilities"):
        return _scores(pair)
    if metric.needs in ("errors", "label values", "predicted values", "covered"):
        return _errors(pair)
    if metric.needs in ("label classes", "prediction classes"):
        return _classes(pair, which)
    return _decisions(pair, which)


def _decisions(pair: Pair, which: Which) -> Comparison[Decisions]:
    if which == "drawn":
        return pair.drawn
    return pair.without_gap if which == "without gap" else pair.counted


def _classes(pair: Pair, which: Which) -> Comparison[Classes]:
    decisions = _decisions(pair, which)

    def side(of: Decisions) -> Classes:
        # The last class is "unknown", which is no class.
        return Classes(of.who, of.table[..., :-1, :].sum(axis=-1), of.table[..., :, :-1].sum(axis=-2))

    return Comparison(side(decisions.group), side(decisions.rest))


def _scores(pair: Pair) -> Comparison[Scores]:
    low, high = pair.audit.score_range
    width = (high - low) / pair.audit.score_bins
    middles = low + width * (np.arange(pair.audit.score_bins) + 0.5)
    sides = [
        Scores(name, pair.side(pair.division.scores, inside), middles, pair.effective(inside))
        for name, inside in zip(pair.names, (True, False), strict=True)
    ]
    return Comparison(sides[0], sides[1])


def _errors(pair: Pair) -> Comparison[Errors]:
    sides = []
    for name, inside in zip(pair.names, (True, False), strict=True):
        sums = {key: pair.side(array, inside) for key, array in pair.division.errors.items()}
        sides.append(Errors(name, **sums, effective=pair.effective(inside)))
    return Comparison(sides[0], sides[1])
