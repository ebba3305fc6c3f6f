"""How smclarify 0.5 guesses what a column is, and which of its rows a list of values or a threshold means.

Everything here repeats its rules on purpose, faults included: the 5 % rule, floats as quantities, `bool("False")`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Mask = NDArray[np.bool_]

# From this share of distinct values on, whole numbers are taken for a quantity.
UNIQUENESS = 0.05
NOT_POSITIVE = (
    "'label' has not positive elements. Double-check if 'label' and 'positive_label_values'"
    "have correct data-types or values."
)
NOT_NUMERIC = "Facet/label value provided must be a single numeric threshold for continuous data"
NO_THRESHOLD = "Threshold values must be provided for continuous features"


@dataclass(frozen=True, eq=False)
class Column:
    """A column as it was understood: of categories, or of numbers; with the values as they were read."""

    kind: Literal["categorical", "continuous"]
    series: "pd.Series[Any]"
    values: list[Any]


def plain(series: "pd.Series[Any]") -> "pd.Series[Any]":
    """The column in the types of numpy, as pandas 2 read files: texts as objects, missing whole numbers as floats."""
    import pandas as pd

    if isinstance(series.dtype, (np.dtype, pd.CategoricalDtype)):
        return series
    if isinstance(series.dtype, pd.StringDtype):
        return series.astype(object).where(series.notna(), np.nan)
    if pd.api.types.is_numeric_dtype(series.dtype) and series.isna().any():
        return series.astype("float64")
    return pd.Series(series.to_numpy(), index=series.index, name=series.name)


def understood(series: "pd.Series[Any]", values: Sequence[Any] | None) -> Column:
    """The column with the type that their rules give it; raises ValueError or TypeError as they do."""
    import pandas as pd

    series, listed = plain(series), list(values or ())
    if not _is_continuous(series, listed):
        return Column("categorical", series.astype("category"), listed)
    if listed and not isinstance(listed[0], (int, float)):
        try:
            listed[0] = float(listed[0])
        except ValueError:
            raise ValueError(NOT_NUMERIC) from None
    return Column("continuous", pd.to_numeric(series), listed)


def _is_continuous(series: "pd.Series[Any]", values: list[Any]) -> bool:
    if series.dtype.name == "category" or len(values) > 1:
        return False
    kind = np.dtype(series.to_numpy().dtype)
    if np.issubdtype(kind, np.floating):
        return True
    if kind.kind != "O" and not np.issubdtype(kind, np.integer):
        return False
    known = int(series.count())
    if not known or series.nunique() / known < UNIQUENESS:
        return False
    return kind.kind != "O" or _holds_integers(series)


def _holds_integers(series: "pd.Series[Any]") -> bool:
    try:
        series.to_numpy().astype("int64")
    except (ValueError, TypeError):
        return False
    return True


def interval(data: "pd.Series[Any]", thresholds: Sequence[Any]) -> "pd.IntervalIndex[Any]":
    """The range above the threshold, closed on the right; empty where the threshold is the largest absolute value."""
    import pandas as pd

    if not thresholds:
        raise ValueError(NO_THRESHOLD)
    largest = data.max()
    # abs() is theirs: a largest number below zero that equals the threshold is not recognised.
    breaks = [*thresholds, *(() if abs(largest) in thresholds else (largest,))]
    return pd.IntervalIndex.from_breaks(sorted(breaks))


def within(data: "pd.Series[Any]", ranges: "pd.IntervalIndex[Any]") -> Mask:
    """Which numbers lie in one of the ranges; missing ones do not."""
    numbers = data.to_numpy()
    found = np.zeros(len(numbers), bool)
    for left, right in zip(ranges.left, ranges.right, strict=True):
        found |= (numbers > left) & (numbers <= right)
    return found


def places(series: "pd.Series[Any]") -> NDArray[np.int64]:
    """The place of each row's category counted from 1; 0 is missing."""
    return np.asarray(series.cat.codes, np.int64) + 1


def categories_among(series: "pd.Series[Any]", values: Sequence[Any]) -> Mask:
    """Which places the values mean; where none occurs, the values are cast to the type of the first row."""
    found = _equal(series, values)
    present = np.bincount(places(series), minlength=len(found)) > 0
    return found if (found & present).any() else _equal(series, _converted(series.iloc[0], list(values)))


def _equal(series: "pd.Series[Any]", values: Sequence[Any]) -> Mask:
    import pandas as pd

    each = pd.Categorical.from_codes(np.arange(len(series.cat.categories)), dtype=series.dtype)  # type: ignore[call-overload]
    found = np.zeros(len(each) + 1, bool)
    for value in values:
        found[1:] |= np.asarray(each == value, bool)
    return found


def _converted(first: Any, values: list[Any]) -> list[Any]:
    if isinstance(values[0], type(first)):
        return values
    kind: Callable[[Any], Any] = type(first)
    try:
        return [kind(value) for value in values]
    except ValueError as error:
        if "invalid literal for int() with base 10" in str(error):
            return [float(value) for value in values]
        raise ValueError(NOT_POSITIVE) from None


def positive_rows(column: Column) -> Mask:
    """Which rows the values of a label mean."""
    if column.kind == "continuous":
        return within(column.series, interval(column.series, column.values))
    return np.asarray(categories_among(column.series, column.values)[places(column.series)])


def values_text(column: Column) -> str:
    """The values of a label, or its range, as reports write them."""
    if column.kind == "continuous":
        return ",".join(map(str, interval(column.series, column.values)))
    return ",".join(map(str, column.values))
