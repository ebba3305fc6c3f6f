"""Membership: which rows of a dataframe are in a group, in the three-valued logic of SQL, all columns read once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from evenhand.core.condition import Among, Both, Condition, Either, Missing, Other, Range
from evenhand.core.errors import ColumnNotFound, DataError
from evenhand.core.group import Group
from evenhand.core.values import Kind, coerced

Array = NDArray[Any]


class Column(NamedTuple):
    """A column as conditions see it: numbers, or for text the places of its levels."""

    kind: Kind
    known: Array
    values: Array
    levels: Mapping[str, int] = {}


class Decided(NamedTuple):
    """Rows of which a condition surely holds, and rows of which it surely does not; the others are unknown."""

    holds: Array
    fails: Array


@dataclass(eq=False)
class Members:
    """The rows of one dataframe, or of a mapping of numpy columns, as groups divide them."""

    rows: Any
    _columns: dict[str, Column] = field(default_factory=dict)

    def mask(self, group: Group) -> Array:
        """True for rows in the group; a row of which that is unknown is not. Raises DataError."""
        return self._decided(group.condition).holds

    def _decided(self, condition: Condition) -> Decided:
        match condition:
            case Both(parts):
                held, failed = zip(*map(self._decided, parts), strict=True)
                return Decided(np.logical_and.reduce(held), np.logical_or.reduce(failed))
            case Either(parts):
                held, failed = zip(*map(self._decided, parts), strict=True)
                return Decided(np.logical_or.reduce(held), np.logical_and.reduce(failed))
            case Other(part):
                holds, fails = self._decided(part)
                return Decided(fails, holds)
            case Missing(name):
                known = self._column(name).known
                return Decided(~known, known)
            case Among():
                return self._among(condition)
            case Range():
                return self._between(condition)

    def _among(self, condition: Among) -> Decided:
        column = self._column(condition.column)
        wanted: Sequence[Any] = coerced(condition.column, column.kind, condition.values)
        if column.kind in ("text", "other"):
            wanted = [column.levels[text] for text in wanted if text in column.levels]
        inside = np.zeros(len(column.known), bool)
        for value in wanted:
            inside |= column.values == value
        return Decided(inside & column.known, ~inside & column.known)

    def _between(self, condition: Range) -> Decided:
        column = self._column(condition.column)
        if column.kind != "number":
            if column.known.any():
                raise DataError(f"Column {condition.column!r} holds no numbers; take its values: column=value.")
            return Decided(column.known, column.known)
        values, inside = column.values.astype(np.float64, copy=False), column.known.copy()
        if condition.low is not None:
            inside &= values >= condition.low if condition.includes_low else values > condition.low
        if condition.high is not None:
            inside &= values <= condition.high if condition.includes_high else values < condition.high
        return Decided(inside, ~inside & column.known)

    def _column(self, name: str) -> Column:
        if name not in self._columns:
            self._columns[name] = self._read(name)
        return self._columns[name]

    def _read(self, name: str) -> Column:
        if isinstance(self.rows, Mapping):
            if name not in self.rows:
                raise ColumnNotFound(name, self.rows)
            return _of_array(self.rows[name])
        table = nw.from_native(self.rows, eager_only=True)
        if name not in table.columns:
            raise ColumnNotFound(name, table.columns)
        return _of_series(table[name])


def _of_series(series: nw.Series[Any]) -> Column:
    if series.dtype.is_float() or series.dtype.is_decimal():
        return _of_array(series.cast(nw.Float64).to_numpy().astype(np.float64))
    if series.dtype.is_integer() or series.dtype == nw.Boolean:
        whole = series.dtype.is_integer()
        known = ~series.is_null().to_numpy().astype(bool)
        values = series.fill_null(0 if whole else False).to_numpy()
        return Column("number" if whole else "boolean", known, values if whole else values.astype(bool))
    return _of_objects(series.to_list(), of_text=series.dtype in (nw.String, nw.Categorical, nw.Enum))


def _of_array(values: Array) -> Column:
    if values.dtype.kind == "f":
        wide = values.astype(np.float64, copy=False)  # 0.1 as a narrow float is not 0.1
        return Column("number", ~np.isnan(wide), wide)
    if values.dtype.kind in "iub":
        return Column("boolean" if values.dtype.kind == "b" else "number", np.ones(len(values), bool), values)
    if values.dtype.kind == "M":  # finer times are integers in a list
        return _of_objects(values.astype("datetime64[us]").tolist(), of_text=False)
    return _of_objects(values.tolist(), of_text=values.dtype.kind in "US")


def _of_objects(values: list[Any], *, of_text: bool) -> Column:
    known = np.array([_there(value) for value in values], bool)
    held = {type(value) for value, there in zip(values, known.tolist(), strict=True) if there}
    if held and not of_text and held <= {bool}:
        return Column("boolean", known, np.array([value is True for value in values], bool))
    if held and not of_text and held <= {int, float}:
        return Column("number", known, np.array([value if value is not None else np.nan for value in values]))
    levels: dict[str, int] = {}
    places = np.full(len(values), -1)
    places[known] = [
        levels.setdefault(value if type(value) is str else _text(value), len(levels))
        for value, there in zip(values, known.tolist(), strict=True)
        if there
    ]
    return Column("text" if of_text or held <= {str} else "other", known, places, levels)


def _there(value: Any) -> bool:
    try:
        return value is not None and bool(value == value)  # NaN differs from itself
    except (TypeError, ValueError):  # pandas will not say; lists of arrays cannot
        return type(value).__name__ != "NAType"


def _text(value: Any) -> str:
    """As DuckDB writes it: times without the zeros that end their fractions."""
    text = str(value)
    return text.rstrip("0").rstrip(".") if hasattr(value, "microsecond") and "." in text else text
