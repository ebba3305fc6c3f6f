"""Expressions in DuckDB's SQL over columns aliased c0, c1, …: no name of the data is ever part of a query."""

from collections.abc import Collection, Mapping, Sequence

from evenhand.core.errors import ColumnNotFound
from evenhand.core.values import Kind, Value, coerced
from evenhand.sources.binning import EDGE
from evenhand.sources.connection import literal
from evenhand.sources.kinds import not_numbers


class DuckDBExpressions:
    """Builds SQL text over the columns of one frame, in the order of `kinds`; `blank` ones never hold a value."""

    def __init__(self, kinds: Mapping[str, Kind], blank: Collection[str] = ()) -> None:
        self._kinds, self._blank = kinds, blank
        self._aliases = {name: f"c{place}" for place, name in enumerate(kinds)}

    def column(self, name: str) -> str:
        """The column as it is; dates and other kinds as text."""
        alias = self._alias(name)
        return f"{alias}::VARCHAR" if self._kinds[name] == "other" else alias

    def number(self, name: str) -> str:
        """The column as a float."""
        alias = self._alias(name)
        if self._kinds[name] != "number" and name not in self._blank:
            raise not_numbers(name, self._kinds[name])
        return f"{alias}::DOUBLE"

    def coerced(self, name: str, values: Sequence[Value]) -> list[Value]:
        """The values in the type of the column."""
        self._alias(name)
        return coerced(name, self._kinds[name], values)

    def plus(self, first: str, second: str) -> str:
        """The sum of two numbers."""
        return f"(({first}) + ({second}))"

    def minus(self, first: str, second: str) -> str:
        """The difference of two numbers."""
        return f"(({first}) - ({second}))"

    def times(self, first: str, second: str) -> str:
        """The product of two numbers."""
        return f"(({first}) * ({second}))"

    def among(self, expression: str, values: Sequence[Value]) -> str:
        """Whether the value is one of those listed."""
        if not values:
            return f"(({expression}) IS NULL AND NULL)"
        return f"(({expression}) IN ({', '.join(map(_value, values))}))"

    def between(
        self, expression: str, low: float | None, high: float | None, includes_low: bool, includes_high: bool
    ) -> str:
        """Whether the number lies in the range."""
        parts = []
        if low is not None:
            parts.append(f"(({expression}) {'>=' if includes_low else '>'} {_value(low)})")
        if high is not None:
            parts.append(f"(({expression}) {'<=' if includes_high else '<'} {_value(high)})")
        return self.all_of(parts)

    def missing(self, expression: str) -> str:
        """Whether there is no value."""
        return f"(({expression}) IS NULL)"

    def all_of(self, parts: Sequence[str]) -> str:
        """Three-valued `and`."""
        return f"({' AND '.join(parts)})" if parts else "true"

    def any_of(self, parts: Sequence[str]) -> str:
        """Three-valued `or`."""
        return f"({' OR '.join(parts)})" if parts else "false"

    def negated(self, part: str) -> str:
        """Three-valued `not`."""
        return f"(NOT {part})"

    def cut(self, expression: str, edges: Sequence[float]) -> str:
        """How many of the ascending edges are at most the number."""
        if not edges:
            return f"({_zero(expression)})"
        return f"(CASE WHEN ({expression}) IS NOT NULL THEN {_halved(expression, edges, 0)} END)"

    def linear_bin(self, expression: str, low: float, high: float, bins: int) -> str:
        """The equal-width bin of a number: 0 … bins-1, -1 below `low`, `bins` above `high`."""
        least, most, width = _value(low), _value(high), _value(high - low)
        # Just below `high` the division may round up to `bins`, hence least().
        inside = f"least(floor((({expression}) - {least}) / {width} * {_value(float(bins))}), {_value(bins - 1.0)})"
        return (
            f"CASE WHEN ({expression}) >= {least} AND ({expression}) <= {most} THEN {inside}::BIGINT"
            f" WHEN ({expression}) < {least} THEN -1 WHEN ({expression}) > {most} THEN {bins} END"
        )

    def signed_log_bin(self, expression: str, steps: int, low_exponent: int, high_exponent: int) -> str:
        """The bin of a signed number, `steps` to each doubling: 0 for tiny numbers, negative for negative ones."""
        tiny, most = _value(2.0**low_exponent), _value(float((high_exponent - low_exponent) * steps))
        size = f"greatest(abs({expression}), {tiny})"  # log2 of zero is an error
        step = f"(1 + least(floor((log2({size}) - {low_exponent}) * {steps} + {_value(EDGE)}), {most}))::BIGINT"
        return (
            f"CASE WHEN ({expression}) >= {tiny} THEN {step} WHEN ({expression}) <= -{tiny} THEN -{step}"
            f" ELSE {_zero(expression)} END"
        )

    def constant(self, value: float) -> str:
        """The same number in every row."""
        return _value(float(value))

    def _alias(self, name: str) -> str:
        if name not in self._aliases:
            raise ColumnNotFound(name, self._kinds)
        return self._aliases[name]


def _halved(expression: str, edges: Sequence[float], below: int) -> str:
    """How many of the edges a number has reached, and `below` more; halving them asks few of the edges."""
    if not edges:
        return f"{below}::BIGINT"
    half = len(edges) // 2
    low, high = _halved(expression, edges[:half], below), _halved(expression, edges[half + 1 :], below + half + 1)
    return f"CASE WHEN ({expression}) < {_value(edges[half])} THEN {low} ELSE {high} END"


def _zero(expression: str) -> str:
    return f"CASE WHEN ({expression}) IS NOT NULL THEN 0::BIGINT END"


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return literal(value)
    # DuckDB reads 0.1 as a decimal and would divide; the cast from text gives the nearest float, as Python does.
    return f"({value})" if isinstance(value, int) else f"CAST('{value!r}' AS DOUBLE)"
