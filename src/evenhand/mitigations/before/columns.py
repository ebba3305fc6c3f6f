"""Columns: the numeric columns of a table, read as numbers and put back, whatever the table is made of."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import ColumnNotFound, DataError

Array = NDArray[Any]


class Infinite(DataError, ValueError):
    """Values that no repair can move; also a ValueError, as scikit-learn's conventions ask."""


class NoRows(DataError, ValueError):
    """There is nothing to learn from."""


def is_frame(table: Any) -> bool:
    """Whether the columns have names: a pandas or Polars frame, not an array."""
    return hasattr(table, "columns") and hasattr(table, "shape")


def has_rows(table: Any) -> bool:
    """False for a table that says it has none; whatever else is wrong with it shows elsewhere."""
    shape = getattr(table, "shape", None)
    if shape is None:
        return not isinstance(table, list | tuple) or bool(table)
    return not len(shape) or shape[0] != 0


def numeric_columns(table: Any, wanted: Sequence[Any] | None) -> tuple[Any, ...]:
    """Names (of an array, places) of the wanted columns, or of all numeric ones; truth values are no numbers.

    Raises ColumnNotFound for one that is not there, DataError for one that is not numeric or where there is none.
    """
    there = list(table.columns) if is_frame(table) else list(range(table.shape[1]))
    if wanted is None:
        found = tuple(name for name in there if _numeric(table, name))
        if not found:
            raise DataError("No column is numeric, so there is nothing to repair; turn texts into numbers first.")
        return found
    for name in wanted:
        if name not in there:
            raise ColumnNotFound(name, map(str, there))
        if not _numeric(table, name):
            raise DataError(f"Column {name!r} is not numeric; name numeric columns, or turn it into numbers first.")
    return tuple(wanted)


def numbers_of(table: Any, names: Sequence[Any]) -> Array:
    """The columns as floats, missing ones as NaN; raises DataError for infinite values."""
    values = np.empty((len(table), len(names)))
    for place, name in enumerate(names):
        values[:, place] = _numbers(table, name)
        if np.isinf(values[:, place]).any():
            raise Infinite(f"Column {name!r} holds infinite values; make them finite or missing.")
    return values


def with_numbers(table: Any, names: Sequence[Any], values: Array) -> Any:
    """A table of the same kind in which these columns have other values."""
    if hasattr(table, "with_columns"):  # Polars
        kind = type(table[names[0]])
        return table.with_columns([kind(name, values[:, place]) for place, name in enumerate(names)])
    if is_frame(table):
        out = table.copy()
        for place, name in enumerate(names):
            out[name] = values[:, place]
        return out
    out = np.asarray(table, np.float64).copy()
    out[:, list(names)] = values
    return out


def _numeric(table: Any, name: Any) -> bool:
    if not is_frame(table):
        return True
    kind = table[name].dtype
    if hasattr(kind, "is_numeric"):  # Polars
        return bool(kind.is_numeric())
    return getattr(kind, "kind", "O") in "iuf"


def _numbers(table: Any, name: Any) -> Array:
    if not is_frame(table):
        return np.asarray(table[:, name], np.float64)
    column = table[name]
    if hasattr(table, "with_columns"):
        return np.asarray(column.cast(float).to_numpy(), np.float64)
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
