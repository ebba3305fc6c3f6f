"""Bounds: constraints on rates of groups as rows of a linear programme, and what breaking them costs each decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from evenhand.core.confusion import Rate
from evenhand.core.constraint import Constraint
from evenhand.core.errors import SpecError
from evenhand.mitigations.during.oracles import Oracles

Array = NDArray[Any]


@dataclass(frozen=True)
class Block:
    """One rate of one constraint: the places of its groups' rates among all that are measured."""

    constraint: Constraint
    rate: Rate
    places: tuple[int, ...]
    groups: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Bounds:
    """Linear functions of decisions (`moments @ decisions`), and inequalities upon them.

    rates @ matrix.T + free @ spare.T <= limits, where `free` are numbers of the programme's own: the lowest rate that a
    difference starts from, or the highest that a ratio refers to. Two rows a group, not one for each pair.
    """

    moments: csr_array
    matrix: Array
    spare: Array
    limits: Array


@dataclass(frozen=True, eq=False)
class Programme:
    """The solution: a weight for each member, its cost, and what each rate's change by one would cost."""

    weights: Array
    cost: float
    multipliers: Array
    constant: float
    status: str


def blocks_of(
    labels: Array, places: Array, weight: Array, constraints: Sequence[Constraint]
) -> tuple[csr_array, list[Block]]:
    """The rates that the constraints bound, of each group that has rows for them."""
    count, blocks, rows = int(places.max()) + 1, [], []
    width = 0
    for constraint in constraints:
        for rate in constraint.rates:
            shares = _shares(labels, places, weight, rate, count)
            defined = np.flatnonzero(np.diff(shares.indptr))
            rows.append(shares[defined])
            found = tuple(range(width, width + len(defined)))
            blocks.append(Block(constraint, rate, found, tuple(defined.tolist())))
            width += len(defined)
    return csr_array(vstack(rows)), blocks


def _shares(labels: Array, places: Array, weight: Array, rate: Rate, count: int) -> csr_array:
    """A row for each group: what each decision adds to its rate."""
    counted = weight > 0
    if rate != "selection":
        counted &= labels == (rate == "true positive")
    here = np.flatnonzero(counted)
    whole = np.bincount(places[here], weight[here], count)
    return csr_array((weight[here] / whole[places[here]], (places[here], here)), shape=(count, len(labels)))


def bounds_of(moments: csr_array, blocks: Sequence[Block]) -> Bounds:
    """The inequalities of the blocks, largest against smallest."""
    sizes = [len(block.places) * (1 if block.constraint.form == "least" else 2) for block in blocks]
    matrix = np.zeros((sum(sizes), moments.shape[0]))
    spare, limits = np.zeros((sum(sizes), len(blocks))), np.zeros(sum(sizes))
    row = 0
    for number, block in enumerate(blocks):
        bound, form = block.constraint.bound, block.constraint.form
        for place in block.places:
            if form == "least":  # bound <= rate
                matrix[row, place], limits[row] = -1, -bound
            elif form == "difference":  # free <= rate <= free + bound
                matrix[row, place], spare[row, number], limits[row] = 1, -1, bound
                matrix[row + 1, place], spare[row + 1, number] = -1, 1
            else:  # bound * free <= rate <= free
                matrix[row, place], spare[row, number] = 1, -1
                matrix[row + 1, place], spare[row + 1, number] = -1, bound
            row += 1 if form == "least" else 2
    return Bounds(moments, matrix, spare, limits)


@dataclass(frozen=True, eq=False)
class Task:
    """What is minimised and what is bounded: reward of deciding 1 for each row, and inequalities on rates."""

    rewards: Array
    bounds: Bounds
    blocks: Sequence[Block]
    missed: float  # the cost of deciding 0 for everyone

    def costs(self, oracles: Oracles) -> Array:
        """The error of each member."""
        return np.array([self.missed - self.rewards[member.decisions].sum() for member in oracles.members])

    def priced(self, multipliers: Array) -> Array:
        """The rewards of deciding 1, less what that does to the rates."""
        return np.asarray(self.rewards - multipliers @ self.bounds.moments)

    def rates(self, names: Sequence[str], oracles: Oracles, shares: Array) -> dict[str, dict[Rate, float]]:
        """The expected rates of a mixture of all members, by group."""
        found: dict[str, dict[Rate, float]] = {name: {} for name in names}
        expected = shares @ oracles.measured(self.bounds.moments)
        for block in self.blocks:
            for place, group in zip(block.places, block.groups, strict=True):
                found[names[group]][block.rate] = float(expected[place])
        return found


def task_of(labels: Array, places: Array, weight: Array, constraints: Sequence[Constraint]) -> Task:
    """The task of fewest errors within constraints between groups."""
    share = weight / weight.sum()
    moments, blocks = blocks_of(labels, places, weight, constraints)
    return Task(share * (2 * labels - 1), bounds_of(moments, blocks), blocks, float(share @ labels))


def solve(costs: Array, measured: Array, bounds: Bounds) -> Programme:
    """The mixture of members of least cost within the bounds; raises SpecError where there is none."""
    members, free = len(costs), bounds.spare.shape[1]
    inside = np.column_stack((bounds.matrix @ measured.T, bounds.spare))
    found = linprog(
        np.concatenate((costs, np.zeros(free))),
        A_ub=inside if len(inside) else None,
        b_ub=bounds.limits if len(inside) else None,
        A_eq=np.concatenate((np.ones(members), np.zeros(free)))[None],
        b_eq=[1.0],
        bounds=[(0, 1)] * members + [(None, None)] * free,
        method="highs",
    )
    if found.x is None:
        raise SpecError(f"No mixture keeps the bounds: {str(found.message).strip()} Loosen a bound.")
    prices = np.maximum(-np.asarray(found.ineqlin.marginals), 0) if len(inside) else np.zeros(0)
    weights = np.where(found.x[:members] > 1e-9, found.x[:members], 0)
    weights = weights / weights.sum()
    constant = -float(prices @ bounds.limits)
    return Programme(weights, float(costs @ weights), prices @ bounds.matrix, constant, str(found.message).strip())
