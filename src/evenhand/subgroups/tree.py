"""Tree: rows are split where the value differs most, again and again; every node is a group."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.items import Candidate, Items, Search, Target
from evenhand.subgroups.cells import Axis, Cells, Sets, cells, directed

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class _Node:
    sets: Sets
    held: Array  # places of the cells
    splits: int


@dataclass(frozen=True)
class TreeSearch:
    """A regression tree (Breiman et al. 1984); its groups have at most `depth` columns, after twice as many splits."""

    def __call__(self, items: Items, target: Target, search: Search) -> tuple[Sequence[Candidate], int]:
        """Leaves and inner nodes, strongest first, and how many splits were weighed; raises SpecError, DataError."""
        table = cells(items, target, search)
        if table is None or not table.variance:
            return [], 0
        found: list[Candidate] = []
        waiting = [_Node({}, np.arange(len(table.rows)), 0)]
        weighed = 0
        while waiting:
            node = waiting.pop()
            if node.sets:
                found.append(_candidate(table, node, search.direction))
            children, looked = _split(table, node, search)
            waiting.extend(children)
            weighed += looked
        return table.ranked([each for each in found if each.score > 0], search.most), weighed


def _candidate(table: Cells, node: _Node, direction: int) -> Candidate:
    rows, total = table.rows[node.held].sum(), table.totals[node.held].sum()
    score = float(directed(table.z(np.array(rows), np.array(total)), direction))
    return Candidate(table.pattern(node.sets), int(rows), float(total), score)


def _split(table: Cells, node: _Node, search: Search) -> tuple[list[_Node], int]:
    """The two sides of the split that explains most of the squared error; none where no split explains anything."""
    if node.splits >= 2 * search.depth:
        return [], 0
    best: tuple[float, int, Array, Array] | None = None
    looked = 0
    for axis in range(len(table.axes)):
        if axis not in node.sets and len(node.sets) >= search.depth:
            continue
        left, right, gains = _weighed(table, node, axis, search)
        looked += len(gains)
        place = int(np.argmax(gains)) if len(gains) else -1
        if place >= 0 and gains[place] > (best[0] if best else _rounding(table)):
            best = (float(gains[place]), axis, left[place], right[place])
    return ([], looked) if best is None else (list(_sides(table, node, best)), looked)


def _sides(table: Cells, node: _Node, best: tuple[float, int, Array, Array]) -> Iterator[_Node]:
    _, place, *sides = best
    axis = table.axes[place]
    for side in sides:
        levels = tuple(int(level) for level in np.flatnonzero(side))
        yield _Node({**node.sets, place: levels}, node.held[side[axis.codes[node.held]]], node.splits + 1)


def _weighed(table: Cells, node: _Node, place: int, search: Search) -> tuple[Array, Array, Array]:
    """All splits of one column, and how much of the squared error each explains (−∞: a side is too small)."""
    axis = table.axes[place]
    rows, totals = table.by_level(place, node.held)
    allowed = np.isin(np.arange(axis.size), node.sets.get(place, range(axis.size)))
    sign = search.direction or 1
    left, right = _divisions(axis, allowed, rows, totals * sign)
    first, second = left @ rows, right @ rows
    fit = (first >= search.least_rows) & (second >= search.least_rows)
    left, right, first, second = left[fit], right[fit], first[fit], second[fit]
    between = (left @ totals) ** 2 / first + (right @ totals) ** 2 / second
    return left, right, between - totals.sum() ** 2 / rows.sum()


def _divisions(axis: Axis, allowed: Array, rows: Array, totals: Array) -> tuple[Array, Array]:
    """Both sides of every split: along the order of an ordered column, along the means of levels otherwise.

    Levels without rows stay out of both sides, except between those of an ordered column: nothing is known of them.
    """
    if axis.line is None:
        present = np.flatnonzero(rows > 0)
        order = present[np.argsort(-totals[present] / rows[present], kind="stable")]
        left = _beginnings(axis.size, order)
        return left, _marked(axis.size, order) & ~left
    line = np.array([level for level in axis.line if allowed[level]], int)
    others = np.flatnonzero(allowed & ~_marked(axis.size, np.array(axis.line, int)) & (rows > 0))
    left = _beginnings(axis.size, line)
    missing = _marked(axis.size, others)
    # Missing values go with the low side, with the high side, or stand alone.
    left = np.concatenate([left, left | missing, missing[None]]) if len(others) else left
    return left, (_marked(axis.size, line) | missing) & ~left


def _beginnings(size: int, order: Array) -> Array:
    found = np.zeros((max(len(order) - 1, 0), size), bool)
    for number in range(len(found)):
        found[number, order[: number + 1]] = True
    return found


def _marked(size: int, levels: Array) -> Array:
    found = np.zeros(size, bool)
    found[levels] = True
    return found


def _rounding(table: Cells) -> float:
    """A gain that rounding errors can reach."""
    return 1e-9 * table.variance * table.whole[0]
