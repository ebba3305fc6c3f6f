"""Calibration: what share of each group's rows was positive at each score, counted in the labelled baseline."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenhand.core.cube import Cube
from evenhand.core.division import Division
from evenhand.core.plan import facet_axis
from evenhand.core.tally import Tally

Floats = NDArray[np.float64]
# Bins of scores in a group's calibration, and the labelled rows that each must have.
BINS = 20
LEAST_IN_BIN = 25


@dataclass(frozen=True)
class Cells:
    """Rows of one group by score and prediction: `count` is scores × 2, and how many of them are labelled positive."""

    count: Floats
    positive: Floats


@dataclass(frozen=True)
class Calibration:
    """The share of positives in each cell of one group, from `rows` labelled rows; arrays are over cells.

    `cell` is the cell of each score and prediction.
    """

    cell: NDArray[np.int64]
    share: Floats
    rows: Floats

    @property
    def variance(self) -> Floats:
        """The variance of each share, that of one more row of each kind, so that 0 of 30 is not certain."""
        smooth = (self.share * self.rows + 1) / (self.rows + 2)
        found: Floats = smooth * (1 - smooth) / np.maximum(self.rows, 1)
        return found


def cells_of(tally: Tally, facet: str, *, labelled: bool) -> dict[str, Cells]:
    """The rows of each group by score and prediction; rows without either (or label) are left out."""
    axes = ["score", "prediction", *(["label"] if labelled else [])]
    cube = tally.over([facet_axis(facet), *axes])
    division = Division.of(tally, [facet])
    bins = tally.audit.score_bins
    count = np.zeros((len(division.slices), bins, 2))
    positive = np.zeros_like(count)
    places, scores, predictions, labels = (_codes(cube, place, division) for place in range(4))
    kept = (places >= 0) & (scores >= 0) & (scores < bins) & (predictions >= 0) & ((labels >= 0) | (not labelled))
    at = places[kept], scores[kept], predictions[kept]
    np.add.at(count, at, cube.count[kept])
    np.add.at(positive, at, cube.count[kept] * (labels[kept] == 1))
    return {piece.text: Cells(count[at], positive[at]) for at, piece in enumerate(division.slices)}


def _codes(cube: Cube, place: int, division: Division) -> NDArray[np.int64]:
    """The group, score, prediction or label (0, 1) of each cell as a number; -1 where there is none."""
    if place >= len(cube.axes):
        return np.zeros(len(cube.count), np.int64)
    levels = cube.levels[cube.axes[place]]
    if place == 0:
        found = [division.place.get((level,), -1) for level in levels]
    else:
        found = [-1 if level is None else int(level) for level in levels]
    return np.array(found, np.int64)[cube.codes[:, place]]


def calibrated(known: Cells) -> Calibration:
    """The share of positives by ranges of scores with about as many labelled rows each, apart for each prediction."""
    cell = np.zeros(known.count.shape, np.int64)
    shares: list[float] = []
    rows: list[float] = []
    for prediction in (0, 1):
        count, positive = known.count[:, prediction], known.positive[:, prediction]
        total = count.sum()
        parts = int(min(max(total // LEAST_IN_BIN, 1), BINS))
        below = np.cumsum(count) - count / 2
        place = np.minimum((below * parts / total).astype(np.int64), parts - 1) if total else count.astype(np.int64)
        held = np.bincount(place, count, parts)
        hits = np.bincount(place, positive, parts)
        cell[:, prediction] = place + len(shares)
        # Without labelled rows nothing is known but that a share lies between 0 and 1.
        shares += np.where(held > 0, hits / np.maximum(held, 1), 0.5).tolist()
        rows += held.tolist()
    return Calibration(cell, np.array(shares), np.array(rows))
