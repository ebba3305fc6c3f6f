"""Splitting: which rows fit, which choose and which judge, so that every group and label is in each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.chance import chance
from evenhand.core.errors import ColumnNotFound, DataError
from evenhand.core.frontier import Share
from evenhand.core.values import normalised
from evenhand.mending.people import People, named_few

Array = NDArray[Any]

FOLDS = 5


# Fitting, choosing, judging; without a model to train, there is nothing to fit but rules.
TRAINED, GIVEN = (0.6, 0.2, 0.2), (0.5, 0.5)


@dataclass(frozen=True, eq=False)
class Split:
    """Rows by what they are for; `fitting` only where a model is trained."""

    fitting: People | None
    choosing: People
    judging: People

    @property
    def shares(self) -> tuple[Share, ...]:
        """What a reader is told."""
        rules = "rules are fitted on them in five folds, each judged on the others, and the choice is made"
        told = [Share(name="choosing", rows=len(self.choosing), use=rules)]
        if self.fitting is not None:
            told.insert(0, Share(name="fitting", rows=len(self.fitting), use="models are trained"))
        seen = "seen by neither: every number of the frontier and both reports"
        return (*told, Share(name="judging", rows=len(self.judging), use=seen))

    @property
    def notes(self) -> tuple[str, ...]:
        """Which groups are too small to be in every part."""
        parts = [each for each in (self.fitting, self.choosing, self.judging) if each is not None]
        sizes = np.min([np.bincount(each.codes, minlength=len(each.names)) for each in parts], axis=0)
        lost = [name for name, size in zip(self.judging.names, sizes.tolist(), strict=True) if size == 0]
        if not lost:
            return ()
        return (
            f"Groups too small to be in every part of the split, so that little is known of them: {named_few(lost)}.",
        )


def split_of(people: People, *, trained: bool, identity: str | None, seed: int) -> Split:
    """The rows by what they are for; raises ColumnNotFound and DataError."""
    if identity is not None and identity not in people.columns:
        raise ColumnNotFound(identity, people.columns)
    part = parts_of(people, TRAINED if trained else GIVEN, identity=identity, seed=seed)
    found = [people.chosen(np.flatnonzero(part == place)) for place in range(3 if trained else 2)]
    for each in found:
        if len(each) == 0 or len(np.unique(each.labels)) < 2:
            raise DataError("Some part of the split has one label only; bring more rows.")
    for each in found[-2:]:
        names = [each.names[code] for code in np.unique(each.codes)]
        if len(names) < 2:
            raise DataError(
                f"Some part of the split has one group only ({names[0]}), so nothing can be compared there; join small"
                " groups, or bring more rows."
            )
    return Split(found[0] if trained else None, found[-2], found[-1])


def parts_of(people: People, shares: Sequence[float], *, identity: str | None, seed: int) -> Array:
    """The part of each row, by its place in `shares`; the rows of one id are all in one part."""
    ends = np.cumsum(shares) / np.sum(shares)
    if identity is not None:
        ids = [str(normalised(value)) for value in people.columns[identity].tolist()]
        return np.searchsorted(ends[:-1], chance(ids, f"mending {seed}"), side="right")
    return np.searchsorted(ends[:-1], _ranks(people, seed), side="right")


def folds_of(people: People, seed: int) -> Array:
    """Which of a few folds each row is in."""
    return np.minimum((_ranks(people, seed + 1) * FOLDS).astype(np.int64), FOLDS - 1)


def _ranks(people: People, seed: int) -> Array:
    """A random rank between 0 and 1 among the rows of the same group and label."""
    cell = people.codes * 2 + people.labels
    generator = np.random.default_rng(seed)
    order = np.lexsort((generator.random(len(people)), cell))
    sizes = np.bincount(cell, minlength=2 * len(people.names))
    within = np.arange(len(people)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # Cells begin at chance, or the few of small cells would all be in the first part.
    start = generator.random(len(sizes))
    ranks = np.empty(len(people))
    ranks[order] = (within / np.maximum(sizes, 1)[cell[order]] + start[cell[order]]) % 1.0
    return ranks
