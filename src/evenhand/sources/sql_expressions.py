"""Expressions in SQLAlchemy, for every database it speaks to."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from evenhand.core.errors import ColumnNotFound
from evenhand.core.values import Kind, Value, coerced
from evenhand.sources.binning import EDGE
from evenhand.sources.kinds import not_numbers

Element = sa.ColumnElement[Any]
LOG2 = "evenhand_log2"  # SQLite has no logarithm unless compiled so; `sql_databases` gives it this one


class SQLExpressions:
    """Builds expressions over the columns c0, c1, … of a selection, in the order of `kinds`."""

    def __init__(self, kinds: Mapping[str, Kind], source: sa.Subquery, dialect: str) -> None:
        self._kinds, self._dialect = kinds, dialect
        self._columns = {name: source.c[f"c{place}"] for place, name in enumerate(kinds)}

    def column(self, name: str) -> Element:
        """The column as it is; dates and other kinds as text."""
        column = self._column(name)
        return sa.cast(column, sa.Text) if self._kinds[name] == "other" else column

    def number(self, name: str) -> Element:
        """The column as a float."""
        column = self._column(name)
        if self._kinds[name] != "number":
            raise not_numbers(name, self._kinds[name])
        return sa.cast(column, sa.Double)

    def coerced(self, name: str, values: Sequence[Value]) -> list[Value]:
        """The values in the type of the column."""
        self._column(name)
        return coerced(name, self._kinds[name], values)

    def among(self, expression: Element, values: Sequence[Value]) -> Element:
        """Whether the value is one of those listed."""
        return sa.or_(*(expression == _bound(value) for value in values)) if values else sa.false()

    def between(
        self, expression: Element, low: float | None, high: float | None, includes_low: bool, includes_high: bool
    ) -> Element:
        """Whether the number lies in the range."""
        parts = []
        if low is not None:
            parts.append(expression >= _double(low) if includes_low else expression > _double(low))
        if high is not None:
            parts.append(expression <= _double(high) if includes_high else expression < _double(high))
        return self.all_of(parts)

    def missing(self, expression: Element) -> Element:
        """Whether there is no value."""
        return expression.is_(None)

    def all_of(self, parts: Sequence[Element]) -> Element:
        """Three-valued `and`."""
        return sa.and_(*parts) if parts else sa.true()

    def any_of(self, parts: Sequence[Element]) -> Element:
        """Three-valued `or`."""
        return sa.or_(*parts) if parts else sa.false()

    def negated(self, part: Element) -> Element:
        """Three-valued `not`."""
        return sa.not_(part)

    def cut(self, expression: Element, edges: Sequence[float]) -> Element:
        """How many of the ascending edges are at most the number."""
        above = [(expression >= _double(edge), sa.literal(place + 1)) for place, edge in enumerate(edges)]
        return sa.case(*reversed(above), (expression.is_not(None), sa.literal(0)), else_=sa.null())

    def linear_bin(self, expression: Element, low: float, high: float, bins: int) -> Element:
        """The equal-width bin of a number: 0 … bins-1, -1 below `low`, `bins` above `high`."""
        place = (expression - _double(low)) / _double(high - low) * _double(float(bins))
        return sa.case(
            (expression < _double(low), sa.literal(-1)),
            (expression > _double(high), sa.literal(bins)),
            (place >= _double(bins - 1.0), sa.literal(bins - 1)),
            (expression.is_not(None), self._floor(place)),
            else_=sa.null(),
        )

    def signed_log_bin(self, expression: Element, steps: int, low_exponent: int, high_exponent: int) -> Element:
        """The bin of a signed number, `steps` to each doubling: 0 for tiny numbers, negative for negative ones."""
        tiny, most = _double(2.0**low_exponent), (high_exponent - low_exponent) * steps
        size = sa.case((sa.func.abs(expression) >= tiny, sa.func.abs(expression)), else_=tiny)
        place = (self._log2(size) - _double(float(low_exponent))) * _double(float(steps)) + _double(EDGE)
        step = sa.case((place >= _double(float(most)), sa.literal(most + 1)), else_=self._floor(place) + 1)
        return sa.case(
            (expression >= tiny, step),
            (expression <= -tiny, -step),
            (expression.is_not(None), sa.literal(0)),
            else_=sa.null(),
        )

    def constant(self, value: float) -> Element:
        """The same number in every row."""
        return _double(float(value))

    def plus(self, first: Element, second: Element) -> Element:
        """The sum of two numbers."""
        return first + second

    def minus(self, first: Element, second: Element) -> Element:
        """The difference of two numbers."""
        return first - second

    def times(self, first: Element, second: Element) -> Element:
        """The product of two numbers."""
        return first * second

    def _floor(self, expression: Element) -> Element:
        # SQLite may lack floor(), but its cast cuts, which is the same for what is floored here: never negative.
        return sa.cast(expression if self._dialect == "sqlite" else sa.func.floor(expression), sa.BigInteger)

    def _log2(self, expression: Element) -> Element:
        if self._dialect == "sqlite":
            return sa.func.__getattr__(LOG2)(expression, type_=sa.Double)
        return sa.func.ln(expression, type_=sa.Double) / _double(math.log(2))

    def _column(self, name: str) -> Element:
        if name not in self._columns:
            raise ColumnNotFound(name, self._kinds)
        return self._columns[name]


def _double(value: float) -> Element:
    return sa.cast(sa.literal(value, sa.Double), sa.Double)


def _bound(value: Value) -> Element:
    if isinstance(value, bool):
        return sa.literal(value, sa.Boolean)
    if isinstance(value, str):
        return sa.literal(value, sa.Text)
    return sa.literal(value, sa.BigInteger) if isinstance(value, int) else _double(value)
