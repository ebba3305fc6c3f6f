"""Folding: of many finds that are much the same rows, the ones worth a sentence of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.items import Candidate, Pattern, Search, Target
from evenhand.discovering.gaps import Gap, gap, gap_of
from evenhand.discovering.people import People

Array = NDArray[Any]

# Finds that share more of their rows than this (of all rows in either) are one group with several names.
SAME = 0.8
# Finds that share half are not told apart by where a range is cut: the stronger one stands for both.
NEARLY = 0.5
# Finds weaker than this are what any search of noise comes with.
WEAKEST = 2.0
# A name with fewer conditions is preferred if the group differs almost as strongly.
ALMOST = 0.95
# Candidates looked at; weaker ones would have to differ from all of these.
CANDIDATES = 400
# The names of a group shown beside its first.
NAMES = 3


@dataclass(eq=False)
class Folded:
    """A find, how strong it is and which way it differs where it was found, and other names of nearly the same rows."""

    pattern: Pattern
    score: float
    gap: Gap
    holds: Array
    also: tuple[Pattern, ...] = ()

    def better(self, other: Candidate, holds: Array) -> bool:
        """Whether another name for nearly the same rows is shorter and almost as strong."""
        shorter = len(other.pattern.conditions) < len(self.pattern.conditions)
        strong = other.score >= ALMOST * self.score and not self.also
        return shorter and strong and _shared(holds, self.holds) >= SAME

    def take(self, *names: Pattern) -> None:
        """Remember more names."""
        self.also = (*self.also, *names)[:NAMES]


def folded(
    candidates: Sequence[Candidate],
    people: People,
    search: Search,
    *,
    most: int,
    bar: float,
    kept: Sequence[Folded] = (),
) -> list[Folded]:
    """At most `most` finds, strongest first, that each say something the earlier ones (and those in `kept`) do not.

    What is left of a find without the rows of the earlier ones must still differ by `bar` standard errors.
    """
    kept = list(kept)
    covered = np.logical_or.reduce([each.holds for each in kept] or [np.zeros(people.items.rows, bool)])
    mean = float(np.mean(people.target.values[people.target.counted]))
    for each in candidates[:CANDIDATES]:
        if each.score < WEAKEST or len(kept) == most:
            break
        holds = each.pattern.holds(people.items)
        host = _nearest(kept, holds)
        if host is not None and _shared(holds, host.holds) >= NEARLY and _alike(each, host, mean):
            if host.better(each, holds):
                host.pattern, host.holds, named = each.pattern, holds, host.pattern
                host.gap = gap_of(people, each.pattern)
                covered |= holds
            else:
                named = each.pattern
            host.take(named)
        elif host is None or _new(holds, covered, host, people.target, search) >= bar:
            kept.append(Folded(each.pattern, each.score, gap_of(people, each.pattern), holds))
            covered |= holds
    return kept


def _alike(find: Candidate, host: Folded, mean: float) -> bool:
    """Whether both differ the same way; a group that fares better is no other name for one that fares worse."""
    return (find.total > find.rows * mean) == (host.gap.size > 0)


def told_apart(finds: Sequence[Folded], people: People) -> list[Folded]:
    """The finds of which no two that differ the same way share half of their rows, among all rows, not only some."""
    kept: list[Folded] = []
    for each in finds:
        holds = each.pattern.holds(people.items)
        way = [other for other in kept if (other.gap.size > 0) == (each.gap.size > 0)]
        host = _nearest(way, holds)
        if host is not None and _shared(holds, host.holds) >= NEARLY:
            host.take(each.pattern, *each.also)
        else:
            each.holds = holds
            kept.append(each)
    return kept


def _nearest(kept: Sequence[Folded], holds: Array) -> Folded | None:
    return max(kept, key=lambda other: _shared(holds, other.holds), default=None)


def standing(finds: Sequence[Folded], people: People, search: Search, *, bar: float) -> list[Folded]:
    """The finds that still say something the earlier ones do not, among other rows than those they were found in."""
    kept: list[Folded] = []
    covered = np.zeros(people.items.rows, bool)
    for each in finds:
        holds = each.pattern.holds(people.items)
        here = Folded(each.pattern, each.score, gap_of(people, each.pattern), holds)
        host = _nearest(kept, holds)
        if host is None or _new(holds, covered, host, people.target, search) >= bar:
            kept.append(here)
            covered |= holds
    names = {each.pattern for each in kept}
    return [each for each in finds if each.pattern in names]


def _new(holds: Array, covered: Array, host: Folded, target: Target, search: Search) -> float:
    """By how many standard errors the rows no earlier find has differ, or the find from the one it is part of.

    Finds that overlap differ anew only by half as much as the first: less is the blurred edge of one group.
    """
    alone = holds & ~covered
    if int((alone & target.counted).sum()) >= search.least_rows // 2:
        found = gap(target, alone, ~holds & ~covered)
    else:
        found = gap(target, holds, host.holds & ~holds)
    if _overlaps(holds, host.holds) and abs(found.size) < abs(host.gap.size) / 2:
        return 0.0
    return _towards(found.z, search)


def _overlaps(first: Array, second: Array) -> bool:
    """Whether they share half the rows of the smaller one."""
    return 2 * int(np.count_nonzero(first & second)) >= min(int(np.count_nonzero(first)), int(np.count_nonzero(second)))


def _towards(z: float, search: Search) -> float:
    return abs(z) if search.direction == 0 else z * search.direction


def _shared(first: Array, second: Array) -> float:
    both = int(np.count_nonzero(first & second))
    either = int(np.count_nonzero(first)) + int(np.count_nonzero(second)) - both
    return both / either if either else 0.0
