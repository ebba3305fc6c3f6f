"""Rehearsing: what hunters would find, before a bounty opens — on public rows, which costs nothing of the hold-out."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evenhand.bounty.hunting.hunters import HUNTERS, HunterName
from evenhand.bounty.hunting.hunting import Confirmed, Search
from evenhand.bounty.hunting.rows import Known, Task
from evenhand.bounty.proving.holdout import opened
from evenhand.bounty.proving.opening import MOST_ROWS, Opening, opened_in
from evenhand.certificates import checker
from evenhand.core.bounty import Bounty
from evenhand.core.certificate import Spent
from evenhand.core.group import Group
from evenhand.sources import read


@dataclass(frozen=True)
class Expected:
    """A find of a rehearsal. Losses are those of the group, gains those of all rows; on rows not learnt from."""

    group: Group
    how: HunterName
    rows: int
    gain: float
    low: float
    high: float
    before: float
    after: float
    rows_to_prove: int | None
    """How many rows of proof a bounty of these rules needs, for this to be its first find; None: more than it takes."""


def rehearse(opening: Opening, *, seed: int = 0, by: Sequence[HunterName] = tuple(HUNTERS)) -> list[Expected]:
    """What automatic hunters find in the public rows, strongest first, each beside those before it.

    Only `opening.public` is read, or `opening.data` where nothing is public: then hold the bounty on other rows. Raises
    EvenhandError.
    """
    bounty, known = _known(opening)
    search = Search(known, Task(bounty.loss, len(bounty.classes), seed))
    return [_expected(found, known, bounty) for found in search.confirmed(by)]


def _known(opening: Opening) -> tuple[Bounty, Known]:
    """The rows and what the model answers for them: a bounty of these rows is made, looked at, and thrown away."""
    rows = read(opening.data if opening.public is None else opening.public)
    identity = opening.identity if opening.identity in rows.kinds else None
    trial = replace(opening, data=rows, public=None, identity=identity)
    with tempfile.TemporaryDirectory(prefix="evenhand-rehearsal-") as folder:
        opened_in(Path(folder) / "bounty", trial)
        bounty, held = opened(Path(folder) / "bounty")
    return bounty, Known(held.columns, held.labels, held.base)


def _expected(found: Confirmed, known: Known, bounty: Bounty) -> Expected:
    rows = found.rows[found.mask[found.rows]]
    before, after = (float(bounty.loss.rows(known.labels[rows], each[rows]).mean())
                     for each in (found.before, found.answers))  # fmt: skip
    ruling = found.ruling
    return Expected(
        group=found.candidate.group, how=found.candidate.how, rows=int(found.mask.sum()), gain=ruling.gain,
        low=ruling.low, high=ruling.high, before=before, after=after, rows_to_prove=_rows_to_prove(found, bounty),
    )  # fmt: skip


def _rows_to_prove(found: Confirmed, bounty: Bounty) -> int | None:
    """The least number of rows at which the bar of a first find is below the gain, by halving."""
    ruling = found.ruling
    deviation = min((ruling.discordant / ruling.rows) ** 0.5, 1.0)
    first = Spent(accepted=0, budget=bounty.budget, accept_at_most=bounty.accept_at_most, number=1)
    rule = checker(bounty)
    low, high = 1, MOST_ROWS
    if rule.bar(first, rows=high, deviation=deviation) >= ruling.gain:
        return None
    while low < high:
        middle = (low + high) // 2
        if rule.bar(first, rows=middle, deviation=deviation) < ruling.gain:
            high = middle
        else:
            low = middle + 1
    return high
