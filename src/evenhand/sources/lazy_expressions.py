"""Expressions in narwhals, for engines that it compiles to: Spark, and every database that Ibis speaks to."""

from collections.abc import Mapping, Sequence

import narwhals as nw

from evenhand.core.errors import ColumnNotFound
from evenhand.core.values import Kind, Value, coerced
from evenhand.sources.binning import EDGE
from evenhand.sources.kinds import not_numbers


class LazyExpressions:
    """Builds expressions over columns called c0, c1, …, in the order of `kinds`; no name of the data is in a query."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self._kinds = kinds
        self._aliases = {name: f"c{place}" for place, name in enumerate(kinds)}

    def column(self, name: str) -> nw.Expr:
        """The column as it is; dates and other kinds as text."""
        column = nw.col(self._alias(name))
        return column.cast(nw.String) if self._kinds[name] == "other" else column

    def number(self, name: str) -> nw.Expr:
        """The column as a float."""
        alias = self._alias(name)
        if self._kinds[name] != "number":
            raise not_numbers(name, self._kinds[name])
        return nw.col(alias).cast(nw.Float64)

    def coerced(self, name: str, values: Sequence[Value]) -> list[Value]:
        """The values in the type of the column."""
        self._alias(name)
        return coerced(name, self._kinds[name], values)

    def among(self, expression: nw.Expr, values: Sequence[Value]) -> nw.Expr:
        """Whether the value is one of those listed."""
        # A list of SQL must not be empty; compared one by one, a missing value stays missing on every engine.
        return self.any_of([expression == nw.lit(value) for value in values]) if values else _known(expression, False)

    def between(
        self, expression: nw.Expr, low: float | None, high: float | None, includes_low: bool, includes_high: bool
    ) -> nw.Expr:
        """Whether the number lies in the range."""
        parts = []
        if low is not None:
            parts.append(expression >= float(low) if includes_low else expression > float(low))
        if high is not None:
            parts.append(expression <= float(high) if includes_high else expression < float(high))
        return self.all_of(parts)

    def missing(self, expression: nw.Expr) -> nw.Expr:
        """Whether there is no value."""
        return expression.is_null()

    def all_of(self, parts: Sequence[nw.Expr]) -> nw.Expr:
        """Three-valued `and`."""
        if not parts:
            return nw.lit(True)
        whole = parts[0]
        for part in parts[1:]:
            whole = whole & part
        return whole

    def any_of(self, parts: Sequence[nw.Expr]) -> nw.Expr:
        """Three-valued `or`."""
        if not parts:
            return nw.lit(False)
        whole = parts[0]
        for part in parts[1:]:
            whole = whole | part
        return whole

    def negated(self, part: nw.Expr) -> nw.Expr:
        """Three-valued `not`."""
        return ~part

    def cut(self, expression: nw.Expr, edges: Sequence[float]) -> nw.Expr:
        """How many of the ascending edges are at most the number."""
        place = _known(expression, 0)
        for number, edge in enumerate(edges):
            place = nw.when(expression >= float(edge)).then(nw.lit(number + 1)).otherwise(place)
        return place

    def linear_bin(self, expression: nw.Expr, low: float, high: float, bins: int) -> nw.Expr:
        """The equal-width bin of a number: 0 … bins-1, -1 below `low`, `bins` above `high`."""
        place = (expression - float(low)) / float(high - low) * float(bins)
        # Just below `high` the division may round up to `bins`. One condition for nearly all rows keeps Spark quick.
        inside = nw.min_horizontal(place.floor(), nw.lit(bins - 1.0)).cast(nw.Int64)
        above = nw.when(expression > float(high)).then(nw.lit(bins))
        outside = nw.when(expression < float(low)).then(nw.lit(-1)).otherwise(above)
        return nw.when((expression >= float(low)) & (expression <= float(high))).then(inside).otherwise(outside)

    def signed_log_bin(self, expression: nw.Expr, steps: int, low_exponent: int, high_exponent: int) -> nw.Expr:
        """The bin of a signed number, `steps` to each doubling: 0 for tiny numbers, negative for negative ones."""
        tiny, most = 2.0**low_exponent, (high_exponent - low_exponent) * steps
        size = nw.when(expression.abs() >= tiny).then(expression.abs()).otherwise(nw.lit(tiny))
        place = (size.log(2) - float(low_exponent)) * float(steps) + EDGE
        step = nw.when(place >= float(most)).then(nw.lit(most + 1)).otherwise(place.floor().cast(nw.Int64) + 1)
        negative = nw.when(expression <= -tiny).then(-step).otherwise(_known(expression, 0))
        return nw.when(expression >= tiny).then(step).otherwise(negative)

    def constant(self, value: float) -> nw.Expr:
        """The same number in every row."""
        return nw.lit(float(value))

    def plus(self, first: nw.Expr, second: nw.Expr) -> nw.Expr:
        """The sum of two numbers."""
        return first + second

    def minus(self, first: nw.Expr, second: nw.Expr) -> nw.Expr:
        """The difference of two numbers."""
        return first - second

    def times(self, first: nw.Expr, second: nw.Expr) -> nw.Expr:
        """The product of two numbers."""
        return first * second

    def _alias(self, name: str) -> str:
        if name not in self._aliases:
            raise ColumnNotFound(name, self._kinds)
        return self._aliases[name]


def _known(expression: nw.Expr, value: int | bool) -> nw.Expr:
    """The value in every row where the expression has one."""
    return nw.when(~expression.is_null()).then(nw.lit(value))
