"""Lattice: every conjunction of single levels (or ranges of neighbouring ones) that enough rows meet, counted.

Columns are added one after the other. Rows that so far fall into small groups are left out, since no further condition
makes a group larger; the rest carry one combined code, so that one pass of counting gives all groups of one set of
columns. Levels that are joined to ranges overlap; those of one length whose starts lie that length apart do not, and
are counted in one pass like the levels of a column.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import SpecError
from evenhand.core.items import Candidate, Items, Pattern, Search, Target
from evenhand.subgroups.cells import Cells, cells, directed

Array = NDArray[Any]

MOST_GROUPS = 5_000_000  # more are not kept in memory


@dataclass(frozen=True, eq=False)
class _Part:
    """A division of (some) rows by one column into sets of levels; codes of rows in no set are `len(sets)`."""

    axis: int
    sets: tuple[tuple[int, ...], ...]
    codes: Array


@dataclass(frozen=True, eq=False)
class _Node:
    """The groups of some parts: the cells in any of them, each one's group, and the sets that make each group."""

    parts: tuple[int, ...]
    cells: Array
    groups: Array
    chosen: Array  # shape (groups, parts)


@dataclass(frozen=True, eq=False)
class Family:
    """All groups on one set of columns that enough rows meet: their sets of levels, rows, sums and sums of squares."""

    parts: tuple[int, ...]
    chosen: Array  # shape (groups, parts)
    rows: Array
    totals: Array
    squares: Array


@dataclass(frozen=True, eq=False)
class Lattice:
    """All groups that enough rows meet, by the columns that they are made of."""

    cells: Cells
    parts: tuple[_Part, ...]
    families: tuple[Family, ...]

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return sum(len(family.rows) for family in self.families)

    def pattern(self, family: Family, place: int) -> Pattern:
        """One of the family's groups as a pattern."""
        sets = {}
        for part, chosen in zip(family.parts, family.chosen[place], strict=True):
            sets[self.parts[part].axis] = self.parts[part].sets[chosen]
        return self.cells.pattern(sets)

    def patterns(self) -> Iterator[tuple[Pattern, float, float, float]]:
        """Every group with its rows, its sum and its sum of squares."""
        for family in self.families:
            numbers = zip(family.rows, family.totals, family.squares, strict=True)
            for place, (rows, total, square) in enumerate(numbers):
                yield self.pattern(family, place), float(rows), float(total), float(square)


@dataclass(frozen=True)
class LatticeSearch:
    """Looks at every conjunction of levels; with `ranges`, neighbouring levels of ordered columns are joined too."""

    ranges: bool = False

    def __call__(self, items: Items, target: Target, search: Search) -> tuple[Sequence[Candidate], int]:
        """The groups farthest from what chance gives, and how many were counted; raises SpecError, DataError."""
        counted = lattice(items, target, search, ranges=self.ranges)
        return ([], 0) if counted is None else (strongest(counted, search), counted.groups)


def lattice(items: Items, target: Target, search: Search, *, ranges: bool = False) -> Lattice | None:
    """Count every group of at most `depth` columns that enough rows meet; None without columns or counted rows.

    Raises SpecError where there are too many of them, or the search makes no sense, and DataError for values that are
    no numbers.
    """
    table = cells(items, target, search)
    if table is None:
        return None
    parts = tuple(_parts(table, search.least_rows, ranges))
    return Lattice(table, parts, tuple(_Growing(table, parts, search).families()))


def strongest(counted: Lattice, search: Search) -> list[Candidate]:
    """The strongest groups in the direction that is looked for, as many as the search wants."""
    if not counted.families:
        return []
    rows = np.concatenate([family.rows for family in counted.families])
    totals = np.concatenate([family.totals for family in counted.families])
    scores = directed(counted.cells.z(rows, totals), search.direction)
    kept = min(search.most, int(np.count_nonzero(scores > 0)))
    if not kept:
        return []
    least = np.partition(scores, len(scores) - kept)[len(scores) - kept]
    starts = np.cumsum([0, *(len(family.rows) for family in counted.families)])
    found = []
    for place in np.flatnonzero(scores >= least).tolist():
        number = int(np.searchsorted(starts, place, side="right")) - 1
        pattern = counted.pattern(counted.families[number], place - int(starts[number]))
        found.append(Candidate(pattern, int(rows[place]), float(totals[place]), float(scores[place])))
    return counted.cells.ranked(found, search.most)


