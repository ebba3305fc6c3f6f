"""Attribution distances: NDCG as the monitor computes it, and scale-aware measures of what moved."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Attributions = Mapping[str, float]


@dataclass(frozen=True)
class Movement:
    """How far attributions moved: 0 and no rank change where they did not.

    `distance` is the total variation ½Σ|p′−p| between signed shares p = a/Σ|a|: 0 the same, 1 nothing in common.
    `change` is Σ|a′−a| / Σ|a|: it sees a change of scale, which shares do not. `rank` is Spearman's correlation of the
    sizes |a|; None below three features, or where either side has no order.
    """

    distance: float
    change: float
    rank: float | None


def ndcg(baseline: Attributions, current: Attributions) -> float:
    """The normalised discounted cumulative gain of the current order of features, with the baseline's gains.

    DCG = Σ a(f′ᵢ)/log₂(i+1), a the baseline attributions and f′ the features in the current order; divided by the same
    sum in the baseline's order. A feature that one side lacks counts as 0 there. Negative baseline values, which the
    aggregation "median" can give, take away from both sums; where the ideal sum is not above zero the quotient says
    nothing, and the sizes |a| are taken instead.
    """
    names = list(dict.fromkeys([*baseline, *current]))
    gains = np.array([baseline.get(name, 0.0) for name in names], dtype=float)
    scores = np.array([current.get(name, 0.0) for name in names], dtype=float)
    if not gains.any():
        return 1.0 if not scores.any() else 0.0
    ideal = _discounted(gains, gains)
    if ideal <= 0:
        gains, scores = np.abs(gains), np.abs(scores)
        ideal = _discounted(gains, gains)
    return float(_discounted(gains, scores) / ideal)


def _discounted(gains: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    # Equal scores stand in the order of the document, as in a stable sort.
    order = np.argsort(-scores, kind="stable")
    return float((gains[order] / np.log2(np.arange(len(gains)) + 2)).sum())


def movement(baseline: Attributions, current: Attributions) -> Movement:
    """How far attributions moved between two documents; a feature that one side lacks counts as 0 there."""
    names = list(dict.fromkeys([*baseline, *current]))
    before = np.array([baseline.get(name, 0.0) for name in names], dtype=float)
    after = np.array([current.get(name, 0.0) for name in names], dtype=float)
    shares_before, shares_after = _shares(before), _shares(after)
    total = float(np.abs(before).sum())
    moved = float(np.abs(after - before).sum())
    change = moved / total if total > 0 else (0.0 if moved == 0 else float("inf"))
    distance = float(np.abs(shares_after - shares_before).sum()) / (2 if before.any() and after.any() else 1)
    return Movement(distance, change, _rank(np.abs(before), np.abs(after)))


def _shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.abs(values).sum()
    return values / total if total > 0 else values


def _rank(before: NDArray[np.float64], after: NDArray[np.float64]) -> float | None:
    if len(before) < 3 or np.ptp(before) == 0 or np.ptp(after) == 0:
        return None
    return float(np.corrcoef(rankdata(before), rankdata(after))[0, 1])
