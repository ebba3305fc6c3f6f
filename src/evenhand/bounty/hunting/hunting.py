"""Hunting: candidates from each half of the public rows are handed in only if the other half confirms their gain.

The group is chosen, and the answers are learnt, from one half; the mean fall of the loss is measured on the other,
which neither has seen, and must be beyond chance for as many candidates as there were. What is handed in is then
learnt anew from all public rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.bounty.hunting.coding import Coding
from evenhand.bounty.hunting.hunters import HUNTERS, Candidate, HunterName
from evenhand.bounty.hunting.learners import Answers
from evenhand.bounty.hunting.rows import Half, Known, Task, Unlabelled
from evenhand.certificates.counting import Counting
from evenhand.certificates.paired_z import PairedZ
from evenhand.core.certificate import Ruling, Spent
from evenhand.core.errors import DataError, SpecError, suggestion
from evenhand.core.group import Group
from evenhand.core.loss import Loss
from evenhand.models.membership import Members

Array = NDArray[Any]

# The chance that a hunt hands in anything where there is nothing to find.
DELTA = 0.05
FEWEST_ROWS = 200
# Fewer rows inside a group teach nothing.
_LEAST_INSIDE = 20


@dataclass(frozen=True, eq=False)
class Find:
    """A group and better answers for its hidden rows, in their order; the gain was measured on rows not learnt from."""

    group: Group
    mask: Array
    answers: Array
    how: HunterName
    gain: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True, eq=False)
class Confirmed:
    """A candidate that rows not learnt from confirm, and answers for all public rows by learners that saw others."""

    candidate: Candidate
    ruling: Ruling
    mask: Array
    before: Array
    answers: Array
    rows: Array
    """The places of the rows that confirm."""


def hunt(
    public: Known,
    hidden: Unlabelled,
    *,
    loss: Loss,
    classes: int = 0,
    seed: int = 0,
    by: Sequence[HunterName] = tuple(HUNTERS),
) -> Iterator[Find]:
    """Find groups that could be answered better, strongest first; each later one adds to those before it.

    `classes` is how many classes there are where answers are no numbers. The same seed finds the same. Raises DataError
    for too few public rows, SpecError for a hunter that does not exist, MissingExtra without scikit-learn.
    """
    search = Search(public, Task(loss, classes, seed))
    matrix, current = search.coding.matrix(hidden.columns), hidden.current.copy()
    for found in search.confirmed(by):
        candidate, mask = found.candidate, Members(hidden.columns).mask(found.candidate.group)
        if not mask.any():
            continue
        answers = search.learnt(candidate, np.arange(len(public)))(matrix[mask], current[mask])
        if np.array_equal(answers, current[mask]):
            continue
        current[mask] = answers
        ruling, rows = found.ruling, int(found.mask.sum())
        yield Find(candidate.group, mask, answers, candidate.how, ruling.gain, ruling.low, ruling.high, rows)


class Search:
    """Public rows in two halves, each of which confirms what the other proposes."""

    def __init__(self, public: Known, task: Task) -> None:
        """Raises DataError where there are too few rows to halve, or no column that groups could be made of."""
        if len(public) < FEWEST_ROWS:
            raise DataError(f"There are {len(public)} public rows; a hunt needs {FEWEST_ROWS}. Give more.")
        self.public, self.task = public, task
        self.coding = Coding(public.columns)
        if not self.coding.columns:
            raise DataError("No public column holds numbers or texts that differ, so there are no groups to hunt for.")
        self.matrix = self.coding.matrix(public.columns)
        self.members = Members(public.columns)
        order = np.random.default_rng([task.seed, 1]).permutation(len(public))
        self.halves = (np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :]))
        self._learnt: dict[tuple[Any, ...], Answers] = {}

    def confirmed(self, by: Sequence[HunterName]) -> Iterator[Confirmed]:
        """What the other half confirms, strongest first, each beside the answers of those before it."""
        left = [(self.halves[1 - side], each) for side in (0, 1) for each in self._proposed(side, by)]
        checker = PairedZ(counting=Counting(delta=DELTA, fresh_folds=True))  # nobody adapts to what is confirmed
        current, budget, taken = self.public.current.copy(), max(len(left), 1), 0
        answered = [(rows, each, self._answered(each, rows)) for rows, each in left]
        while answered:
            spent = Spent(accepted=taken, budget=budget, accept_at_most=budget, number=1)
            ruled = [(checker.rule(self._fall(each, given, current, rows), spent), rows, each, given)
                     for rows, each, given in answered]  # fmt: skip
            standing = [one for one in ruled if one[0].accepted]
            if not standing:
                return
            ruling, rows, best, _ = max(standing, key=lambda one: one[0].gain - one[0].bar)
            mask, given = self.members.mask(best.group), self._answered(best, *self.halves)
            yield Confirmed(best, ruling, mask, current.copy(), given, rows)
            current[mask] = given[mask]
            taken += 1
            answered = [one[1:] for one in standing if one[2] is not best]

    def learnt(self, candidate: Candidate, rows: Array) -> Answers:
        """What a candidate's learner makes of these rows, or of those in its group."""
        if candidate.inside:
            rows = rows[self.members.mask(candidate.group)[rows]]
        if len(rows) < _LEAST_INSIDE:
            return lambda _, now: now
        key = (id(candidate.learner), str(candidate.group) if candidate.inside else "", len(rows), int(rows[0]))
        if key not in self._learnt:
            public = self.public
            self._learnt[key] = candidate.learner(self.matrix[rows], public.labels[rows], public.current[rows])
        return self._learnt[key]

    def _proposed(self, side: int, by: Sequence[HunterName]) -> Iterator[Candidate]:
        rows, public = self.halves[side], self.public
        columns = {name: values[rows] for name, values in public.columns.items()}
        known = Known(columns, public.labels[rows], public.current[rows])
        for name in by:
            if name not in HUNTERS:
                raise SpecError(f"No hunter is called {name!r}.{suggestion(name, list(HUNTERS))}")
            yield from HUNTERS[name](Half(known, self.coding, self.matrix[rows]), self.task)

    def _answered(self, candidate: Candidate, *asked: Array) -> Array:
        """Answers for these halves, learnt from the other one."""
        out = self.public.current.copy()
        for mine in asked:
            others = self.halves[1 if mine is self.halves[0] else 0]
            given = self.learnt(candidate, others)(self.matrix[mine], out[mine])
            if given.dtype != out.dtype:
                out = out.astype(np.result_type(out, given))
            out[mine] = given
        return out

    def _fall(self, candidate: Candidate, answers: Array, current: Array, rows: Array) -> Array:
        """By how much the loss of these rows falls, zero outside the group."""
        labels, loss = self.public.labels[rows], self.task.loss
        fall = loss.rows(labels, current[rows]) - loss.rows(labels, answers[rows])
        return np.where(self.members.mask(candidate.group)[rows], fall, 0.0)
