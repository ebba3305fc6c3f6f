"""Honest: what is left of a search's finds once it is counted how many groups were looked at."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import DataError, SpecError
from evenhand.core.items import Pattern, Search
from evenhand.core.subgroup import Searcher
from evenhand.discovering.folding import Folded, folded, standing, told_apart
from evenhand.discovering.gaps import Gap, gap_of
from evenhand.discovering.looking import Looking
from evenhand.discovering.people import People
from evenhand.discovering.permuting import MOST_SEARCHED, extremes, largest

Array = NDArray[Any]
Honest = Literal["halves", "permutations"]

# Shuffles of the outcome; the smallest p-value is then 1 in 200.
SHUFFLES = 199
# By how many standard errors a find must differ without the rows of stronger ones, where it was found ...
STILL = 3.0
# ... and on the half that decides.
CONFIRMED = 2.0
_NORMAL = NormalDist()


@dataclass(frozen=True, eq=False)
class Kept:
    """A find that the deciding rows confirm."""

    find: Folded
    gap: Gap
    p_value: float


@dataclass(frozen=True, eq=False)
class Findings:
    """What was confirmed, how many groups were looked at, and how many standard errors an interval reaches."""

    kept: tuple[Kept, ...]
    searched: int
    reach: float
    method: str
    found_by: Mapping[Pattern, Searcher]
    deciding: int  # how many rows decided


def by_halves(look: Looking, people: People, search: Search, *, level: float, most: int) -> Findings:
    """One half is searched, the other decides; p-values are corrected for the finds (Bonferroni).

    What is decided is a handful of groups, whatever number was searched, because the deciding rows were not seen.
    """
    seen, unseen = _halves(people, search.seed)
    least = replace(search, least_rows=max(search.least_rows // 2, 2))
    finds, searched = _found(look, seen, least, most=most)
    kept = []
    for each in finds:
        found = gap_of(unseen, each.pattern)
        # Two-sided, as the interval is; but which way was decided by the half that was searched.
        p = min(1.0, 2 * found.tail(_direction(each, search)) * len(finds))
        if found.known and p <= 1 - level:
            kept.append(Kept(each, found, p))
    new = told_apart(standing([each.find for each in kept], unseen, least, bar=CONFIRMED), people)
    kept = [each for each in kept if each.find in new]
    reach = _NORMAL.inv_cdf(1 - (1 - level) / (2 * max(len(finds), 1)))
    method = f"{_method(unseen)}, Bonferroni over {len(finds)} finds, on the half that was not searched"
    return Findings(_ordered(kept), searched, reach, method, dict(look.found_by), unseen.items.rows)


def _found(look: Looking, seen: People, least: Search, *, most: int) -> tuple[list[Folded], int]:
    """What the search finds, and then what it finds among the rows that no find has; how many groups it looked at.

    The strongest candidates are mostly other names of one large group, behind which smaller ones would never be seen.
    From the second time on, a find must be stronger than the largest that noise has in so many groups.
    """
    candidates, searched = look(seen.items, seen.target, least)
    finds = folded(candidates, seen, least, most=most, bar=STILL)
    known = 0
    while known < len(finds) < most:
        known = len(finds)
        left = seen.chosen(np.flatnonzero(~np.logical_or.reduce([each.holds for each in finds])))
        if int(left.target.counted.sum()) < 2 * least.least_rows:
            break
        candidates, looked = look(left.items, left.target, least)
        searched += looked
        bar = max(STILL, math.sqrt(2 * math.log(max(looked, 1))))
        strong = [each for each in candidates if each.score >= bar]
        finds = folded(strong, seen, least, most=most, bar=bar, kept=finds)
    return finds, searched


def _method(people: People) -> str:
    if people.blocks is not None:
        return "sums of blocks"
    values = people.target.values[people.target.counted]
    return "Newcombe" if bool(((values == 0) | (values == 1)).all()) else "Welch"


def _halves(people: People, seed: int) -> tuple[People, People]:
    """Two halves at random; rows of one block are in the same half."""
    generator = np.random.default_rng(seed)
    rows = people.items.rows
    if people.blocks is None:
        first = np.zeros(rows, bool)
        first[generator.permutation(rows)[: rows // 2]] = True
    else:
        number = int(people.blocks.max()) + 1
        if number < 4:
            raise DataError(f"The rows are {number} blocks; halves of at least 2 blocks each need 4.")
        first = (generator.permutation(number) < number // 2)[people.blocks]
    return people.chosen(np.flatnonzero(first)), people.chosen(np.flatnonzero(~first))


def by_permutations(look: Looking, people: People, search: Search, *, level: float, most: int) -> Findings:
    """Every row is searched; the same search of shuffled outcomes says what the largest find is by chance alone.

    Westfall and Young, Resampling-based multiple testing (1993): a find's p-value is the share of shuffles whose
    largest find is at least as strong, which holds for all finds together.
    """
    if people.blocks is not None:
        raise SpecError("Rows of a block cannot be shuffled one by one; use halves, which keep blocks whole.")
    others, counted = [name for name in look.named if name != "lattice"], int(people.target.counted.sum())
    if others and counted > MOST_SEARCHED:
        raise SpecError(
            f"Permutations repeat a search {SHUFFLES} times, which takes too long for {others[0]} beyond "
            f"{MOST_SEARCHED:,} rows (here {counted:,}); use halves, or the lattice."
        )
    candidates, searched = look(people.items, people.target, search)
    chance, either = _by_chance(look, people, search)
    reach = float(np.quantile(either, level, method="higher"))
    kept = []
    for each in told_apart(folded(candidates, people, search, most=most, bar=reach), people):
        p = (1 + int((chance >= each.score - 1e-9).sum())) / (SHUFFLES + 1)
        if p <= 1 - level:
            kept.append(Kept(each, gap_of(people, each.pattern), p))
    method = f"{_method(people)}, as wide as the largest find of {SHUFFLES} searches of shuffled outcomes"
    return Findings(_ordered(kept), searched, reach, method, dict(look.found_by), people.items.rows)


def _by_chance(look: Looking, people: People, search: Search) -> tuple[Array, Array]:
    """The largest find of each shuffle: towards the direction that is looked for (or more, to be safe), and either."""
    either = chance = np.zeros(SHUFFLES)
    if "lattice" in look.named:
        high, low = extremes(people.items, people.target, search, ranges=look.ranges, shuffles=SHUFFLES)
        either = np.maximum(high, -low)
        chance = {1: high, -1: -low, 0: either}[search.direction]
    others = [name for name in look.named if name != "lattice"]
    if others:
        more = largest(Looking(others), people.items, people.target, search, shuffles=SHUFFLES)
        either, chance = np.maximum(either, more), np.maximum(chance, more)
    return chance, either


HONEST: dict[Honest, Callable[..., Findings]] = {"halves": by_halves, "permutations": by_permutations}


def _direction(find: Folded, search: Search) -> int:
    """Where either way is looked for, the searched half says which way the other must confirm."""
    return search.direction or (1 if find.gap.size > 0 else -1)


def _ordered(kept: list[Kept]) -> tuple[Kept, ...]:
    """The surest first."""
    return tuple(sorted(kept, key=lambda each: -abs(each.gap.z)))
