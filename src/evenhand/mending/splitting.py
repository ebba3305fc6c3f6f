"""Splitting: which rows fit, which choose and which judge, so that every group and label is in each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.chance import chance
from evenhand.core.values import normalised
from evenhand.mending.people import People

Array = NDArray[Any]

FOLDS = 5


def parts_of(people: People, shares: Sequence[float], *, identity: str | None, seed: int) -> Array:
    """The part of each row, by its place in `shares`; the rows of one id are all in one part."""
    ends = np.cumsum(shares) / np.sum(shares)
    if identity is not None:
        ids = [str(normalised(value)) for value in people.columns[identity].tolist()]
        return np.searchsorted(ends[:-1], chance(ids, f"mending {seed}"), side="right")
    return np.searchsorted(ends[:-1], _ranks(people, seed), side="right")


def folds_of(people: People, seed: int) -> Array:
    """Which of a few folds each row is in."""
    return np.minimum((_ranks(people, seed + 1) * FOLDS).astype(np.int64), FOLDS - 1)


def _ranks(people: People, seed: int) -> Array:
    """A random rank between 0 and 1 among the rows of the same group and label."""
    cell = people.codes * 2 + people.labels
    generator = np.random.default_rng(seed)
    order = np.lexsort((generator.random(len(people)), cell))
    sizes = np.bincount(cell, minlength=2 * len(people.names))
    within = np.arange(len(people)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # Cells begin at chance, or the few of small cells would all be in the first part.
    start = generator.random(len(sizes))
    ranks = np.empty(len(people))
    ranks[order] = (within / np.maximum(sizes, 1)[cell[order]] + start[cell[order]]) % 1.0
    return ranks
