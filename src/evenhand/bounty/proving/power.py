"""Power: what a hold-out can prove before anybody hunts — the smallest gain in a group of each size."""

import math
from dataclasses import dataclass

from evenhand.certificates import checker
from evenhand.core.bounty import Bounty
from evenhand.core.certificate import Checker, Spent

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_STEPS = 60


@dataclass(frozen=True)
class Provable:
    """A group of this size, and by how much its own loss must fall to be proven, for each number of earlier finds.

    None: not even a model without any error would be proven.
    """

    share: float
    rows: int
    gains: tuple[float | None, ...]


def provable(bounty: Bounty, rows: int, *, right: float = 1.0) -> tuple[tuple[int, ...], tuple[Provable, ...]]:
    """After how many finds, and for each size of a group the smallest provable gain.

    `rows` prove; of the rows that a hunter changes, the share `right` (above one half) changes for the better.
    """
    if bounty.fresh_folds:
        rows //= bounty.accept_at_most + 1
    ruler, found = checker(bounty), _moments(bounty.accept_at_most)
    spent = [
        Spent(accepted=accepted, budget=bounty.budget, accept_at_most=bounty.accept_at_most, number=1)
        for accepted in found
    ]
    least = [_least(ruler, each, rows, right) for each in spent]
    # Whatever they gain, fewer rows are never enough.
    fewest = max(bounty.least_rows, getattr(ruler, "least_discordant", 0))
    lines = []
    for share in SHARES:
        here = round(share * rows)
        gains = tuple(_within(gain, share, here, right, fewest) for gain in least)
        lines.append(Provable(share, here, gains))
    return found, tuple(lines)


def _moments(most: int) -> tuple[int, ...]:
    """The first find, one in the middle, and the last."""
    return tuple(sorted({0, most // 2, most - 1}))


def _least(ruler: Checker, spent: Spent, rows: int, right: float) -> float:
    """The smallest gain over all rows that is above its own bar, or more than 1."""
    if rows < 2 or not _proven(ruler, spent, rows, 1.0, right):
        return math.inf
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if _proven(ruler, spent, rows, middle, right) else (middle, high)
    return high * (2 * right - 1)


def _proven(ruler: Checker, spent: Spent, rows: int, changed: float, right: float) -> bool:
    """Whether it is proven when this share of all rows changes, each by the whole loss."""
    gain = changed * (2 * right - 1)
    deviation = math.sqrt(max(changed - gain**2, 0.0) * rows / (rows - 1))
    return gain > ruler.bar(spent, rows=rows, deviation=deviation)


def _within(gain: float, share: float, here: int, right: float, least: int) -> float | None:
    """A gain over all rows as one of the group alone; at least so many rows have to change."""
    if here < least:
        return None
    found = max(gain / share, least / here * (2 * right - 1))
    return found if found <= 2 * right - 1 else None
