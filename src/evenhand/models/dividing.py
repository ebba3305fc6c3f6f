"""Dividing: how people are put into groups — by a column's values, by its ranges, or one group against the rest."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from evenhand.core.condition import Among, Both, Condition, Either, Missing, Other, Range
from evenhand.core.errors import DataError
from evenhand.core.facet import Facet
from evenhand.core.finding import Fact
from evenhand.core.group import Group
from evenhand.core.values import normalised

Array = NDArray[Any]
Rows = Mapping[str, Array]

MISSING, EVERYONE = "(missing)", "(everyone)"


class Dividing(Fact):
    """What people are divided by: a column's values, its ranges cut at these numbers, or a group and its rest."""

    column: str = Field(default="", description="Empty where there is a group.")
    cuts: tuple[float, ...] = ()
    group: str | None = Field(default=None, description="A condition such as sex=Female, against all others.")

    @field_validator("group")
    @classmethod
    def _read(cls, group: str | None) -> str | None:
        """The text as it is written; raises GroupSyntaxError for one that is no condition."""
        return None if group is None else str(Group.parse(group))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that must be known."""
        return (self.column,) if self.group is None else Group.parse(self.group).columns

    def texts(self, rows: Rows) -> list[str]:
        """The text of each row's group."""
        if self.group is not None:
            return _sides(Group.parse(self.group), rows)
        return _texts(self.column, rows[self.column], self.cuts)


def dividing(text: str, columns: Sequence[str]) -> Dividing:
    """What a facet's text divides by: race, age@25,45, or sex=Female against the rest; raises GroupSyntaxError."""
    facet = Facet.parse(text, columns)
    if facet.column is None:
        return Dividing(group=str(facet.group))
    return Dividing(column=facet.column, cuts=facet.cuts)


def groups_of(facets: Sequence[Dividing], rows: Rows, height: int) -> Array:
    """The text of each row's group; several facets are crossed, and missing is a group of its own."""
    if not facets:
        return np.full(height, EVERYONE)
    texts = [each.texts(rows) for each in facets]
    return np.array([" & ".join(parts) for parts in zip(*texts, strict=True)], dtype=str)


def _texts(column: str, values: Array, cuts: Sequence[float]) -> list[str]:
    plain = [normalised(value) for value in values.tolist()]
    if not cuts:
        known = {value: MISSING if value is None else str(value) for value in set(plain)}
        return [known[value] for value in plain]
    return [MISSING if np.isnan(value) else _range(value, cuts) for value in _numbers(column, values).tolist()]


def _range(value: float, cuts: Sequence[float]) -> str:
    place = int(np.searchsorted(cuts, value, side="right"))
    if place == 0:
        return f"below {cuts[0]:g}"
    return f"{cuts[place - 1]:g} or more" if place == len(cuts) else f"{cuts[place - 1]:g} to below {cuts[place]:g}"


def _sides(group: Group, rows: Rows) -> list[str]:
    inside, unknown = _holds(group.condition, rows)
    names = (f"not ({group})", str(group))
    return [MISSING if lost else names[int(member)] for lost, member in zip(unknown, inside, strict=True)]


def _holds(condition: Condition, rows: Rows) -> tuple[Array, Array]:
    """For which rows a condition is true, and for which it is unknown (three-valued logic, as in SQL)."""
    match condition:
        case Both(parts):
            return _both([_holds(part, rows) for part in parts])
        case Either(parts):
            inside, unknown = _both([_opposite(*_holds(part, rows)) for part in parts])
            return _opposite(inside, unknown)
        case Other(part):
            return _opposite(*_holds(part, rows))
        case Missing(column):
            missing = _missing(rows[column])
            return missing, np.zeros(len(missing), bool)
        case Among(column, values):
            wanted = {_text(value) for value in values}
            plain = rows[column].tolist()
            return np.array([_text(value) in wanted for value in plain], bool), _missing(rows[column])
        case Range():
            return _within(condition, _numbers(condition.column, rows[condition.column]))


def _both(parts: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    inside = np.all([inside for inside, _ in parts], axis=0)
    outside = np.any([~inside & ~unknown for inside, unknown in parts], axis=0)
    return inside, ~inside & ~outside


def _opposite(inside: Array, unknown: Array) -> tuple[Array, Array]:
    return ~inside & ~unknown, unknown


def _within(wanted: Range, numbers: Array) -> tuple[Array, Array]:
    inside = np.ones(len(numbers), bool)
    if wanted.low is not None:
        inside &= numbers >= wanted.low if wanted.includes_low else numbers > wanted.low
    if wanted.high is not None:
        inside &= numbers <= wanted.high if wanted.includes_high else numbers < wanted.high
    return inside, np.isnan(numbers)


def _missing(values: Array) -> Array:
    return np.array([normalised(value) is None for value in values.tolist()], bool)


def _text(value: Any) -> str | None:
    plain = normalised(value)
    return None if plain is None else str(plain).lower() if isinstance(plain, bool) else str(plain)


def _numbers(column: str, values: Array) -> Array:
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    plain = [normalised(value) for value in values.tolist()]
    try:
        return np.array([np.nan if value is None else float(value) for value in plain])
    except ValueError:
        raise DataError(f"Column {column!r} holds text, where numbers are needed for its ranges.") from None
