"""Segments: which rows are in each of the parts that the config divides them into."""

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.analysis import Dataset
from evenhand.clarify.config.analysis_config import AnalysisConfig, Cell, SegmentConfig
from evenhand.clarify.datasets.columns import located
from evenhand.core.errors import SpecError

if TYPE_CHECKING:
    import pandas as pd

DEFAULT = "__default__"
_INTERVAL = re.compile(r"\s*(?P<left>[\[(])\s*(?P<low>[^,\s]+)\s*,\s*(?P<high>[^,\s]+)\s*(?P<right>[\])])\s*")


def segments_of(config: AnalysisConfig, dataset: Dataset) -> dict[str, NDArray[np.bool_]]:
    """Which rows are in each segment, by its name: N lists give N + 1 segments, the last for all other rows.

    A segment is called by its alias, or by its values; where the config divides several times, the division's name goes
    before. Raises SpecError for ranges of text, aliases of another number, and two segments of one name.
    """
    divisions = config.segment_config or ()
    found: dict[str, NDArray[np.bool_]] = {}
    for division in divisions:
        name = located(division.name_or_index, list(dataset.rows.columns), "segment_config.name_or_index")
        before = f"{division.config_name or name}: " if len(divisions) > 1 else ""
        for called, inside in _segments(division, dataset.rows[name]).items():
            if before + called in found:
                raise SpecError(f"Two divisions are called {before[:-2]!r}; give each a config_name of its own.")
            found[before + called] = inside
    return found


def _segments(division: SegmentConfig, column: "pd.Series") -> dict[str, NDArray[np.bool_]]:
    masks = [_inside(values, column) for values in division.segments]
    rest = ~np.any(masks, axis=0) if masks else np.ones(len(column), bool)
    names = _names(division, str(column.name))
    return dict(zip(names, [*masks, rest], strict=True))


def _names(division: SegmentConfig, column: str) -> Sequence[str]:
    own = [", ".join(map(_text, values)) for values in division.segments]
    aliases = list(division.display_aliases or own)
    if len(aliases) not in (len(own), len(own) + 1):
        raise SpecError(
            f"segment_config of {column!r} has {len(own)} segments and {len(aliases)} display_aliases; give one for"
            " each, and one more for the rest if it should have another name."
        )
    names = aliases if len(aliases) > len(own) else [*aliases, DEFAULT]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise SpecError(f"Two segments of {column!r} are called {twice!r}; give each a name of its own.")
    return names


def _inside(values: Sequence[Cell], column: "pd.Series") -> NDArray[np.bool_]:
    masks = [_of_value(value, column) for value in values]
    return np.any(masks, axis=0) if masks else np.zeros(len(column), bool)


def _of_value(value: Cell, column: "pd.Series") -> NDArray[np.bool_]:
    if value is None:
        return column.isna().to_numpy(bool)
    if column.dtype.kind in "iuf" and isinstance(value, str):
        return _of_text(value, column)
    if column.dtype.kind in "iufb" and not isinstance(value, str):
        return (column == value).to_numpy(bool)
    wanted = _text(value).lower() if column.dtype.kind == "b" or isinstance(value, bool) else _text(value)
    shown = column.map(lambda cell: _text(cell).lower() if isinstance(cell, bool) else _text(cell), na_action="ignore")
    return (shown.eq(wanted) & column.notna()).to_numpy(bool)


def _of_text(value: str, column: "pd.Series") -> NDArray[np.bool_]:
    """An interval or a number in words, of a column of numbers."""
    found = _INTERVAL.fullmatch(value)
    try:
        if found is None:
            return (column == float(value)).to_numpy(bool)
        low, high = float(found["low"]), float(found["high"])
    except ValueError:
        low = high = math.nan
    if math.isnan(low) or math.isnan(high) or low > high:
        raise SpecError(
            f"{value!r} in segment_config is no number or range of {str(column.name)!r}; write [1, 4], (2, 5] or"
            " (-inf, 3)."
        )
    above = column >= low if found is not None and found["left"] == "[" else column > low
    below = column <= high if found is not None and found["right"] == "]" else column < high
    return (above & below).to_numpy(bool)


def _text(value: Any) -> str:
    return str(value)
