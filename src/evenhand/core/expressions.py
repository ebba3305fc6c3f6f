"""Expressions: the few operations on columns that every engine computes alike, so that one question runs on all."""

from collections.abc import Sequence
from typing import Any, Protocol

from evenhand.core.values import Value

# An expression belongs to its engine (a narwhals Expr, an SQLAlchemy ColumnElement); core only passes it on.
Expression = Any


class Expressions(Protocol):
    """Builds expressions over the columns of one frame; every one is null where its input is missing or NaN."""

    def column(self, name: str) -> Expression:
        """The column as it is, with NaN as null; raises ColumnNotFound."""

    def number(self, name: str) -> Expression:
        """The column as a float; raises DataError where the column does not hold numbers."""

    def coerced(self, name: str, values: Sequence[Value]) -> list[Value]:
        """The values in the type of the column; raises DataError where that cannot be."""

    def among(self, expression: Expression, values: Sequence[Value]) -> Expression:
        """Whether the value is one of those listed."""

    def between(
        self, expression: Expression, low: float | None, high: float | None, includes_low: bool, includes_high: bool
    ) -> Expression:
        """Whether the number lies in the range."""

    def missing(self, expression: Expression) -> Expression:
        """Whether there is no value."""

    def all_of(self, parts: Sequence[Expression]) -> Expression:
        """Three-valued `and`."""

    def any_of(self, parts: Sequence[Expression]) -> Expression:
        """Three-valued `or`."""

    def negated(self, part: Expression) -> Expression:
        """Three-valued `not`."""

    def cut(self, expression: Expression, edges: Sequence[float]) -> Expression:
        """How many of the ascending edges are at most the number."""

    def linear_bin(self, expression: Expression, low: float, high: float, bins: int) -> Expression:
        """The equal-width bin of a number: 0 … bins-1, -1 below `low`, `bins` above `high`."""

    def signed_log_bin(self, expression: Expression, steps: int, low_exponent: int, high_exponent: int) -> Expression:
        """The bin of a signed number, `steps` to each doubling: 0 for tiny numbers, negative for negative ones."""

    def constant(self, value: float) -> Expression:
        """The same number in every row."""

    def plus(self, first: Expression, second: Expression) -> Expression:
        """The sum of two numbers."""

    def minus(self, first: Expression, second: Expression) -> Expression:
        """The difference of two numbers."""

    def times(self, first: Expression, second: Expression) -> Expression:
        """The product of two numbers."""
