"""What engines return, as plain numpy arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.values import Level, normalised


def as_levels(array: NDArray[Any]) -> NDArray[Any]:
    """Key values: an array of objects, with None for missing, for text and wherever a value is missing."""
    if not isinstance(array, np.ma.MaskedArray):
        return array
    if not array.mask.any():
        return array.data
    objects = array.data.astype(object)
    objects[array.mask] = None
    return objects


def as_values(array: NDArray[Any]) -> NDArray[Any]:
    """Values of rows: numbers as they are or, with missing ones, as floats with NaN; the rest as `as_levels`."""
    if isinstance(array, np.ma.MaskedArray) and array.dtype.kind in "iuf" and array.mask.any():
        return np.where(array.mask, np.nan, array.data.astype(np.float64))
    return as_levels(array)


def plain(value: Any) -> Level:
    """One value as Python has it."""
    return normalised(value)


def levels_from_list(values: list[Any]) -> NDArray[Any]:
    """Key values that a database driver returned, in the form of `as_levels`."""
    kinds = {type(value) for value in values}
    if len(kinds) == 1 and (simple := kinds & {bool, int, float}):
        return np.array(values, dtype={bool: np.bool_, int: np.int64, float: np.float64}[simple.pop()])
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    return objects


def values_from_list(values: list[Any]) -> NDArray[Any]:
    """Values of rows that a database driver returned, in the form of `as_values`."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds and kinds <= {int, float} and (None in values or len(kinds) > 1):
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return levels_from_list(values)
