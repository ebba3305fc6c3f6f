"""Hunters: three ways to a group and a learner for it, each from one half of the rows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evenhand.bounty.hunting.cutting import LEAST_ROWS, groups_of
from evenhand.bounty.hunting.learners import Learner, cheapest, crossed, least_loss
from evenhand.bounty.hunting.rows import Half, Task
from evenhand.core.group import Group

Array = NDArray[Any]
HunterName = Literal["costs", "alternating", "discover"]

_TURNS = 4
_DISCOVERED = 5
_SUPPORT = 0.02


@dataclass(frozen=True, eq=False)
class Candidate:
    """A group, how answers for it are learnt — from its own rows only, or from all — and who proposes it."""

    group: Group
    learner: Learner
    inside: bool
    how: HunterName


Hunter = Callable[[Half, Task], Iterator[Candidate]]


def by_costs(half: Half, task: Task) -> Iterator[Candidate]:
    """Learn what each answer costs beside deferring; groups are where that pays, as a tree has it."""
    learner = cheapest(task, half.coding)
    for group in groups_of(half.coding, half.matrix, _gains(half, task, learner), seed=task.seed):
        yield Candidate(group, learner, inside=False, how="costs")


def alternating(half: Half, task: Task) -> Iterator[Candidate]:
    """Take turns: the answers with the least loss in the group, then the group in which they are better."""
    learner = least_loss(task, half.coding)
    inside, seen = np.ones(len(half.known), bool), set[str]()
    for _ in range(_TURNS):
        if int(inside.sum()) < 3 * LEAST_ROWS:
            return
        found = groups_of(half.coding, half.matrix, _gains(half, task, learner, inside), seed=task.seed)
        group = next(found, None)
        if group is None or str(group) in seen:
            return
        seen.add(str(group))
        yield Candidate(group, learner, inside=True, how="alternating")
        inside = half.members(group)


def by_discovery(half: Half, task: Task) -> Iterator[Candidate]:
    """Ask `discover` for groups with more error; answers are learnt from the rows of each."""
    import pyarrow

    from evenhand.core.subgroup import Question
    from evenhand.discovering import discover

    known, name = half.known, "loss"
    while name in known.columns:
        name += "_"
    columns = {each.name: known.columns[each.name] for each in half.coding.columns}
    table = pyarrow.table(
        {each: pyarrow.array(values, from_pandas=True) for each, values in columns.items()}
        | {name: task.loss.rows(known.labels, known.current)}
    )
    question = Question(outcome="column", column=name)
    found = discover(table, {"seed": task.seed}, question, support=_SUPPORT, most=_DISCOVERED, depth=2)
    for each in found.subgroups:
        yield Candidate(Group.parse(each.group), least_loss(task, half.coding), inside=True, how="discover")


def _gains(half: Half, task: Task, learner: Learner, inside: Array | None = None) -> Array:
    """By how much the loss of each row falls with answers learnt from other rows: of the group, where there is one."""
    known, matrix = half.known, half.matrix

    def within(rows: Array, labels: Array, current: Array) -> Any:
        # Rows are handed on with a last column that says whether they are in the group.
        here = rows[:, -1] > 0
        if not here.any():
            return lambda _, now: now
        answers = learner(rows[here, :-1], labels[here], current[here])
        return lambda others, now: answers(others[:, :-1], now)

    marked = matrix if inside is None else np.column_stack([matrix, inside])
    asked = learner if inside is None else within
    answers = crossed(asked, marked, known.labels, known.current, seed=task.seed)
    return task.loss.rows(known.labels, known.current) - task.loss.rows(known.labels, answers)


HUNTERS: Mapping[HunterName, Hunter] = {"costs": by_costs, "alternating": alternating, "discover": by_discovery}
