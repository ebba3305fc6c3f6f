"""ROC: what each threshold of a score would decide in one group — the points that matter, and their convex hull."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

Array = NDArray[Any]

# Larger groups are counted in bins first, and sorted only where the hull can pass.
MANY, BINS = 50_000, 65_536
# Points that are kept at least, evenly spaced in how many they select.
SPACED = 400
TURNED = np.int64(-(2**63))


@dataclass(frozen=True, eq=False)
class Points:
    """Thresholds from the highest (nobody) down to minus infinity (everybody), and who is at or above each.

    `false` and `true` are the weights of negative and positive labels at or above the threshold.
    """

    thresholds: Array
    false: Array
    true: Array

    @property
    def negatives(self) -> float:
        """The weight of all negative labels."""
        return float(self.false[-1])

    @property
    def positives(self) -> float:
        """The weight of all positive labels."""
        return float(self.true[-1])

    @property
    def total(self) -> float:
        """The weight of the group."""
        return self.negatives + self.positives

    def at(self, places: Array) -> "Points":
        """Some of the points; the last must be among them."""
        return Points(self.thresholds[places], self.false[places], self.true[places])


def points_of(scores: Array, labels: Array, weight: Array | None = None) -> Points:
    """One point for each distinct score of a group, and one for nobody.

    Of more than 50,000 rows, only points that the convex hull may need and some hundreds that are evenly spaced.
    """
    # Minus zero, which sorts below zero, becomes zero.
    scores = np.ascontiguousarray(scores, np.float64) + 0.0
    if len(scores) > MANY:
        return _refined(scores, labels, weight)
    false, true, values = _steps(scores, labels, weight)
    return _points(values, np.cumsum(false), np.cumsum(true))


def _points(values: Array, false: Array, true: Array) -> Points:
    if not len(values):
        return Points(np.array([np.inf]), np.zeros(1), np.zeros(1))
    thresholds = np.concatenate(([np.inf], values[:-1], [-np.inf]))
    return Points(thresholds, np.concatenate(([0.0], false)), np.concatenate(([0.0], true)))


def _steps(scores: Array, labels: Array, weight: Array | None) -> tuple[Array, Array, Array]:
    """Negative and positive weight at each distinct score, and the scores, highest first."""
    if weight is None:
        scores, positive = _sorted(scores, labels)
        weight = np.ones(len(scores))
    else:
        order = np.argsort(-scores, kind="stable")
        scores, positive, weight = scores[order], labels[order].astype(np.float64), weight[order].astype(np.float64)
    if not len(scores):
        return np.zeros(0), np.zeros(0), scores
    first = np.flatnonzero(np.concatenate(([True], scores[1:] != scores[:-1])))
    true, both = np.add.reduceat(positive * weight, first), np.add.reduceat(weight, first)
    return both - true, true, scores[first]


def _sorted(scores: Array, labels: Array) -> tuple[Array, Array]:
    """Scores, highest first, with their labels; one sort of integers that hold both is several times faster.

    The last bit of a score gives way to the label, so scores that differ by that bit alone count as equal.
    """
    bits = scores.view(np.int64)
    # The bits of negative numbers sort backwards.
    negative = bool((bits < 0).any())
    keys = np.where(bits < 0, ~bits ^ TURNED, bits) if negative else bits
    keys = np.sort((keys & np.int64(-2)) | labels.astype(np.int64))[::-1]
    kept = keys & np.int64(-2)
    values = np.where(kept < 0, ~(kept ^ TURNED), kept) if negative else kept
    return values.view(np.float64), (keys & 1).astype(np.float64)


def _refined(scores: Array, labels: Array, weight: Array | None) -> Points:
    """The points inside bins that the hull of all points can touch: exact, though most rows are never sorted."""
    bins = _bins(scores)
    places = bins * 2 + labels.astype(np.int32)
    counts = np.bincount(places, weight, 2 * BINS).reshape(BINS, 2).astype(np.float64)
    false, true = np.cumsum(counts, axis=0).T
    kept = _touched(false, true)
    here = np.flatnonzero(kept[bins])
    # With a weight, scores keep their last bit, and so their bin.
    ones = np.ones(len(here)) if weight is None else weight[here]
    left, right, values = _steps(scores[here], labels[here], ones)
    # What lies in bins above and was not kept comes before.
    inside = _bins(values, scores)
    skipped = [np.cumsum(np.where(kept, 0.0, column))[inside] for column in counts.T]
    return _points(values, np.cumsum(left) + skipped[0], np.cumsum(right) + skipped[1])


def _bins(scores: Array, like: Array | None = None) -> Array:
    """The bin of each score, 0 for the highest; a score never lies in an earlier bin than a higher one."""
    among = scores if like is None else like
    low, high = float(among.min()), float(among.max())
    # Halved, so that no difference of two numbers is too large for one.
    scale = (BINS - 1) / (high / 2 - low / 2) if high / 2 > low / 2 else 0.0
    if not np.isfinite(scale):
        return np.zeros(len(scores), np.int32)
    return np.asarray((high / 2 - scores / 2) * scale).astype(np.int32)


def _touched(false: Array, true: Array) -> Array:
    """Bins whose best corner (its positives first, then its negatives) reaches the hull of the bins' ends."""
    before, after = np.concatenate(([0.0], false)), np.concatenate(([0.0], true))
    total = before + after
    corners = hull(Points(np.zeros(len(total)), before, after))
    # Above as many as the corner selects, the hull has so many positives.
    edge = np.interp(before[:-1] + true, corners.false + corners.true, corners.true)
    filled = np.diff(total) > 0
    touched = filled & (true >= edge - 1e-9 * total[-1])
    spaced = np.searchsorted(total[1:], np.linspace(0, total[-1], SPACED)[1:])
    touched[np.minimum(spaced, len(touched) - 1)] = True
    touched[np.flatnonzero(filled)[-1]] = True
    return np.asarray(touched)


def hull(points: Points) -> Points:
    """The points on the upper convex hull: any rates that mixtures of thresholds reach, mixtures of these reach.

    The hull of a cumulated sequence is its least concave majorant, which isotonic regression of the steps finds in
    one pass (Barlow et al. 1972; Fawcett and Niculescu-Mizil 2007 for ROC curves).
    """
    width = np.diff(points.false) + np.diff(points.true)
    if not len(width):
        return points
    rate = np.divide(np.diff(points.true), width, out=np.zeros_like(width), where=width > 0)
    found = isotonic_regression(rate, weights=np.maximum(width, 1e-300), increasing=False)
    return points.at(np.asarray(found.blocks))


def thinned(points: Points, most: int) -> Points:
    """At most about `most` of the points, evenly spaced in how many they select."""
    if len(points.thresholds) <= most:
        return points
    selected = points.false + points.true
    places = np.searchsorted(selected, np.linspace(0, selected[-1], most))
    return points.at(np.unique(np.clip(places, 0, len(selected) - 1)))
