"""Correlation: what facets explain linearly is taken out of features, which leaves the residuals of least squares."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array, hstack

from evenhand.core.errors import DataError
from evenhand.mitigations.before.repairing import Repairing
from evenhand.mitigations.facets import facet_texts

Array = NDArray[Any]

# Residuals are taken again of residuals, until rounding is all that is left.
ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Facets:
    """How facets become numbers: a column for each value; for a facet that is a number, its standardised value."""

    values: tuple[tuple[str, ...] | None, ...]  # none for a number
    centres: tuple[float, ...]
    scales: tuple[float, ...]

    @classmethod
    def of(cls, columns: Array, numbers: Sequence[int]) -> "Facets":
        """Learn from columns of facets, shape (rows, facets), some of which are numbers; raises DataError."""
        for place in numbers:
            if not 0 <= place < columns.shape[1]:
                raise DataError(f"numbers names facet {place}; there are {columns.shape[1]} facets, counted from 0.")
        every = range(columns.shape[1])
        values = tuple(None if place in numbers else _distinct(columns[:, place]) for place in every)
        moments = [_moments(columns[:, place]) if place in numbers else (0.0, 1.0) for place in every]
        return cls(values, tuple(centre for centre, _ in moments), tuple(scale for _, scale in moments))

    def design(self, columns: Array) -> tuple[csr_array, Array]:
        """A row of numbers for each row, and whether each facet's value was seen, shape (rows, facets)."""
        if columns.shape[1] != len(self.values):
            raise DataError(f"There are {columns.shape[1]} facets where {len(self.values)} were fitted.")
        parts, seen = [], np.ones(columns.shape, bool)
        for place, values in enumerate(self.values):
            if values is None:
                numbers = (_floats(columns[:, place]) - self.centres[place]) / self.scales[place]
                missing = np.isnan(numbers)
                # A missing number is a value of its own, at the centre.
                parts.append(csr_array(np.column_stack([np.where(missing, 0.0, numbers), missing.astype(float)])))
            else:
                part, seen[:, place] = _indicators(columns[:, place], values)
                parts.append(part)
        return csr_array(hstack(parts)), seen

    @property
    def widths(self) -> tuple[int, ...]:
        """How many numbers each facet has."""
        return tuple(2 if values is None else len(values) for values in self.values)


@dataclass(frozen=True, eq=False)
class Removal:
    """What is taken out: for each column of numbers of facets, its mean, and its effect on each feature."""

    facets: Facets
    means: Array  # (facet numbers, features): features may be known in different rows
    effects: Array  # (facet numbers, features)

    def residuals(self, values: Array, columns: Array) -> Array:
        """The features without what the facets explain; a facet's value that was not seen explains nothing."""
        design, seen = self.facets.design(columns)
        shared = np.einsum("kf,kf->kf", self.means, self.effects)
        out = values - design @ self.effects
        # The mean is given back for each facet whose value is known.
        start = 0
        for place, width in enumerate(self.facets.widths):
            out += np.outer(seen[:, place], shared[start : start + width].sum(axis=0))
            start += width
        return np.asarray(out)


def fit_removal(values: Array, facets: Array, *, weight: Array | None = None, numbers: Sequence[int] = ()) -> Removal:
    """Least squares of features, shape (rows, features), on all facets, shape (rows, facets), together.

    Facets are taken by value, but those at the places `numbers`, such as an age, as numbers. The residuals have no
    correlation with any facet or any value of it. Missing features are left out, missing facets are a value. Raises
    DataError for a place that is no facet, or a number that is none.
    """
    known = Facets.of(facets, numbers)
    design = known.design(facets)[0]
    mass = np.ones(len(values)) if weight is None else weight.astype(np.float64)
    means, effects = (np.zeros((design.shape[1], values.shape[1])) for _ in range(2))
    missing = np.isnan(values)
    complete = np.flatnonzero(~missing.any(axis=0))
    lots = [(complete, np.ones(len(values), bool))] if len(complete) else []
    lots += [(np.array([column]), ~missing[:, column]) for column in np.flatnonzero(missing.any(axis=0))]
    for lot, rows in lots:
        if mass[rows].sum() > 0:
            centre, effect = _least_squares(values[np.ix_(rows, lot)], design[rows], mass[rows])
            means[:, lot], effects[:, lot] = centre[:, None], effect
    return Removal(known, means, effects)