@dataclass(frozen=True, eq=False)
class _Growing:
    """The walk over sets of columns."""

    table: Cells
    parts: tuple[_Part, ...]
    search: Search

    def families(self) -> Iterator[Family]:
        """Every set of columns that has groups of enough rows."""
        every = np.arange(len(self.table.rows))
        waiting = [_Node((), every, np.zeros(len(every), np.intp), np.zeros((1, 0), np.intp))]
        groups = 0
        while waiting:
            node = waiting.pop()
            sums = self._sums(node)
            for part in self._later(node):
                family, joint, alive = self._counted(node, part, sums)
                if len(family.rows):
                    groups += len(family.rows)
                    self._bounded(groups)
                    yield family
                    if len(family.parts) < self.search.depth and self.parts[part].axis != self.parts[-1].axis:
                        waiting.append(_grown(node, family, joint, alive))

    def _later(self, node: _Node) -> range:
        if not node.parts:
            return range(len(self.parts))
        axis = self.parts[node.parts[-1]].axis
        start = node.parts[-1]
        while start < len(self.parts) and self.parts[start].axis == axis:
            start += 1
        return range(start, len(self.parts))

    def _sums(self, node: _Node) -> tuple[Array, Array, Array]:
        table = self.table
        totals = table.totals[node.cells]
        return table.rows[node.cells], totals, totals if table.binary else table.squares[node.cells]

    def _counted(self, node: _Node, part: int, sums: tuple[Array, Array, Array]) -> tuple[Family, Array, Array]:
        width = len(self.parts[part].sets) + 1
        joint = self.parts[part].codes[node.cells] + node.groups * width
        size = len(node.chosen) * width
        rows = np.bincount(joint, sums[0], size)
        alive = rows >= self.search.least_rows
        alive[width - 1 :: width] = False  # in no set
        found = np.flatnonzero(alive)
        totals = np.bincount(joint, sums[1], size)[found] if len(found) else np.zeros(0)
        squares = totals if self.table.binary or not len(found) else np.bincount(joint, sums[2], size)[found]
        chosen = np.column_stack([node.chosen[found // width], found % width])
        return Family((*node.parts, part), chosen, rows[found], totals, squares), joint, alive

    def _bounded(self, groups: int) -> None:
        if groups > MOST_GROUPS:
            least, depth = self.search.least_rows, self.search.depth
            raise SpecError(
                f"There are more than {MOST_GROUPS:,} groups of at least {least:,} rows and at most {depth} columns; "
                "ask for more rows, fewer columns, or a lower depth."
            )


def _grown(node: _Node, family: Family, joint: Array, alive: Array) -> _Node:
    kept = np.flatnonzero(alive[joint])
    renumbered = np.cumsum(alive) - 1
    return _Node(family.parts, node.cells[kept], renumbered[joint[kept]], family.chosen)


def _parts(table: Cells, least: int, ranges: bool) -> Iterator[_Part]:
    """The divisions of every column, those first in which fewest rows stay (so that most of the walk is short)."""
    kept = []
    for axis in table.axes:
        rows = np.bincount(axis.codes, table.rows, axis.size)
        kept.append((float(np.sum(rows[rows >= least] ** 2)), axis.name))
    for place in sorted(range(len(table.axes)), key=lambda place: kept[place]):
        axis = table.axes[place]
        yield _Part(place, tuple((level,) for level in range(axis.size)), axis.codes)
        for sets in _ranges(axis.line) if ranges and axis.line else ():
            lookup = np.full(axis.size, len(sets), np.intp)
            for number, levels in enumerate(sets):
                lookup[list(levels)] = number
            yield _Part(place, sets, lookup[axis.codes])


def _ranges(line: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Every run of neighbouring levels, longer than one and shorter than all, in sets that do not overlap."""
    for length in range(2, len(line)):
        for offset in range(min(length, len(line) - length + 1)):
            starts = range(offset, len(line) - length + 1, length)
            yield tuple(line[start : start + length] for start in starts)
