"""ROC: what each threshold of a score would decide in one group — every point, and the convex hull of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

Array = NDArray[Any]


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
    """One point for each distinct score of a group, and one for nobody."""
    if weight is None:
        return _sorted_points(*_sorted(scores, labels), None)
    order = np.argsort(-scores, kind="stable")
    return _sorted_points(scores[order], labels[order].astype(np.float64), weight[order].astype(np.float64))


def _sorted(scores: Array, labels: Array) -> tuple[Array, Array]:
    """Scores, highest first, with their labels; one sort of integers that hold both is several times faster.

    The last bit of a score gives way to the label, so scores that differ by that bit alone count as equal.
    """
    bits = np.ascontiguousarray(scores, np.float64).view(np.int64)
    # The bits of negative numbers sort backwards.
    turned = np.int64(-(2**63))
    negative = bool((bits < 0).any())
    keys = np.where(bits < 0, ~bits ^ turned, bits) if negative else bits
    keys = np.sort((keys & np.int64(-2)) | labels.astype(np.int64))[::-1]
    kept = keys & np.int64(-2)
    values = np.where(kept < 0, ~(kept ^ turned), kept) if negative else kept
    return values.view(np.float64), (keys & 1).astype(np.float64)


def _sorted_points(scores: Array, labels: Array, weight: Array | None) -> Points:
    last = np.append(scores[1:] != scores[:-1], True) if len(scores) else np.zeros(0, bool)
    hits = labels if weight is None else labels * weight
    misses = 1 - labels if weight is None else (1 - labels) * weight
    true, false = (np.concatenate(([0.0], np.cumsum(side)[last])) for side in (hits, misses))
    thresholds = np.concatenate(([np.inf], scores[last]))
    thresholds[-1] = -np.inf if len(thresholds) > 1 else np.inf
    return Points(thresholds, false, true)


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
