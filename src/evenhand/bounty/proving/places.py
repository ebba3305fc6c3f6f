"""Places: where in a pool each row's answer lies, for every version of a list — kept as what each version changed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Of every so many versions all places are kept, so that an old one is not far from one that is kept.
_STEP = 64


class Pool:
    """An array that grows at its end."""

    def __init__(self, first: Array) -> None:
        self._held = first.copy()
        self._height = len(first)

    @property
    def values(self) -> Array:
        """All of it."""
        return self._held[: self._height]

    def add(self, values: Array) -> Array:
        """Put values at the end; their places."""
        start, end = self._height, self._height + len(values)
        kind = np.result_type(self._held, values)
        if end > len(self._held) or kind != self._held.dtype:
            grown = np.empty((max(end, start + start // 2), *self._held.shape[1:]), kind)
            grown[:start] = self.values
            self._held = grown
        self._held[start:end] = values
        self._height = end
        return np.arange(start, end, dtype=np.int32)


class Places:
    """The places of the newest version, and how to go back from it to any other."""

    def __init__(self, rows: int) -> None:
        self.newest: Array = np.arange(rows, dtype=np.int32)
        self._kept = [self.newest]
        self._changes: list[tuple[Array, Array]] = []

    @property
    def version(self) -> int:
        """The newest version."""
        return len(self._changes)

    def push(self, rows: Array, places: Array) -> None:
        """One version more, in which these rows have these places."""
        before = self.newest[rows]
        changed = before != places
        kept = (rows, before) if changed.all() else (rows[changed], before[changed])
        self.newest = self.newest.copy()
        self.newest[rows] = places
        self._changes.append(kept)
        if self.version % _STEP == 0:
            self._kept.append(self.newest)

    def at(self, version: int) -> Array:
        """The places of a version, which are not to be changed."""
        whole, beyond = divmod(version, _STEP)
        if not beyond:
            return self._kept[whole]
        start = min((whole + 1) * _STEP, self.version)
        places = (self._kept[whole + 1] if start % _STEP == 0 else self.newest).copy()
        for rows, before in reversed(self._changes[version:start]):
            places[rows] = before
        return places

    def back(self, since: int) -> Iterator[tuple[int, Array, Array, Array]]:
        """From the newest version back to one: each before it, rows that changed, their places before and after."""
        places = self.newest.copy()
        for version in range(self.version - 1, since - 1, -1):
            rows, before = self._changes[version]
            yield version, rows, before, places[rows]
            places[rows] = before