def _least_squares(values: Array, design: csr_array, mass: Array) -> tuple[Array, Array]:
    """The weighted mean of each column of the design, and the effects of least norm on centred values.

    By normal equations, which a million rows and a thousand groups can have; repeated on the residuals, which gives
    back the digits that these lose.
    """
    share = mass / mass.sum()
    centre = design.T @ share
    gram = (design.T @ diags_array(share) @ design).toarray() - np.outer(centre, centre)
    inverse = np.linalg.pinv(gram, rcond=1e-12, hermitian=True)
    rest, effects = values - share @ values, np.zeros((len(centre), values.shape[1]))
    for _ in range(ROUNDS):
        step = inverse @ (design.T @ (share[:, None] * rest) - np.outer(centre, share @ rest))
        effects += step
        rest = rest - (design @ step - centre @ step)
    return centre, effects


def _distinct(column: Array) -> tuple[str, ...]:
    return tuple(np.unique(facet_texts(column, len(column))).tolist())


def _moments(column: Array) -> tuple[float, float]:
    """Mean and standard deviation of the known numbers, to scale by."""
    known = _floats(column)
    known = known[~np.isnan(known)]
    return (float(known.mean()), float(known.std()) or 1.0) if len(known) else (0.0, 1.0)


def _indicators(column: Array, values: tuple[str, ...]) -> tuple[csr_array, Array]:
    """A one in the column of each row's value, and which rows' values are among them."""
    texts = facet_texts(column, len(column))
    codes = np.searchsorted(values, texts).clip(max=len(values) - 1)
    seen = np.asarray(values)[codes] == texts
    rows = np.flatnonzero(seen)
    return csr_array((np.ones(len(rows)), (rows, codes[rows])), shape=(len(column), len(values))), seen


def _floats(column: Array) -> Array:
    try:
        found = np.array([np.nan if value is None else float(value) for value in column.tolist()])
    except (TypeError, ValueError):
        raise DataError("A facet that is taken as a number holds something else; leave it out of `numbers`.") from None
    if np.isinf(found).any():
        raise DataError("A facet that is taken as a number holds infinite values; make them finite or missing.")
    return found


def facet_columns(facet: Any, rows: int) -> Array:
    """The facets as columns, shape (rows, facets), none without any; raises DataError where they do not fit."""
    if facet is None:
        return np.empty((rows, 0), object)
    values = np.asarray(facet, dtype=object)
    facet_texts(values, rows)
    return values.reshape(rows, -1)


class CorrelationRemover(Repairing):
    """A transformer after which numeric columns have no linear relation to the facets; needs them always.

    Facets are taken by value; those at the places `numbers` as numbers. `amount` 0 leaves everything, 1 takes all of
    it out. `columns` are the ones to change, all numeric ones without it. `result_` holds the `Removal`.
    """

    def __init__(
        self, *, columns: Sequence[Any] | None = None, amount: float = 1.0, numbers: Sequence[int] = ()
    ) -> None:
        self.columns = columns
        self.amount = amount
        self.numbers = numbers

    def _learned(self, values: Array, facet: Any, weight: Array) -> Removal | None:
        facets = facet_columns(facet, len(values))
        if not facets.shape[1]:
            return None
        return fit_removal(values, facets, weight=weight, numbers=self.numbers)

    def _moved(self, values: Array, facet: Any) -> Array:
        found: Removal | None = self.result_
        return values if found is None else found.residuals(values, facet_columns(facet, len(values)))
