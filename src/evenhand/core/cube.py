"""Cube: counts and sums per cell of a few axes, sparse and additive."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.values import Level, normalised, order

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cube:
    """Cells of a table: `codes[i, a]` is the level of cell i on axis a; sorted, so equal tables give equal cubes.

    `count` holds rows (int64), each of `sums` a sum over the rows (float64).
    """

    axes: tuple[str, ...]
    levels: Mapping[str, tuple[Level, ...]]
    codes: Codes
    count: Codes
    sums: Mapping[str, Floats]

    @classmethod
    def of(cls, axes: Sequence[str], columns: Mapping[str, NDArray[Any]], sums: Sequence[str] = ()) -> "Cube":
        """A cube from the key columns, `count` and sum columns that a frame returns."""
        encoded = [_encoded(columns[axis]) for axis in axes]
        codes = np.stack([codes for codes, _ in encoded], axis=1) if axes else np.zeros((len(columns["count"]), 0), int)
        levels = {axis: levels for axis, (_, levels) in zip(axes, encoded, strict=True)}
        values = {name: _floats(columns[name]) for name in sums}
        return _summed(tuple(axes), levels, codes, np.asarray(columns["count"], np.int64), values)

    def __add__(self, other: "Cube") -> "Cube":
        if self.axes != other.axes:
            raise ValueError(f"Cubes with the axes {self.axes} and {other.axes} cannot be added.")
        levels = {axis: _united(self.levels[axis], other.levels[axis]) for axis in self.axes}
        codes = np.concatenate([self._recoded(levels), other._recoded(levels)])
        count = np.concatenate([self.count, other.count])
        sums = {name: np.concatenate([self.sums[name], other.sums[name]]) for name in self.sums}
        return _summed(self.axes, levels, codes, count, sums)

    def _recoded(self, levels: Mapping[str, tuple[Level, ...]]) -> Codes:
        columns = []
        for place, axis in enumerate(self.axes):
            new = {_identity(level): code for code, level in enumerate(levels[axis])}
            table = np.array([new[_identity(level)] for level in self.levels[axis]], dtype=np.int64)
            columns.append(table[self.codes[:, place]] if len(table) else self.codes[:, place])
        return np.stack(columns, axis=1) if columns else self.codes

    def marginal(self, axes: Sequence[str]) -> "Cube":
        """The cube over some of the axes, in the order given."""
        if tuple(axes) == self.axes:
            return self
        places = [self.axes.index(axis) for axis in axes]
        levels = {axis: self.levels[axis] for axis in axes}
        return _summed(tuple(axes), levels, self.codes[:, places], self.count, self.sums)

    @cached_property
    def rows(self) -> int:
        """All rows counted."""
        return int(self.count.sum())

    def digest(self) -> bytes:
        """A SHA-256 over axes, levels and cells; sums enter with nine digits, as engines add in different orders."""
        shape = {axis: [json.dumps(level) for level in self.levels[axis]] for axis in self.axes}
        content = hashlib.sha256(json.dumps(shape).encode())
        content.update(np.ascontiguousarray(self.codes).tobytes())
        content.update(np.ascontiguousarray(self.count).tobytes())
        for name in sorted(self.sums):
            content.update(f"{name}:{' '.join(f'{value:.9g}' for value in self.sums[name])}".encode())
        return content.digest()


def _identity(level: Level) -> tuple[str, Level]:
    # True == 1 in Python; the kind keeps levels of different columns types apart.
    return ("bool" if isinstance(level, bool) else "text" if isinstance(level, str) else "number", level)


def _encoded(column: NDArray[Any]) -> tuple[Codes, tuple[Level, ...]]:
    """Codes into sorted, normalised levels."""
    if isinstance(column, np.ma.MaskedArray):
        column = np.ma.filled(column.astype(object), None) if column.mask.any() else column.data
    if column.dtype == object:
        table: dict[Any, int] = {}
        first = np.fromiter((table.setdefault(value, len(table)) for value in column), np.int64, len(column))
        raw: list[Any] = list(table)
    else:
        unique, first = np.unique(column, return_inverse=True)
        raw = list(unique)
    plain = [normalised(value) for value in raw]
    levels = _united(plain)
    new = {_identity(level): code for code, level in enumerate(levels)}
    table_of_codes = np.array([new[_identity(level)] for level in plain], dtype=np.int64)
    return (table_of_codes[first] if len(plain) else first.astype(np.int64)), levels


def _united(*several: Sequence[Level]) -> tuple[Level, ...]:
    distinct = {_identity(level): level for levels in several for level in levels}
    return tuple(sorted(distinct.values(), key=order))


def _floats(column: NDArray[Any]) -> Floats:
    if isinstance(column, np.ma.MaskedArray):
        column = np.ma.filled(column.astype(np.float64), 0.0)
    return np.nan_to_num(np.asarray(column, np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf)


def _summed(
    axes: tuple[str, ...],
    levels: Mapping[str, tuple[Level, ...]],
    codes: Codes,
    count: Codes,
    sums: Mapping[str, Floats],
) -> Cube:
    """One cell for each combination of codes, in ascending order."""
    shape = tuple(max(len(levels[axis]), 1) for axis in axes)
    if axes and math.prod(shape) < 2**62:
        flat = np.ravel_multi_index(tuple(codes.T), shape)
        unique, place = np.unique(flat, return_inverse=True)
        codes = np.stack(np.unravel_index(unique, shape), axis=1)
    elif axes:
        codes, place = np.unique(codes, axis=0, return_inverse=True)
    else:
        place, codes = np.zeros(len(count), np.int64), np.zeros((min(len(count), 1), 0), np.int64)
    size = len(codes)
    total = np.zeros(size, np.int64)
    np.add.at(total, place, count)
    added = {
        name: np.bincount(place, weights=values, minlength=size).astype(np.float64) for name, values in sums.items()
    }
    return Cube(axes, dict(levels), codes.astype(np.int64), total, added)
