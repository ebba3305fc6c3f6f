"""Folding: of many finds that are much the same rows, the ones worth a sentence of their own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.items import Candidate, Pattern, Search, Target
from evenhand.discovering.people import People

Array = NDArray[Any]

# Finds that share more of their rows than this (of all rows in either) are one group with several names.
SAME = 0.8
# What is left of a find without the rows of earlier ones must still differ by this many standard errors.
STILL = 3.0
# Candidates looked at; weaker ones would have to differ from all of these.
CANDIDATES = 400
# The names of a group shown beside its first.
NAMES = 3


@dataclass(eq=False)
class Folded:
    """A find, its gap where it was found, and other names of nearly the same rows."""

    pattern: Pattern
    gap: float
    holds: Array
    also: tuple[Pattern, ...] = ()


def folded(candidates: Sequence[Candidate], people: People, search: Search, most: int) -> list[Folded]:
    """At most `most` finds, strongest first, that each say something the earlier ones do not."""
    kept: list[Folded] = []
    covered = np.zeros(people.items.rows, bool)
    for each in candidates[:CANDIDATES]:
        holds = each.pattern.holds(people.items)
        same = next((other for other in kept if _shared(holds, other.holds) >= SAME), None)
        if same is not None:
            same.also = (*same.also, each.pattern)[:NAMES]
            continue
        if kept and not _new(holds, covered, kept, people.target, search):
            continue
        kept.append(Folded(each.pattern, _difference(people.target, holds, ~holds)[0], holds))
        covered |= holds
        if len(kept) == most:
            break
    return kept


def _new(holds: Array, covered: Array, kept: Sequence[Folded], target: Target, search: Search) -> bool:
    """Whether the rows no earlier find has still differ, or the find is far worse than the one it is part of."""
    alone = holds & ~covered
    if int((alone & target.counted).sum()) >= search.least_rows // 2:
        return _sign(_difference(target, alone, ~holds & ~covered)[1], search) >= STILL
    host = max(kept, key=lambda other: int((other.holds & holds).sum()))
    gap, z = _difference(target, holds, host.holds & ~holds)
    return _sign(z, search) >= STILL and abs(gap) >= abs(host.gap) / 2


def _sign(z: float, search: Search) -> float:
    return abs(z) if search.direction == 0 else z * search.direction


def _difference(target: Target, first: Array, second: Array) -> tuple[float, float]:
    """The gap of two sets of rows, and in standard errors."""
    one, two = (target.values[target.counted & side] for side in (first, second))
    if len(one) < 2 or len(two) < 2:
        return 0.0, 0.0
    gap = float(one.mean() - two.mean())
    error = math.sqrt(float(np.var(one, ddof=1)) / len(one) + float(np.var(two, ddof=1)) / len(two))
    return gap, gap / error if error > 0 else 0.0


def _shared(first: Array, second: Array) -> float:
    either = int((first | second).sum())
    return int((first & second).sum()) / either if either else 0.0
