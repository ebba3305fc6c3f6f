"""Kinds: what the columns of a hold-out hold, so that comparisons can be checked before any is made."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.values import Kind

Array = NDArray[Any]


def kinds_of(columns: Mapping[str, Array]) -> dict[str, Kind]:
    """What each column holds."""
    return {name: kind_of(values) for name, values in columns.items()}


def kind_of(values: Array) -> Kind:
    """Whether an array holds numbers, texts, true and false, or something else."""
    if values.dtype.kind == "b":
        return "boolean"
    if values.dtype.kind in "iuf":
        return "number"
    if values.dtype.kind in "US":
        return "text"
    if values.dtype.kind != "O":
        return "other"
    types = {type(value) for value in values.tolist() if value is not None and value == value}
    if types <= {str}:
        return "text"
    if types <= {bool, np.bool_}:
        return "boolean"
    numbers = all(issubclass(each, (int, float, np.number)) and each is not bool for each in types)
    return "number" if numbers else "other"
