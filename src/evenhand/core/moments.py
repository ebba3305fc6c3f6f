"""Moments: sums over explained rows that importances and differences between groups are made of; tallies of reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# The facet and the group whose rows they are; both None for everybody.
Slice = tuple[str | None, str | None]
Slices = Mapping[Slice, "Moments"]
EVERYBODY: Slice = (None, None)


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over rows, so that those of two tables are those of the one with both.

    `counts` has the number of rows, once for each output. `sums` is statistics × players × outputs: of φ, φ², φ⁴, the
    sizes |φ| without what noise adds, their squares, and the squared standard errors.
    """

    counts: Floats
    sums: Floats

    @classmethod
    def of(cls, values: Floats, errors: Floats, sizes: Floats) -> "Moments":
        """Those of these rows; all are rows × players × outputs."""
        squares = np.square(values)
        parts = (values, squares, np.square(squares), sizes, np.square(sizes), np.square(errors))
        sums = np.stack([part.sum(axis=0) for part in parts])
        return cls(np.full(values.shape[2], float(len(values))), sums)

    @classmethod
    def none(cls, players: int, outputs: int) -> "Moments":
        """Those of no rows."""
        return cls(np.zeros(outputs), np.zeros((6, players, outputs)))

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.counts + other.counts, self.sums + other.sums)

    @property
    def rows(self) -> int:
        """How many rows these are the sums of."""
        return int(self.counts[0])

    @property
    def signed(self) -> Floats:
        """The mean attribution; players × outputs, as all that follow."""
        return self._mean(0)

    @property
    def signed_variance(self) -> Floats:
        """The variance of attributions between rows, these taken as a sample."""
        return self._variance(0, 1)

    @property
    def square(self) -> Floats:
        """The mean squared attribution, with what noise adds."""
        return self._mean(1)

    @property
    def square_variance(self) -> Floats:
        """The variance of squared attributions between rows."""
        return self._variance(1, 2)

    @property
    def size(self) -> Floats:
        """The mean size of attributions without what noise adds."""
        return self._mean(3)

    @property
    def size_variance(self) -> Floats:
        """The variance of these sizes between rows."""
        return self._variance(3, 4)

    @property
    def noise(self) -> Floats:
        """The mean squared standard error of a row."""
        return self._mean(5)

    def _mean(self, place: int) -> Floats:
        found: Floats = self.sums[place] / self.counts
        return found

    def _variance(self, first: int, second: int) -> Floats:
        if self.rows < 2:
            return np.zeros_like(self.sums[first])
        left = self.sums[second] - np.square(self.sums[first]) / self.counts
        # What is left of equal numbers is rounding.
        sure = left > 4 * np.finfo(float).eps * self.sums[second]
        return np.where(sure, left, 0.0) / (self.counts - 1)


def added(parts: Sequence[Slices]) -> dict[Slice, Moments]:
    """The moments of all parts, slice by slice."""
    found: dict[Slice, Moments] = {}
    for part in parts:
        for key, moments in part.items():
            found[key] = found[key] + moments if key in found else moments
    return found
