"""Counts: one contingency table of facet, label, prediction and stratum, and the two sides of a group read off it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

# A table of this many cells is counted into directly; a larger one, mostly empty, by sorting.
MOST_DENSE = 8_000_000


@dataclass(frozen=True)
class Side:
    """The rows of one side by label and prediction; without predictions all are predicted negative."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def rows(self) -> int:
        """All rows."""
        return self.positive + self.negative

    @property
    def positive(self) -> int:
        """Rows labelled positive."""
        return self.true_positive + self.false_negative

    @property
    def negative(self) -> int:
        """Rows labelled otherwise."""
        return self.true_negative + self.false_positive

    @property
    def accepted(self) -> int:
        """Rows predicted positive."""
        return self.true_positive + self.false_positive

    @property
    def rejected(self) -> int:
        """Rows predicted otherwise."""
        return self.true_negative + self.false_negative

    @property
    def correct(self) -> int:
        """Rows predicted as they are labelled."""
        return self.true_positive + self.true_negative


@dataclass(frozen=True, eq=False)
class Sides:
    """The group d and everyone else a; `strata[outcome]` has rows by side (a, d), class (0, 1) and stratum."""

    d: Side
    a: Side
    strata: dict[str, NDArray[np.int64]]

    @property
    def whole(self) -> Side:
        """Both sides together."""
        d, a = self.d, self.a
        return Side(
            d.true_positive + a.true_positive, d.false_positive + a.false_positive,
            d.false_negative + a.false_negative, d.true_negative + a.true_negative,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of the table that have rows: place of the facet value (0: missing), outcomes, stratum (0: none)."""

    facet: Codes
    label: Codes
    predicted: Codes
    stratum: Codes
    rows: Codes
    strata: int
    repeats: Codes | None = None

    @classmethod
    def of(
        cls, facet: Codes, label: Mask, predicted: Mask | None, stratum: Codes | None, repeats: Codes | None = None
    ) -> "Cells":
        """Count the rows; `facet` and `stratum` are places from 0, `repeats` how often each stratum from 1 counts."""
        strata = int(stratum.max(initial=0)) + 1 if stratum is not None else 1
        code = facet * 4 + label * 2
        if predicted is not None:
            code += predicted
        if stratum is not None:
            code = code * strata + stratum
        size = (int(facet.max(initial=0)) + 1) * 4 * strata
        if size <= MOST_DENSE:
            counted = np.bincount(code, minlength=size)
            cells = np.flatnonzero(counted)
            rows = counted[cells]
        else:
            cells, rows = np.unique(code, return_counts=True)
        outcome = cells // strata
        return cls(outcome // 4, outcome // 2 % 2, outcome % 2, cells % strata, rows, strata, repeats)

    def sides(self, group: Mask) -> Sides:
        """The two sides of the facet values that `group` marks, by place."""
        inside = group[self.facet].astype(np.int64)
        table = self._sum(inside * 4 + self.label * 2 + self.predicted, 8).reshape(2, 2, 2)
        outcomes = (("label", self.label), ("predicted", self.predicted))
        return Sides(_side(table[1]), _side(table[0]), {name: self._within(inside, of) for name, of in outcomes})

    def _within(self, inside: Codes, outcome: Codes) -> Codes:
        """The rows by side, outcome and stratum, without those that have no stratum."""
        code = (inside * 2 + outcome) * self.strata + self.stratum
        table = self._sum(code, 4 * self.strata).reshape(2, 2, self.strata)[:, :, 1:]
        return table if self.repeats is None else np.repeat(table, self.repeats[: table.shape[2]], axis=2)

    def _sum(self, code: Codes, size: int) -> Codes:
        return np.bincount(code, weights=self.rows, minlength=size).round().astype(np.int64)


def _side(table: NDArray[Any]) -> Side:
    """The counts of one side, from rows by label and prediction."""
    return Side(int(table[1, 1]), int(table[0, 1]), int(table[1, 0]), int(table[0, 0]))
