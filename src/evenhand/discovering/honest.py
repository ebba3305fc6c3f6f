"""Honest: what is left of a search's finds once it is counted how many groups were looked at."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from evenhand.core.items import Candidate, Items, Pattern, Search, Target
from evenhand.discovering.folding import Folded, folded
from evenhand.discovering.people import People

Array = NDArray[Any]
Honest = Literal["halves", "permutations"]

# Shuffles of the outcome; the smallest p-value is then 1 in 200.
SHUFFLES = 199
_NORMAL = NormalDist()


class Looking(Protocol):
    """A search, or several in one."""

    def __call__(self, items: Items, target: Target, search: Search) -> tuple[Sequence[Candidate], int]:
        """Candidates, strongest first, and how many groups were looked at."""


@dataclass(frozen=True, eq=False)
class Gap:
    """A group's outcome against everyone else's, in rows that decide."""

    rows: int
    value: float
    elsewhere: float
    error: float

    @property
    def size(self) -> float:
        """How far apart."""
        return self.value - self.elsewhere

    @property
    def z(self) -> float:
        """In standard errors."""
        return self.size / self.error if self.error > 0 else 0.0


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
    found_by: dict[Any, Any]
    deciding: int  # how many rows decided


def gap_of(target: Target, holds: Array) -> Gap:
    """The mean outcome of a group and of the rest, with the standard error of their difference (Welch)."""
    inside, outside = (target.values[target.counted & side] for side in (holds, ~holds))
    if len(inside) < 2 or len(outside) < 2:
        return Gap(len(inside), math.nan, math.nan, math.inf)
    # One hit more and one miss more than there are, so that a group without any error has a standard error too.
    spread = [float(np.var(side, ddof=1)) + (float(np.ptp(target.values)) ** 2) / len(side) ** 2
              for side in (inside, outside)]  # fmt: skip
    error = math.sqrt(spread[0] / len(inside) + spread[1] / len(outside))
    return Gap(len(inside), float(inside.mean()), float(outside.mean()), error)


def by_halves(look: Looking, people: People, search: Search, *, level: float, most: int) -> Findings:
    """One half is searched, the other decides; p-values are corrected for the finds by Holm's rule.

    What is decided is a handful of groups, whatever number was searched, because the deciding rows were not seen.
    """
    order = np.random.default_rng(search.seed).permutation(people.items.rows)
    half = people.items.rows // 2
    seen, unseen = (people.chosen(np.sort(places)) for places in (order[:half], order[half:]))
    least = replace(search, least_rows=max(search.least_rows // 2, 2))
    candidates, searched = look(seen.items, seen.target, least)
    finds = folded(candidates, seen, least, most)
    gaps = [gap_of(unseen.target, each.pattern.holds(unseen.items)) for each in finds]
    corrected = _holm([_tail(gap.z, _direction(each, search)) for each, gap in zip(finds, gaps, strict=True)])
    kept = tuple(
        Kept(each, gap, p)
        for each, gap, p in zip(finds, gaps, corrected, strict=True)
        if p <= 1 - level and not math.isnan(gap.value)
    )
    reach = _NORMAL.inv_cdf(1 - (1 - level) / (2 * max(len(finds), 1)))
    return Findings(
        _ordered(kept), searched, reach, "Welch, Bonferroni over the finds, on the half that was not searched",
        _found_by(look), unseen.items.rows,
    )  # fmt: skip


def by_permutations(look: Looking, people: People, search: Search, *, level: float, most: int) -> Findings:
    """Every row is searched; the same search of shuffled outcomes says what the largest find is by chance alone."""
    candidates, searched = look(people.items, people.target, search)
    generator = np.random.default_rng(search.seed)
    chance = np.array([_largest(look, people, search, generator) for _ in range(SHUFFLES)])
    finds = folded(candidates, people, search, most)
    kept = []
    for each in finds:
        gap = gap_of(people.target, each.pattern.holds(people.items))
        p = (1 + int((chance >= _strength(gap.z, search)).sum())) / (SHUFFLES + 1)
        if p <= 1 - level:
            kept.append(Kept(each, gap, p))
    reach = float(np.quantile(chance, level))
    return Findings(
        _ordered(tuple(kept)), searched, reach, f"largest find of {SHUFFLES} searches of shuffled outcomes",
        _found_by(look), people.items.rows,
    )  # fmt: skip


HONEST: dict[Honest, Callable[..., Findings]] = {"halves": by_halves, "permutations": by_permutations}


def _largest(look: Looking, people: People, search: Search, generator: np.random.Generator) -> float:
    values = people.target.values.copy()
    counted = np.flatnonzero(people.target.counted)
    values[counted] = generator.permutation(values[counted])
    shuffled = Target(values, people.target.counted)
    candidates, _ = look(people.items, shuffled, replace(search, most=20))
    strongest = (gap_of(shuffled, each.pattern.holds(people.items)).z for each in candidates[:20])
    return max((_strength(z, search) for z in strongest), default=0.0)


def _strength(z: float, search: Search) -> float:
    return abs(z) if search.direction == 0 else z * search.direction


def _direction(find: Folded, search: Search) -> int:
    """Where either way is looked for, the searched half says which way the other must confirm."""
    return search.direction or (1 if find.gap > 0 else -1)


def _tail(z: float, direction: int) -> float:
    return 1 - _NORMAL.cdf(z * direction)


def _holm(p_values: Sequence[float]) -> list[float]:
    """Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979)."""
    order = np.argsort(p_values)
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order.tolist()):
        largest = max(largest, min(1.0, p_values[place] * (len(p_values) - rank)))
        corrected[place] = largest
    return corrected


def _ordered(kept: tuple[Kept, ...]) -> tuple[Kept, ...]:
    """The surest first."""
    return tuple(sorted(kept, key=lambda each: -abs(each.gap.z)))


def _found_by(look: Looking) -> dict[Pattern, Any]:
    return dict(getattr(look, "found_by", {}))
