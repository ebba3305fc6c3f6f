"""Confusion: how decisions meet labels in each group — four counts a group, and what follows from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Rate = Literal["selection", "true positive", "false positive"]

FIRST, FEW = 1000, 12


@dataclass(frozen=True, eq=False)
class Confusion:
    """Rows (or weight) by group: `cells` has shape (..., groups, label, decision), draws first where there are any."""

    groups: tuple[str, ...]
    cells: Array

    @classmethod
    def of(
        cls, groups: Sequence[str], codes: Array, labels: Array, decisions: Array, weight: Array | None = None
    ) -> "Confusion":
        """Count rows: the place of each row's group in `groups`, its label and its decision (0 or 1)."""
        place = (codes.astype(np.int64) * 2 + labels.astype(np.int64)) * 2 + decisions.astype(np.int64)
        found = np.bincount(place, weight, 4 * len(groups)).reshape(len(groups), 2, 2)
        return cls(tuple(groups), found.astype(np.float64))

    @property
    def sizes(self) -> Array:
        """Rows of each group."""
        return np.asarray(self.cells.sum(axis=(-1, -2)))

    @property
    def accuracy(self) -> Array:
        """The share of right decisions."""
        right = self.cells[..., 0, 0] + self.cells[..., 1, 1]
        return np.asarray(right.sum(axis=-1) / self.cells.sum(axis=(-1, -2, -3)))

    def rate(self, rate: Rate) -> Array:
        """A rate of each group, NaN where no row of the group can have it."""
        if rate == "selection":
            return _share(self.cells[..., 1].sum(axis=-1), self.sizes)
        label = int(rate == "true positive")
        return _share(self.cells[..., label, 1], self.cells[..., label, :].sum(axis=-1))

    @property
    def errors(self) -> Array:
        """The share of wrong decisions in each group."""
        return _share(self.cells[..., 0, 1] + self.cells[..., 1, 0], self.sizes)

    def drawn(self, draws: int, seed: int) -> "Confusion":
        """Bootstrap draws: resampling rows with replacement is one multinomial draw over the cells (Efron 1979)."""
        total, shape = self.cells.sum(), self.cells.shape
        generator = np.random.default_rng(seed)
        found = generator.multinomial(round(float(total)), (self.cells / total).ravel(), size=draws)
        return Confusion(self.groups, found.reshape(draws, *shape).astype(np.float64))


def grouped(groups: Array) -> tuple[tuple[str, ...], Array]:
    """The distinct texts of groups, sorted, and each row's place among them.

    Texts are told apart by a number made of their characters, and the answer is compared with the texts: sorting a
    million texts takes twenty times longer.
    """
    texts = np.ascontiguousarray(groups).astype(str, copy=False)
    if not len(texts):
        return (), np.zeros(0, np.int64)
    numbers = _numbers(texts)
    distinct, places = _placed(numbers)
    rows = np.empty(len(distinct), np.int64)
    rows[places] = np.arange(len(texts))
    found = texts[rows]
    if not (texts == found[places]).all():  # two texts of one number
        names, places = np.unique(texts, return_inverse=True)
        return tuple(names.tolist()), places
    order = np.argsort(found)
    return tuple(found[order].tolist()), np.argsort(order)[places]


def _placed(numbers: Array) -> tuple[Array, Array]:
    """The distinct numbers and each one's place; a few, which the first rows show, are found without a sort of all."""
    distinct = np.unique(numbers[:FIRST])
    if len(distinct) <= FEW:
        places = np.searchsorted(distinct, numbers).clip(max=len(distinct) - 1)
        if (distinct[places] == numbers).all():
            return distinct, places
    distinct = np.unique(numbers)
    return distinct, np.searchsorted(distinct, numbers)


def _numbers(texts: Array) -> Array:
    """A number for each text: a polynomial in its characters, modulo 2^64."""
    characters = texts.view(np.uint32).reshape(len(texts), -1)
    found = np.zeros(len(texts), np.uint64)
    for column in characters.T:
        found *= np.uint64(0x9E3779B97F4A7C15)
        found += column
    return found


def _share(part: Array, whole: Array) -> Array:
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) > 0))
