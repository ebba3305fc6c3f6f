"""Codings: columns of a frame or an array as levels, for groups to be made of, and as numbers, for trees."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import DataError
from evenhand.core.group import Group
from evenhand.core.items import Coded, Items

Array = NDArray[Any]

# Numbers with more distinct values than this are divided at their quantiles.
MOST_VALUES, PARTS = 12, 6
MOST_LEVELS = 1000


def columns_of(table: Any, rows: int | None = None) -> dict[str, Array]:
    """The columns of a frame by name, those of an array (or one column) as column 0, 1, …; raises DataError."""
    frame = nw.from_native(table, eager_only=True, allow_series=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        # Names that are numbers would be taken for places of rows.
        found = {str(column.name): _plain(column.to_numpy()) for column in frame.iter_columns()}
    else:
        values = frame.to_numpy() if isinstance(frame, nw.Series) else np.asarray(table)
        if values.ndim == 1:
            values = values[:, None]
        if values.ndim != 2:
            raise DataError(f"A table has rows and columns; this has shape {values.shape}.")
        found = {f"column {place}": _plain(values[:, place]) for place in range(values.shape[1])}
    for name, values in found.items():
        if rows is not None and len(values) != rows:
            raise DataError(f"{name} has {len(values):,} values for {rows:,} rows; give one a row.")
    return found


def items_of(table: Any, rows: int) -> Items:
    """Each column's values, or ranges of numbers between quantiles, as levels; raises DataError for too many texts."""
    if table is None:
        return Items((), rows)
    return Items(tuple(_coded(name, values) for name, values in columns_of(table, rows).items()), rows)


def _coded(name: str, values: Array) -> Coded:
    missing = np.array([value is None or value != value for value in values.tolist()])
    known = values[~missing]
    codes = np.zeros(len(values), np.int64)
    ordered = known.dtype.kind == "f" and len(np.unique(known)) > MOST_VALUES
    if ordered:
        levels, codes[~missing] = _ranges(name, known)
    else:
        levels, codes[~missing] = _values(name, known)
    if missing.any():
        codes[missing] = len(levels)
        levels = [*levels, Group.missing(name)]
    return Coded(name, tuple(levels), codes, ordered)


def _values(name: str, known: Array) -> tuple[list[Group], Array]:
    distinct, codes = np.unique(known if known.dtype.kind == "f" else known.astype(str), return_inverse=True)
    if len(distinct) > MOST_LEVELS:
        raise DataError(f"{name} has {len(distinct):,} values, more than {MOST_LEVELS:,}; leave it out or join values.")
    plain = [int(one) if isinstance(one, float) and one.is_integer() else one for one in distinct.tolist()]
    return [Group.of(name, one) for one in plain], codes


def _ranges(name: str, known: Array) -> tuple[list[Group], Array]:
    edges = np.unique(np.quantile(known, np.linspace(0, 1, PARTS + 1)[1:-1], method="lower"))
    edges = edges[edges > known.min()]
    inner = [float(edge) for edge in edges]
    levels = [Group.between(name, low, high) for low, high in pairwise([None, *inner, None])]
    return levels, np.searchsorted(edges, known, side="right")


@dataclass(frozen=True, eq=False)
class Numbers:
    """How columns became numbers: texts by their place among those seen when it was made, others are missing."""

    names: tuple[str, ...]
    texts: dict[str, dict[str, int]]

    @classmethod
    def learned(cls, table: Any) -> "Numbers":
        """Look at a table; raises DataError for one that is none."""
        found, texts = columns_of(table), {}
        for name, values in found.items():
            if values.dtype.kind != "f":
                texts[name] = {text: place for place, text in enumerate(np.unique(values.astype(str)).tolist())}
        return cls(tuple(found), texts)

    @property
    def categorical(self) -> list[int]:
        """The places of the columns that were texts."""
        return [place for place, name in enumerate(self.names) if name in self.texts]

    def matrix(self, table: Any) -> Array:
        """The table as numbers, shape (rows, columns); raises DataError for other columns than were learned."""
        found = columns_of(table)
        if tuple(found) != self.names:
            raise DataError(f"The columns are {', '.join(found)}; those fitted on were {', '.join(self.names)}.")
        return np.column_stack([self._numbers(name, values) for name, values in found.items()])

    def _numbers(self, name: str, values: Array) -> Array:
        if name not in self.texts:
            if values.dtype.kind != "f":
                raise DataError(f"{name} has texts where it had numbers when it was fitted.")
            return values
        places = self.texts[name]
        return np.array([places.get(text, np.nan) for text in values.astype(str).tolist()], np.float64)


def _plain(values: Array) -> Array:
    """Numbers (and missing ones) as float64; everything else as objects."""
    if values.dtype.kind in "iufb":
        return values.astype(np.float64)
    if any(isinstance(value, str) for value in values.tolist()):
        return values.astype(object)
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError):
        return values.astype(object)
