"""Scan: the sets of values, in several columns at once, whose rows are least likely to be like all others.

For rates, a group of n rows with rate r scores the log-likelihood ratio n·KL(r ‖ p) against the rate p of all; for
quantities n(m − M)²/2S², the same for normal values of one variance. Each listed level costs a penalty. Given the
conditions on other columns, the best set of a column's levels is a beginning of them sorted by their means (linear-time
subset scanning; Neill 2012), or with a penalty those that gain more than it costs (Neill, McFowland and Zheng 2013).
Column after column is set to its best until nothing improves, from several starts (Zhang and Neill 2016).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.items import Candidate, Items, Search, Target
from evenhand.subgroups.cells import Cells, Sets, cells

Array = NDArray[Any]

_GRID = 64  # alternatives at which levels are weighed against the penalty
_FEW = 64  # levels, up to which sets that are too small are enlarged
_GAIN = 1e-9  # less is no improvement but rounding


@dataclass(frozen=True)
class ScanSearch:
    """Looks for value sets; rows of a found group are put aside, and the search goes on without them."""

    penalty: float = 1.0
    restarts: int = 10
    rounds: int = 3

    def __call__(self, items: Items, target: Target, search: Search) -> tuple[Sequence[Candidate], int]:
        """The best groups of all starts, and how many sets were scored; raises SpecError, DataError."""
        table = cells(items, target, search)
        if table is None or not table.variance:
            return [], 0
        found: list[Candidate] = []
        scored = 0
        for sign in (1, -1) if search.direction == 0 else (search.direction,):
            likelihood = _Likelihood.of(table, sign, self.penalty)
            for ascent, sets in self._optima(table, likelihood, search):
                scored += ascent.scored
                if sets:
                    one = table.candidate(sets, 0.0)
                    score = float(likelihood(np.array(float(one.rows)), np.array(one.total)))
                    found.append(replace(one, score=score - self.penalty * sum(map(len, sets.values()))))
        return table.ranked([each for each in found if each.score > 0], search.most), scored

    def _optima(self, table: Cells, likelihood: "_Likelihood", search: Search) -> Iterator[tuple["_Ascent", Sets]]:
        draws = np.random.default_rng(search.seed)
        left = table
        for _ in range(self.rounds):
            best: tuple[float, Sets] = (0.0, {})
            for start in range(self.restarts):
                ascent = _Ascent(left, likelihood, search, draws)
                score, sets = ascent.climbed(_random_sets(left, search.depth, draws) if start else {})
                yield ascent, sets
                best = (score, sets) if score > best[0] else best
            if not best[1]:
                return
            aside = ~left.holds(best[1])
            left = replace(left, rows=left.rows * aside, totals=left.totals * aside)


@dataclass(frozen=True)
class _Likelihood:
    """The log-likelihood ratio of groups against all rows, 0 where they differ the other way."""

    sign: int
    mean: float
    variance: float
    binary: bool
    penalty: float

    @classmethod
    def of(cls, table: Cells, sign: int, penalty: float) -> "_Likelihood":
        rows, total = table.whole
        return cls(sign, total / rows, table.variance, table.binary, penalty)

    def __call__(self, rows: Array, totals: Array) -> Array:
        means = np.divide(totals, rows, out=np.full(np.shape(rows), self.mean), where=rows > 0)
        different = self.sign * (means - self.mean) > 1e-12 * max(abs(self.mean), self.variance**0.5)
        return np.where(different, rows * self.unit(means, means), 0.0)

    def unit(self, means: Array, at: Array) -> Array:
        """The ratio a row, where rows have these means and the alternative is `at`."""
        if not self.binary:
            return np.asarray((at - self.mean) * (2 * means - at - self.mean) / (2 * self.variance))
        return _times_log(means, at, self.mean) + _times_log(1 - means, 1 - at, 1 - self.mean)


@dataclass(eq=False)
class _Ascent:
    """One climb from one start; counts the sets that it scored."""

    table: Cells
    likelihood: _Likelihood
    search: Search
    draws: np.random.Generator
    scored: int = 0

    def climbed(self, sets: Sets) -> tuple[float, Sets]:
        """The score and the sets from which no change of one column (for another, at full depth) leads higher."""
        score = self._score(sets)
        waiting = [int(axis) for axis in self.draws.permutation(len(self.table.axes))]
        since = 0
        while since < len(waiting):
            axis = waiting.pop(0)
            waiting.append(axis)
            gained, changed = max((self._best(axis, rest) for rest in self._rests(axis, sets)), key=lambda one: one[0])
            since += 1
            if gained > score + _GAIN:
                score, sets, since = gained, changed, 1
        return score, sets

    def _score(self, sets: Sets) -> float:
        held = self.table.holds(sets)
        cost = self.likelihood.penalty * sum(map(len, sets.values()))
        return self._value(self.table.rows[held].sum(), self.table.totals[held].sum(), cost) if sets else 0.0

    def _value(self, rows: float, total: float, cost: float) -> float:
        few = rows < self.search.least_rows
        return -np.inf if few else float(self.likelihood(np.array(rows), np.array(total))) - cost

    def _rests(self, axis: int, sets: Sets) -> list[Sets]:
        """The other columns' conditions; one of them is given up where there is no room for a further one."""
        others = {place: levels for place, levels in sets.items() if place != axis}
        if len(others) < self.search.depth:
            return [others]
        without = [{place: levels for place, levels in others.items() if place != left} for left in sorted(others)]
        return [others, *without]

    def _best(self, axis: int, rest: Sets) -> tuple[float, Sets]:
        """The best set of levels of a column, given the conditions on the others."""
        held = np.flatnonzero(self.table.holds(rest) & (self.table.rows > 0))
        rows, totals = self.table.by_level(axis, held)
        cost = self.likelihood.penalty * sum(map(len, rest.values()))
        none = self._value(rows.sum(), totals.sum(), cost) if rest else 0.0
        if len(rest) == self.search.depth or not len(held):
            return none, rest
        present = np.flatnonzero(rows > 0)
        choices = _choices(self.likelihood, rows[present], totals[present])
        choices = np.concatenate([choices, _enlarged(choices, rows[present], self.search.least_rows)])
        self.scored += len(choices)
        counts = choices @ rows[present]
        scores = self.likelihood(counts, choices @ totals[present])
        scores = scores - self.likelihood.penalty * choices.sum(axis=1) - cost
        # All levels are no condition.
        scores[(counts < self.search.least_rows) | choices.all(axis=1)] = -np.inf
        best = int(np.argmax(scores))
        if scores[best] <= none + _GAIN:
            return none, rest
        return float(scores[best]), {**rest, axis: tuple(int(level) for level in present[choices[best]])}


