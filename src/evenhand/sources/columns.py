"""Columns handed over as Python lists, numpy arrays or pandas objects: checked to hold one type each."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import DataError


def as_arrays(columns: Mapping[Any, Any]) -> dict[str, NDArray[Any]]:
    """The columns as arrays of one length; missing values of lists become masked."""
    if not columns:
        raise DataError("The table has no columns.")
    arrays = {str(name): _array(str(name), values) for name, values in columns.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        shortest, longest = min(lengths, key=lengths.__getitem__), max(lengths, key=lengths.__getitem__)
        raise DataError(
            f"The columns differ in length: {shortest!r} has {lengths[shortest]:,} values and {longest!r}"
            f" {lengths[longest]:,}; give every column one value a row."
        )
    return arrays


def _array(name: str, values: Any) -> NDArray[Any]:
    plain = isinstance(values, np.ndarray) and values.dtype.kind not in "OUS"
    array = values if plain else _from_objects(name, values)
    if array.ndim != 1:
        raise DataError(f"Column {name!r} has the shape {array.shape}; give one value a row.")
    return array


def _from_objects(name: str, values: Any) -> NDArray[Any]:
    if isinstance(values, np.ndarray) and all(value is None or type(value) is str for value in values):
        return values
    missing = np.array([value is None or value != value for value in values], dtype=bool)  # NaN differs from itself
    present = [value for value, absent in zip(values, missing, strict=True) if not absent]
    fill, kind = _fill(name, present)
    filled = [fill if absent else value for value, absent in zip(values, missing, strict=True)]
    if kind is object:
        return np.array([None if absent else str(value) for value, absent in zip(values, missing, strict=True)], object)
    return np.ma.array(np.array(filled, dtype=kind), mask=missing) if missing.any() else np.array(filled, dtype=kind)


def _fill(name: str, present: Sequence[Any]) -> tuple[Any, Any]:
    """A value to put where one is missing, and the type of the array."""
    if all(isinstance(value, str) for value in present):
        return None, object
    if all(isinstance(value, (bool, np.bool_)) for value in present):
        return False, np.bool_
    numbers = [value for value in present if not isinstance(value, (bool, np.bool_))]
    if len(numbers) == len(present) and all(isinstance(value, (int, np.integer)) for value in present):
        return 0, np.int64 if all(-(2**63) <= value < 2**63 for value in present) else np.float64
    if len(numbers) == len(present) and all(isinstance(value, (int, float, np.number)) for value in present):
        return 0.0, np.float64
    raise mixed(name, present)


def mixed(name: str, present: Sequence[Any]) -> DataError:
    """The error for a column with values of several types."""
    kinds = sorted({type(value).__name__ for value in present})
    if len(kinds) > 1:
        return DataError(
            f"Column {name!r} mixes values of the types {', '.join(kinds)};"
            " make them one type, for example text with str(value)."
        )
    return DataError(
        f"Column {name!r} holds values of the type {kinds[0]}, which evenhand cannot count;"
        " turn them into text or numbers."
    )


def checked_objects(table: Any) -> None:
    """Raise DataError for a pandas column of objects that are not all text, all numbers or all true or false."""
    from pandas.api.types import infer_dtype

    for place, dtype in enumerate(table.dtypes):
        if dtype.kind != "O" or str(dtype) != "object":
            continue
        column = table.iloc[:, place]
        if infer_dtype(column, skipna=True).startswith("mixed") or infer_dtype(column, skipna=True) in (
            "bytes",
            "complex",
        ):
            raise mixed(str(table.columns[place]), list(column.dropna().head(100_000)))
