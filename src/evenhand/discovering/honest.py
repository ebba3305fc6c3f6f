"""Honest: what is left of a search's finds once it is counted how many groups were looked at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import DataError, SpecError
from evenhand.core.items import Pattern, Search
from evenhand.core.subgroup import Searcher
from evenhand.discovering.folding import Folded, folded, standing
from evenhand.discovering.gaps import Gap, gap_of
from evenhand.discovering.looking import Looking
from evenhand.discovering.people import People
from evenhand.discovering.permuting import extremes

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
    candidates, searched = look(seen.items, seen.target, least)
    finds = folded(candidates, seen, least, most=most, bar=STILL)
    kept = []
    for each in finds:
        found = gap_of(unseen, each.pattern)
        # Two-sided, as the interval is; but which way was decided by the half that was searched.
        p = min(1.0, 2 * found.tail(_direction(each, search)) * len(finds))
        if found.known and p <= 1 - level:
            kept.append(Kept(each, found, p))
    new = standing([each.find for each in kept], unseen, least, bar=CONFIRMED)
    kept = [each for each in kept if each.find in new]
    reach = _NORMAL.inv_cdf(1 - (1 - level) / (2 * max(len(finds), 1)))
    method = f"{_method(unseen)}, Bonferroni over {len(finds)} finds, on the half that was not searched"
    return Findings(_ordered(kept), searched, reach, method, dict(look.found_by), unseen.items.rows)


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
    if set(look.named) != {"lattice"}:
        raise SpecError("Permutations repeat the lattice's search only; use halves for scan, tree and linear.")
    if people.blocks is not None:
        raise SpecError("Rows of a block cannot be shuffled one by one; use halves, which keep blocks whole.")
    candidates, searched = look(people.items, people.target, search)
    high, low = extremes(people.items, people.target, search, ranges=look.ranges, shuffles=SHUFFLES)
    either = np.maximum(high, -low)
    chance = {1: high, -1: -low, 0: either}[search.direction]
    reach = float(np.quantile(either, level, method="higher"))
    kept = []
    for each in folded(candidates, people, search, most=most, bar=reach):
        p = (1 + int((chance >= each.score - 1e-9).sum())) / (SHUFFLES + 1)
        if p <= 1 - level:
            kept.append(Kept(each, gap_of(people, each.pattern), p))
    method = f"{_method(people)}, as wide as the largest find of {SHUFFLES} searches of shuffled outcomes"
    return Findings(_ordered(kept), searched, reach, method, dict(look.found_by), people.items.rows)


HONEST: dict[Honest, Callable[..., Findings]] = {"halves": by_halves, "permutations": by_permutations}


def _direction(find: Folded, search: Search) -> int:
    """Where either way is looked for, the searched half says which way the other must confirm."""
    return search.direction or (1 if find.gap.size > 0 else -1)


def _ordered(kept: list[Kept]) -> tuple[Kept, ...]:
    """The surest first."""
    return tuple(sorted(kept, key=lambda each: -abs(each.gap.z)))
