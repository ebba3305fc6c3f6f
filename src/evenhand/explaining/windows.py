"""Windows: the rows to explain, in their order, in pieces of an exact size — from a frame, or from an array."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import ColumnNotFound, DataError, SpecError
from evenhand.core.frame import Frame
from evenhand.core.spread import Spread, as_spread

Places = NDArray[np.int64]


class Table(Protocol):
    """Rows that can be gone through as often as needed."""

    @property
    def location(self) -> str:
        """Where the rows are, as the result prints it."""

    @property
    def height(self) -> int:
        """How many rows there are."""

    @property
    def columns(self) -> Sequence[str]:
        """The names of the columns."""

    def batches(self, columns: Sequence[str], size: int) -> Iterator[Any]:
        """Native tables of these columns, of at most `size` rows each."""


@dataclass(frozen=True)
class FrameTable:
    """The rows of a frame."""

    frame: Frame

    @property
    def location(self) -> str:
        """Where the frame is."""
        return self.frame.location

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self.frame.height

    @property
    def columns(self) -> Sequence[str]:
        """The names of the columns."""
        return tuple(self.frame.kinds)

    @property
    def spread(self) -> Spread | None:
        """The frame, where workers can go through its rows and single rows can be fetched."""
        return as_spread(self.frame)

    def batches(self, columns: Sequence[str], size: int) -> Iterator[Any]:
        """Native tables of these columns."""
        return self.frame.batches(columns, size)


@dataclass(frozen=True)
class ArrayTable:
    """The rows of a two-dimensional array, whose columns may be named."""

    array: NDArray[Any]
    names: tuple[str, ...]

    @classmethod
    def of(cls, array: NDArray[Any], names: Sequence[str] | None) -> "ArrayTable":
        """An array with these names, or with column 0, column 1, …"""
        if array.ndim != 2:
            raise DataError(f"An array of {array.ndim} dimensions is no table; give rows × columns.")
        named = tuple(names) if names is not None else tuple(f"column {place}" for place in range(array.shape[1]))
        if len(named) != array.shape[1]:
            raise SpecError(f"features names {len(named)} columns, and the array has {array.shape[1]}.")
        return cls(array, named)

    @property
    def location(self) -> str:
        """What the result prints for an array."""
        return f"an array of {len(self.array):,} × {self.array.shape[1]}"

    @property
    def height(self) -> int:
        """How many rows there are."""
        return len(self.array)

    @property
    def columns(self) -> Sequence[str]:
        """The names of the columns."""
        return self.names

    def batches(self, columns: Sequence[str], size: int) -> Iterator[Any]:
        """Slices of the array with these columns."""
        places = [self.names.index(name) for name in columns]
        whole = places == list(range(len(self.names)))
        for start in range(0, len(self.array), size):
            part = self.array[start : start + size]
            yield part if whole else part[:, places]


def chosen_rows(height: int, rows: int | Sequence[int] | NDArray[Any] | None, seed: int) -> Places | None:
    """Which rows to explain, in their order: all (None), a random sample of this many, or the rows named."""
    if rows is None:
        return None
    if isinstance(rows, (int, np.integer)):
        if rows < 1 or isinstance(rows, bool):
            raise SpecError(f"rows={rows} is none; give at least 1, or leave it out for all rows.")
        if rows >= height:
            return None
        return np.sort(np.random.default_rng((seed, 1)).choice(height, int(rows), replace=False))
    given = np.asarray(rows)
    places = np.unique(given) if given.dtype.kind in "iu" and given.ndim == 1 else np.zeros(0, np.int64)
    if len(places) == 0 or places[0] < 0 or places[-1] >= height:
        raise SpecError(f"rows must be numbers from 0 to {height - 1:,}, the rows of the data.")
    return places


def windows(table: Table, columns: Sequence[str], places: Places | None, size: int) -> Iterator[tuple[int, Any]]:
    """Native tables of exactly `size` of the chosen rows (the last may be smaller), and the place of their first."""
    for name in columns:
        if name not in table.columns:
            raise ColumnNotFound(name, table.columns)
    spread = spread_of(table)
    if spread is not None and places is not None:
        for start in range(0, len(places), size):
            yield start, spread.at(places[start : start + size], columns)
        return
    held: list[Any] = []
    start, at, seen = 0, 0, 0
    for batch in table.batches(columns, size):
        count = len(batch)
        if places is not None:
            inside = places[np.searchsorted(places, seen) : np.searchsorted(places, seen + count)] - seen
            batch = _taken(batch, inside)
        seen += count
        at += len(batch)
        if len(batch):
            held.append(batch)
        while at - start >= size:
            whole = joined(held)
            yield start, sliced(whole, 0, size)
            start += size
            held = [sliced(whole, size, len(whole))] if at > start else []
    if held:
        yield start, joined(held)


def spread_of(table: Table) -> Spread | None:
    """The table's frame where workers can go through its rows."""
    return table.spread if isinstance(table, FrameTable) else None


def sample_of(table: Table, columns: Sequence[str], limit: int, seed: int) -> Any:
    """A native table of at most `limit` random rows, in their order."""
    places = chosen_rows(table.height, limit, seed)
    parts = [part for _, part in windows(table, columns, places, limit)]
    if not parts:
        raise DataError("The data has no rows.")
    return joined(parts)


def joined(parts: Sequence[Any]) -> Any:
    """Native tables (or arrays) one below the other."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    whole = nw.concat([nw.from_native(part, eager_only=True) for part in parts], how="vertical").to_native()
    return whole.reset_index(drop=True) if hasattr(whole, "reset_index") else whole


def _taken(batch: Any, places: Places) -> Any:
    if isinstance(batch, np.ndarray):
        return batch[places]
    taken = nw.from_native(batch, eager_only=True)[places.tolist()].to_native()
    return taken.reset_index(drop=True) if hasattr(taken, "reset_index") else taken


def sliced(batch: Any, start: int, stop: int) -> Any:
    """Some rows of a native table or array."""
    if isinstance(batch, np.ndarray):
        return batch[start:stop]
    part = nw.from_native(batch, eager_only=True)[start:stop].to_native()
    return part.reset_index(drop=True) if hasattr(part, "reset_index") else part
