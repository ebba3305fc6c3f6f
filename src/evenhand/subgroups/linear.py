"""Linear: the rows above a linear threshold on all columns, said in the conditions that matter most.

The auditor of Kearns, Neel, Roth and Wu (2018): which rows lie on the far side is a cost-sensitive classification,
solved by regression of the costs (here the values less their mean) on the levels; the found rows are those whose
regressed value is positive. A linear threshold is no group that anyone can read, so conditions are chosen from it: a
condition is a beginning of a column's levels sorted by their weights, and those are added that raise the score most.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import SpecError
from evenhand.core.items import Candidate, Items, Search, Target
from evenhand.subgroups.cells import Axis, Cells, Sets, cells, directed

Array = NDArray[Any]

MOST_LEVELS = 4_000  # of all columns: the regression has as many equations
_STARTS, _CONSIDERED = 5, 12  # columns of the largest spread of weights


@dataclass(frozen=True)
class LinearSearch:
    """Regresses, reads conditions off the weights, takes the best group's difference away, and does so again."""

    rounds: int = 3
    ridge: float = 1.0  # rows that pull each level's weight to zero

    def __call__(self, items: Items, target: Target, search: Search) -> tuple[Sequence[Candidate], int]:
        """The groups read off the weights, and how many were scored; raises SpecError, DataError."""
        table = cells(items, target, search)
        if table is None or not table.variance:
            return [], 0
        found: list[Candidate] = []
        scored = 0
        for sign in (1, -1) if search.direction == 0 else (search.direction,):
            left = table
            for _ in range(self.rounds):
                reading = _Reading(table, left, weights(left, self.ridge), replace(search, direction=sign))
                paths = list(reading.paths())
                scored += reading.scored
                if not paths:
                    break
                found.extend(table.candidate(sets, reading.score(sets, table)) for sets in paths)
                left = _levelled(left, max(paths, key=lambda sets: reading.score(sets, left)))
        return table.ranked([each for each in found if each.score > 0], search.most), scored


def weights(table: Cells, ridge: float = 1.0) -> tuple[Array, ...]:
    """The regressed difference from the mean that each level of each column brings; raises SpecError if too many."""
    sizes = [axis.size for axis in table.axes]
    if sum(sizes) > MOST_LEVELS:
        raise SpecError(f"The columns have {sum(sizes):,} levels, more than {MOST_LEVELS:,}; join their rare levels.")
    starts = np.concatenate([[0], np.cumsum(sizes)])
    rows, total = table.whole
    matrix = np.zeros((starts[-1], starts[-1]))
    for first, one in enumerate(table.axes):
        for second, other in enumerate(table.axes[: first + 1]):
            pairs = np.bincount(one.codes * other.size + other.codes, table.rows, one.size * other.size)
            block = pairs.reshape(one.size, other.size)
            matrix[starts[first] : starts[first + 1], starts[second] : starts[second + 1]] = block
            matrix[starts[second] : starts[second + 1], starts[first] : starts[first + 1]] = block.T
    excess = table.totals - table.rows * (total / rows)
    answers = np.concatenate([np.bincount(axis.codes, excess, axis.size) for axis in table.axes])
    solved = np.linalg.solve(matrix + ridge * np.eye(len(matrix)), answers)
    return tuple(np.split(solved, starts[1:-1]))


@dataclass(eq=False)
class _Reading:
    """Conditions read off the weights; counts the groups that it scored."""

    table: Cells
    left: Cells
    weights: tuple[Array, ...]
    search: Search
    scored: int = 0

    def paths(self) -> Iterator[Sets]:
        """The groups on the way from each of the strongest columns, each with one condition more than the last."""
        order = sorted(range(len(self.weights)), key=lambda axis: -self._spread(axis))
        for start in order[:_STARTS]:
            sets: Sets = {}
            score = 0.0
            axes = [start]
            while axes and len(sets) < self.search.depth:
                steps = [step for axis in axes if (step := self._best(axis, sets)) is not None]
                best = max(steps, key=lambda step: step[0], default=(0.0, {}))
                if best[0] <= score * (1 + 1e-12):
                    break
                score, sets = best
                yield sets
                axes = [axis for axis in order[:_CONSIDERED] if axis not in sets]

    def score(self, sets: Sets, table: Cells) -> float:
        """How far the group is from chance in the direction that is looked for."""
        held = table.holds(sets)
        return float(directed(table.z(table.rows[held].sum(), table.totals[held].sum()), self.search.direction))

    def _spread(self, axis: int) -> float:
        rows = np.bincount(self.left.axes[axis].codes, self.left.rows, self.left.axes[axis].size)
        part = self.weights[axis]
        return float(rows @ (part - rows @ part / rows.sum()) ** 2)

    def _best(self, axis: int, sets: Sets) -> tuple[float, Sets] | None:
        """The best further condition on one column."""
        choices = _beginnings(self.left.axes[axis], self.weights[axis] * self.search.direction)
        rows, totals = self.left.by_level(axis, np.flatnonzero(self.left.holds(sets)))
        counts = choices @ rows
        scores = directed(self.left.z(counts, choices @ totals), self.search.direction)
        self.scored += len(scores)
        scores[counts < self.search.least_rows] = -np.inf
        if not len(scores) or not np.isfinite(scores.max()):
            return None
        best = int(np.argmax(scores))
        return float(scores[best]), {**sets, axis: tuple(int(level) for level in np.flatnonzero(choices[best]))}


def _beginnings(axis: Axis, part: Array) -> Array:
    """Sets of the levels of largest weight, without the set of all; those of an ordered column made whole ranges."""
    order = np.argsort(-part, kind="stable")
    found = np.zeros((axis.size, axis.size), bool)
    found[:, order] = np.tri(axis.size, dtype=bool)
    if axis.line is not None:
        line = np.array(axis.line, int)
        inner = found[:, line]
        after = np.logical_or.accumulate(inner, axis=1)
        before = np.logical_or.accumulate(inner[:, ::-1], axis=1)[:, ::-1]
        found[:, line] = after & before
    return found[~found.all(axis=1)]


def _levelled(table: Cells, sets: Sets) -> Cells:
    """The same rows with the group's values lowered to the mean of all, so that other differences show."""
    held = table.holds(sets)
    rows, total = table.whole
    inside = table.rows[held].sum()
    gap = table.totals[held].sum() / inside - total / rows
    return replace(table, totals=table.totals - held * table.rows * gap)
