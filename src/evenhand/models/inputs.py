"""Inputs: how columns become the numbers that a mended model's members see, and how numbers are moved by group."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from evenhand.core.errors import DataError
from evenhand.core.finding import Fact
from evenhand.core.rule import ANYONE
from evenhand.core.values import normalised

Array = NDArray[Any]
Rows = Mapping[str, Array]


class Coding(Fact):
    """How a column becomes a number: as it is, or by the place of its text among the levels."""

    column: str
    levels: tuple[str, ...] | None = Field(default=None, description="None: the column holds numbers.")


class Move(Fact):
    """Where values of one group go: knots ascending, and the moved knots; beyond them, as far as the outermost."""

    values: tuple[float, ...] = Field(min_length=1)
    moved: tuple[float, ...] = Field(min_length=1)

    def of(self, values: Array) -> Array:
        """The moved values."""
        inside = np.clip(values, self.values[0], self.values[-1])
        return np.asarray(np.interp(inside, self.values, self.moved) + (values - inside))


class Repair(Fact):
    """How an input is moved, group by group, towards what all groups share."""

    amount: float = Field(ge=0, le=1)
    moves: dict[str, Move] = Field(description="By group; '(anyone)' serves groups not among them.")

    def repaired(self, values: Array, groups: Array) -> Array:
        """The moved values; those of groups without a move stay."""
        out = values.copy()
        for name in np.unique(groups):
            move, here = self.moves.get(name, self.moves.get(ANYONE)), groups == name
            if move is not None:
                out[here] += self.amount * (move.of(values[here]) - values[here])
        return out


class Removal(Fact):
    """What is taken from each input, so that it no longer goes with the group: a mean for each group."""

    amount: float = Field(ge=0, le=1)
    shifts: dict[str, tuple[float, ...]] = Field(description="By group: what is subtracted from each input.")


def matrix_of(codings: Sequence[Coding], rows: Rows) -> Array:
    """Numbers of the inputs, rows × inputs; missing, and levels that were not seen, are NaN."""
    if not codings:
        return np.zeros((0, 0))
    return np.column_stack([_coded(each, rows[each.column]) for each in codings])


def _coded(coding: Coding, values: Array) -> Array:
    if coding.levels is None:
        if values.dtype.kind in "biuf":
            return values.astype(np.float64)
        return np.array([_number(value) for value in values.tolist()])
    places: dict[str | None, float] = {level: float(place) for place, level in enumerate(coding.levels)}
    return np.array([places.get(level_text(value), np.nan) for value in values.tolist()])


def _number(value: Any) -> float:
    plain = normalised(value)
    try:
        return np.nan if plain is None else float(plain)
    except ValueError:
        raise DataError(f"{plain!r} is no number, and the mended model learnt this column as numbers.") from None


def level_text(value: Any) -> str | None:
    """The text of a level; None where it is missing."""
    plain = normalised(value)
    return None if plain is None else str(plain)
