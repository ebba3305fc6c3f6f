"""Cutting planes: prices for many rows, from tangents of the dual, one for each block of rows and round (Kelley 1960).

The tangents bound the least value from below, so the gap to the best value seen says how far from the optimum it is.
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from evenhand.mitigations.after.dual import Problem, solve_near

Array = NDArray[Any]

ROUNDS, GAP, BOX = 150, 1e-7, 4.0
# With more groups than this, prices are too many for tangents; where each row knows its group, the exact programme is
# thin, and fast enough.
GROUPS = 60
# Rows of one exact linear programme, and how many of those may follow the tangents.
ROWS, POLISHED = 6_000, 4


def solve_dual(problem: Problem, *, rows: int = ROWS) -> tuple[Array, str]:
    """The prices (events x groups, in the units of the features), and how near to the optimum they are.

    Up to `rows` rows by one linear programme. More: by tangents, then exactly near the best prices, where most rows
    keep their class whatever the prices. With many groups, always by one.
    """
    if len(problem.values) <= rows or problem.units.shape[1] > GROUPS:
        found = solve_near(problem, np.arange(len(problem.values)), np.zeros_like(problem.units), np.inf)
        return (np.zeros_like(problem.units), "No optimum was found") if found is None else (found, "Optimal")
    blocks = problem.features.sum(axis=1).argmax(axis=1)
    prices, gap = descend(problem, np.zeros_like(problem.units), blocks)
    moved, least = problem.features.sum(axis=(1, 2)), problem.dual(prices)
    for _ in range(POLISHED):
        found, reach = _polished(problem, prices, moved, rows)
        now = np.inf if found is None else problem.dual(found)
        if found is None or now >= least:
            break
        inside = bool(np.abs(found - prices).max() < reach * (1 - 1e-6))
        prices, gap, least = found, max(gap - (least - now), 0.0), now
        if inside:
            return prices, "Optimal"
    return prices, f"Within {gap:.1g} of the optimum"


def _polished(problem: Problem, prices: Array, moved: Array, rows: int) -> tuple[Array | None, float]:
    """The best prices near these, and what near means: `rows` rows may change their class."""
    gains = problem.gains(prices)
    upper = np.partition(gains, gains.shape[1] - 2, axis=1)
    # Prices within `reach` change the lead of a class by at most `reach` times the row's features.
    needed = np.divide(upper[:, -1] - upper[:, -2], moved, out=np.full(len(moved), np.inf), where=moved > 0)
    reach = max(float(np.partition(needed, rows)[rows]), 1e-9)
    still_open = np.flatnonzero(needed <= reach)
    if len(still_open) > 4 * rows:
        return None, reach
    return solve_near(problem, still_open, prices, reach, gains.argmax(axis=1)), reach


def descend(problem: Problem, start: Array, blocks: Array) -> tuple[Array, float]:
    """The best prices found, and how far their value may be above the least.

    `blocks` puts rows together (small whole numbers), best such that few prices matter to each: by group where known.
    """
    best, least, lowest = start, np.inf, -np.inf
    tangents: list[tuple[Array, Array]] = []
    prices, box, count = start, BOX, int(blocks.max()) + 1
    for _ in range(ROUNDS):
        values, slopes = _tangents(problem, prices, blocks, count)
        tangents.append((values, slopes))
        value = float(values.sum() + np.einsum("beg,eg->", slopes, prices) + problem.penalty(prices))
        if value < least:
            best, least = prices, value
        prices, lowest = _lowest(problem, tangents, box)
        if np.abs(prices).max() >= box * (1 - 1e-9) and box < 1e4:
            box *= 2
        elif least - lowest < GAP:
            break
    return best, max(least - lowest, 0.0)


def _tangents(problem: Problem, prices: Array, blocks: Array, count: int) -> tuple[Array, Array]:
    """Of each block, its share of the mean of best gains, as a value without prices and slopes (events x groups)."""
    chosen, whole = problem.gains(prices).argmax(axis=1), len(blocks)
    values = np.bincount(blocks, problem.values[np.arange(whole), chosen], count) / whole
    slopes = np.zeros((count, *prices.shape))
    for event, place in enumerate(problem.classes):
        for group in range(prices.shape[1]):
            paid = problem.features[:, event, group] * (chosen == place)
            slopes[:, event, group] = -np.bincount(blocks, paid, count) / whole
    return values, slopes


def _lowest(problem: Problem, tangents: Sequence[tuple[Array, Array]], box: float) -> tuple[Array, float]:
    """The prices at which the highest tangents are least. Variables: prices, their positive parts, blocks' values."""
    events, groups = problem.units.shape
    width, count = events * groups, len(tangents[0][0])
    units = problem.units.ravel()
    slopes = np.concatenate([slopes.reshape(count, width) for _, slopes in tangents])
    ends = -np.concatenate([values for values, _ in tangents])
    tied = np.tile(-np.eye(count), (len(tangents), 1))
    system = np.block(
        [[slopes, np.zeros((len(slopes), width)), tied], [np.eye(width), -np.eye(width), np.zeros((width, count))]]
    )
    sums = np.hstack([np.kron(np.eye(events), np.ones(groups)) * units, np.zeros((events, width + count))])
    cost = np.concatenate((np.zeros(width), np.repeat(problem.bounds, groups) * units, np.ones(count)))
    free = np.where(units > 0, box, 0.0)
    low = np.concatenate((-free, np.zeros(width), np.full(count, -np.inf)))
    high = np.concatenate((free, np.full(width + count, np.inf)))
    found = cast(Any, linprog)(  # its types know no bounds as an array
        cost,
        A_ub=system,
        b_ub=np.concatenate((ends, np.zeros(width))),
        A_eq=sums,
        b_eq=np.zeros(events),
        bounds=np.column_stack((low, high)),
        method="highs",
    )
    if found.x is None:
        return np.zeros((events, groups)), -np.inf
    return found.x[:width].reshape(events, groups), float(found.fun)
