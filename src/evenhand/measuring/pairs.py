"""Pairs: which groups of a division are compared with which, and both sides as counted, drawn, or without a gap."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.audit import Audit
from evenhand.core.division import Division, class_name
from evenhand.core.errors import SpecError, suggestion
from evenhand.core.judge import Subject
from evenhand.core.resample import Resample, null_draws
from evenhand.core.sides import Comparison, Decisions

Array = NDArray[Any]
REST = "the rest"
MOST_COMPARISONS = 2_000


@dataclass(frozen=True, eq=False)
class Pair:
    """Two sides of a division: the groups `inside`, and those they are compared with."""

    division: Division
    inside: tuple[int, ...]
    outside: tuple[int, ...]
    against: str

    @property
    def audit(self) -> Audit:
        """The audit being answered."""
        return self.division.tally.audit

    @property
    def names(self) -> tuple[str, str]:
        """What the sides are called in reasons."""
        return "the group", "the rest" if self.against == REST else self.against

    def subject(self, label_class: str | None = None) -> Subject:
        """Who the findings of this pair are about."""
        slices = self.division.slices
        rows, others = (sum(slices[index].rows for index in side) for side in (self.inside, self.outside))
        small = min(rows, others) < self.audit.small
        name = slices[self.inside[0]].text
        return Subject(self.division.name, name, self.against, rows, others, small, label_class)

    @property
    def units(self) -> int:
        """The independent units on the smaller side: rows, or blocks with any of its rows."""
        sides = (self.inside, self.outside)
        if self.division.blocks is None:
            return min(sum(self.division.slices[index].rows for index in side) for side in sides)
        held = [self.division.blocks[list(side)].sum(axis=(0, 2, 3, 4)) > 0 for side in sides]
        return int(min(blocks.sum() for blocks in held))

    def effective(self, inside: bool) -> float:
        """Independent rows per unit of weight on one side."""
        side = list(self.inside if inside else self.outside)
        return float(np.mean(self.division.effective[side])) if side else 1.0

    def side(self, array: Array, inside: bool) -> Array:
        """What was counted on one side, from an array with the groups first."""
        return np.asarray(array[list(self.inside if inside else self.outside)].sum(axis=0))

    @cached_property
    def seed(self) -> int:
        """A seed of its own for each pair, so that draws do not depend on what else is asked."""
        return abs(self.audit.seed * 1_000_003 + sum((index + 1) * 7919 for index in self.inside)) % 2**32

    @cached_property
    def counted(self) -> Comparison[Decisions]:
        """The two sides as counted."""
        sides = [self.side(self.division.decisions, inside) for inside in (True, False)]
        return self._compare(sides[0], sides[1])

    def _compare(self, group: Array, rest: Array) -> Comparison[Decisions]:
        return Comparison(
            Decisions(self.names[0], group, self.effective(True)), Decisions(self.names[1], rest, self.effective(False))
        )

    @cached_property
    def resample(self) -> Resample:
        """Draws of both sides together."""
        division = self.division
        counts, variances = division.counts

        def flat(array: Array) -> Array:
            return np.concatenate([self.side(array, inside).ravel() for inside in (True, False)])

        weights = np.where(counts > 0, variances * counts, 0.0)
        rows = flat(counts)
        variance = np.divide(flat(weights), rows, out=np.zeros_like(rows), where=rows > 0)
        blocks = None
        if division.blocks is not None:
            sides = [self.side(division.blocks, inside) for inside in (True, False)]
            blocks = np.concatenate([side.reshape(len(side), -1) for side in sides], axis=1)
        return Resample(flat(division.decisions), rows, variance, blocks, self.audit.draws, self.seed)

    @cached_property
    def drawn(self) -> Comparison[Decisions]:
        """Bootstrap draws of the two sides."""
        return self._split(self.resample.drawn)

    def _split(self, drawn: Array) -> Comparison[Decisions]:
        shape = (len(drawn), *self.division.decisions.shape[1:])
        half = drawn.shape[1] // 2
        return self._compare(drawn[:, :half].reshape(shape), drawn[:, half:].reshape(shape))

    @cached_property
    def without_gap(self) -> Comparison[Decisions]:
        """Draws of the two sides as if they shared one distribution of labels and predictions."""
        sides = [self.side(self.division.decisions, inside) for inside in (True, False)]
        worth = (self.effective(True), self.effective(False))
        group, rest = null_draws(sides[0].ravel(), sides[1].ravel(), worth, self.audit.draws, self.seed + 1)
        shape = (self.audit.draws, *sides[0].shape)
        return self._compare(group.reshape(shape), rest.reshape(shape))


def pairs_of(division: Division) -> list[Pair]:
    """The comparisons that the audit asks for, in the order of the groups."""
    audit = division.tally.audit
    slices = division.slices
    known = [index for index, piece in enumerate(slices) if not piece.missing and piece.rows]
    asked = [index for index, piece in enumerate(slices) if piece.rows]
    single = len(division.facets) == 1 and division.tally.facets[division.facets[0]].group is not None
    if single:
        # A facet that is one group asks about that group; its complement is only what it is compared with.
        asked = [index for index in asked if slices[index].levels != (False,)]
    if audit.comparison == "all-pairs":
        ordered = [*known, *(index for index in asked if index not in known)]
        if single:
            ordered.sort(key=lambda index: slices[index].levels != (True,))
        return [Pair(division, (one,), (two,), slices[two].text) for one, two in combinations(ordered, 2)]
    if audit.comparison == "one-vs-reference" and (reference := _reference(division, audit)) is not None:
        others = [index for index in asked if index != reference]
        return [Pair(division, (index,), (reference,), slices[reference].text) for index in others]
    pairs = [Pair(division, (index,), tuple(other for other in known if other != index), REST) for index in asked]
    return [pair for pair in pairs if pair.outside]


def pairs_against_highest(division: Division) -> list[Pair]:
    """Each of three or more groups of a binary audit, with the one that is selected most often (not a small one)."""
    slices, small = division.slices, division.tally.audit.small
    known = [index for index, piece in enumerate(slices) if not piece.missing and piece.rows]
    if len(known) < 3 or division.tally.outcome != "binary":
        return []
    rates = Decisions("the groups", division.decisions).selection_rate.value
    rated = [index for index in known if slices[index].rows >= small and not np.isnan(rates[index])]
    if not rated:
        return []
    highest = max(rated, key=lambda index: float(rates[index]))
    return [Pair(division, (index,), (highest,), slices[highest].text) for index in known if index != highest]


def _reference(division: Division, audit: Audit) -> int | None:
    """The group whose every facet has its reference value; None where a facet has no reference."""
    if not all(facet in audit.reference for facet in division.facets):
        return None
    wanted = tuple(audit.reference[facet] for facet in division.facets)
    for index, piece in enumerate(division.slices):
        matches = tuple(str(level) for level in piece.levels) == tuple(str(value) for value in wanted)
        if matches or (len(wanted) == 1 and piece.text == wanted[0]):
            return index
    texts = [piece.text for piece in division.slices]
    raise SpecError(f"No group of {division.name} has the reference {wanted!r}.{suggestion(str(wanted), texts)}")


def views_of(pair: Pair) -> Iterator[tuple[str | None, Pair]]:
    """The pair itself, and for several classes the pair with each class against the others."""
    yield None, pair
    if pair.division.tally.outcome == "multiclass":
        for division in pair.division.one_against_others:
            yield class_name(division.positive), replace(pair, division=division)