def _choices(likelihood: _Likelihood, rows: Array, totals: Array) -> Array:
    """Sets of levels of which one is best, shape (sets, levels)."""
    means = totals / rows
    order = np.argsort(-likelihood.sign * means, kind="stable")
    beginnings = np.zeros((len(rows), len(rows)), bool)
    beginnings[:, order] = np.tri(len(rows), dtype=bool)
    if likelihood.penalty <= 0:
        return beginnings
    alternatives = np.linspace(likelihood.mean, means[order[0]], _GRID + 1)[1:, None]
    worth = rows * likelihood.unit(means, alternatives) > likelihood.penalty
    return np.concatenate([beginnings, worth[worth.any(axis=1)]])


def _enlarged(choices: Array, rows: Array, least: int) -> Array:
    """Sets that are too small with one further level each; without them, a bound on rows hides good sets."""
    small = choices[choices @ rows < least] if len(rows) <= _FEW else choices[:0]
    more = small[:, None, :] | np.eye(len(rows), dtype=bool)
    return np.asarray(more.reshape(-1, len(rows)))


def _random_sets(table: Cells, depth: int, draws: np.random.Generator) -> Sets:
    wide = [place for place, axis in enumerate(table.axes) if axis.size > 1]
    number = int(draws.integers(1, min(depth, len(wide)) + 1)) if wide else 0
    sets: Sets = {}
    for place in sorted(int(each) for each in draws.choice(wide, number, replace=False)) if number else ():
        size = table.axes[place].size
        kept = draws.permutation(size)[: int(draws.integers(1, size))]
        sets[place] = tuple(sorted(int(level) for level in kept))
    return sets


def _times_log(weights: Array, at: Array, base: float) -> Array:
    """The weights times log(at / base); 0 where the weight is 0."""
    weights, at = np.broadcast_arrays(weights, at)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(weights > 0, weights * (np.log(at) - np.log(base)), 0.0)
