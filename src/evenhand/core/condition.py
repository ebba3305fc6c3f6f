"""Conditions: the parts a group is made of, what columns they read, and how they look to an engine."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from evenhand.core.errors import SpecError
from evenhand.core.expressions import Expression, Expressions
from evenhand.core.values import Value


@dataclass(frozen=True)
class Among:
    """Rows whose value in `column` is one of `values`."""

    column: str
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise SpecError(f"The group on {self.column!r} lists no value; give at least one.")
        object.__setattr__(self, "values", tuple(dict.fromkeys(self.values)))


@dataclass(frozen=True)
class Range:
    """Rows whose number in `column` lies between `low` and `high` (`None`: no bound on that side)."""

    column: str
    low: float | None
    high: float | None
    includes_low: bool = True
    includes_high: bool = False

    def __post_init__(self) -> None:
        bounds = [bound for bound in (self.low, self.high) if bound is not None]
        if not bounds or not all(math.isfinite(bound) for bound in bounds):
            raise SpecError(f"The range on {self.column!r} needs a finite bound on at least one side.")
        if len(bounds) == 2 and bounds[0] > bounds[1]:
            raise SpecError(f"The range on {self.column!r} is empty: {bounds[0]} is above {bounds[1]}.")


@dataclass(frozen=True)
class Missing:
    """Rows with no value in `column`."""

    column: str


@dataclass(frozen=True)
class Both:
    """Rows for which every part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class Either:
    """Rows for which at least one part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class Other:
    """Rows for which the part is known not to hold."""

    part: "Condition"


Comparison = Among | Range | Missing
Condition = Comparison | Both | Either | Other


def columns(condition: Condition) -> Iterator[str]:
    """The columns a condition reads, in order, repeated where it repeats them."""
    return (comparison.column for comparison in comparisons(condition))


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """What a condition compares, in order, repeated where it repeats them."""
    match condition:
        case Both(parts) | Either(parts):
            for part in parts:
                yield from comparisons(part)
        case Other(part):
            yield from comparisons(part)
        case _:
            yield condition


def expression(condition: Condition, expressions: Expressions) -> Expression:
    """The condition as an engine's boolean expression."""
    match condition:
        case Among(column, values):
            return expressions.among(expressions.column(column), expressions.coerced(column, values))
        case Range(column, low, high, includes_low, includes_high):
            return expressions.between(expressions.number(column), low, high, includes_low, includes_high)
        case Missing(column):
            return expressions.missing(expressions.column(column))
        case Both(parts):
            return expressions.all_of([expression(part, expressions) for part in parts])
        case Either(parts):
            return expressions.any_of([expression(part, expressions) for part in parts])
        case Other(part):
            return expressions.negated(expression(part, expressions))
