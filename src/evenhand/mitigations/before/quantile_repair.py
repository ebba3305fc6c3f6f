"""Quantile repair: features are moved, group by group, along their quantiles to what is common to all groups.

Feldman et al., Certifying and Removing Disparate Impact (2015), whose common distribution is the median over groups of
their quantiles; the barycentre is the mean, by size of the groups, which moves values least (Gouic et al. 2020).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from evenhand.core.confusion import grouped
from evenhand.core.errors import SpecError, suggestion
from evenhand.core.rule import ANYONE
from evenhand.mitigations.before.repairing import Repairing
from evenhand.mitigations.facets import facet_texts

Array = NDArray[Any]
Common = Literal["median", "barycentre"]

# Values of a group that are kept apart; between them, moves are interpolated.
KNOTS = 1000
# Levels at which what is common is worked out.
LEVELS = 4 * KNOTS


@dataclass(frozen=True, eq=False)
class Move:
    """Where values of one group go: knots ascending, and the moved knots."""

    values: Array
    moved: Array

    def of(self, values: Array) -> Array:
        """The moved values; beyond the outermost knots, values move as far as those do."""
        inside = np.clip(values, self.values[0], self.values[-1])
        return np.asarray(np.interp(inside, self.values, self.moved) + (values - inside))


@dataclass(frozen=True, eq=False)
class Moves:
    """For each column, the move of each group; '(anyone)' serves groups that were not seen."""

    columns: tuple[dict[str, Move], ...]

    def of(self, values: Array, groups: Array) -> Array:
        """The moved values, shape (rows, columns); missing ones stay missing."""
        names, places = grouped(groups)
        order = np.argsort(places, kind="stable")
        ends = np.cumsum(np.bincount(places, minlength=len(names)))
        out = values.astype(np.float64)
        for name, here in zip(names, np.split(order, ends[:-1]), strict=True):
            for column, moves in enumerate(self.columns):
                move = moves.get(name) or moves.get(ANYONE)
                out[here, column] = move.of(values[here, column]) if move else values[here, column]
        return out


def fit_repair(values: Array, groups: Array, *, weight: Array | None = None, common: Common = "median") -> Moves:
    """The moves that give every column (shape (rows, columns)) the same distribution in each group.

    Distributions differ at most by half the largest ties of two groups; the order inside a group is kept. A group's
    ties stay together, because nothing but the value decides. Raises SpecError for another `common`.
    """
    if common not in get_args(Common):
        raise SpecError(f"common is {common!r}.{suggestion(str(common), list(get_args(Common)))}")
    mass = np.ones(len(values)) if weight is None else weight.astype(np.float64)
    return Moves(tuple(_column(column, groups, mass, common) for column in values.T))


@dataclass(frozen=True, eq=False)
class _Quantiles:
    """Distinct values of a group, ascending, and the share of its weight up to each."""

    values: Array
    up_to: Array
    size: float

    @classmethod
    def of(cls, values: Array, mass: Array) -> "_Quantiles":
        distinct, places = np.unique(values, return_inverse=True)
        held = np.bincount(places, mass, len(distinct))
        return cls(distinct, np.cumsum(held) / held.sum(), float(held.sum()))

    @property
    def levels(self) -> Array:
        """The middle of each value's share, strictly ascending."""
        return np.asarray((np.concatenate(([0.0], self.up_to[:-1])) + self.up_to) / 2)

    def at(self, levels: Array) -> Array:
        """The smallest value that the level's share lies at or below."""
        return np.asarray(self.values[np.searchsorted(self.up_to, levels).clip(max=len(self.values) - 1)])

    @property
    def knots(self) -> Array:
        """Places of values that are kept apart; every value with more than a thousandth of the weight is among them."""
        if len(self.values) <= KNOTS:
            return np.arange(len(self.values))
        inner = np.searchsorted(self.up_to, (np.arange(KNOTS) + 0.5) / KNOTS)
        return np.unique(np.concatenate(([0], inner.clip(max=len(self.values) - 1), [len(self.values) - 1])))


def _column(values: Array, groups: Array, mass: Array, common: Common) -> dict[str, Move]:
    known = ~np.isnan(values) & (mass > 0)
    if not known.any():
        return {}
    values, mass = values[known], mass[known]
    names, places = grouped(groups[known])
    order = np.argsort(places, kind="stable")
    ends = np.cumsum(np.bincount(places, minlength=len(names)))
    found = [_Quantiles.of(values[here], mass[here]) for here in np.split(order, ends[:-1])]
    levels = np.unique(np.concatenate([each.levels[each.knots] for each in found]))
    if len(levels) > LEVELS:
        levels = levels[np.linspace(0, len(levels) - 1, LEVELS).round().astype(int)]
    target = _common(np.array([each.at(levels) for each in found]), np.array([each.size for each in found]), common)
    moves = {name: _move(each, levels, target) for name, each in zip(names, found, strict=True)}
    return moves | {ANYONE: _move(_Quantiles.of(values, mass), levels, target)}


def _common(quantiles: Array, sizes: Array, common: Common) -> Array:
    """The quantiles that all groups shall have; quantiles has shape (groups, levels)."""
    if common == "median" or len(quantiles) == 1:
        return np.asarray(np.median(quantiles, axis=0))
    # Rounding may turn a mean of ascending numbers down by a hair.
    return np.asarray(np.maximum.accumulate(sizes @ quantiles / sizes.sum()))


def _move(found: _Quantiles, levels: Array, target: Array) -> Move:
    knots = found.knots
    places = np.searchsorted(levels, found.levels[knots]).clip(max=len(levels) - 1)
    return Move(found.values[knots], target[places])


class QuantileRepair(Repairing):
    """A transformer after which numeric columns say nothing of the facet, each taken alone; needs the facet always.

    `amount` 0 leaves everything, 1 repairs in full. `columns` are the ones to repair, all numeric ones without it.
    `result_` holds the `Moves`.
    """

    def __init__(self, *, columns: Sequence[Any] | None = None, amount: float = 1.0, common: Common = "median") -> None:
        self.columns = columns
        self.amount = amount
        self.common = common

    def _learned(self, values: Array, facet: Any, weight: Array) -> Moves:
        return fit_repair(values, facet_texts(facet, len(values)), weight=weight, common=self.common)

    def _moved(self, values: Array, facet: Any) -> Array:
        found: Moves = self.result_
        return found.of(values, facet_texts(facet, len(values)))
