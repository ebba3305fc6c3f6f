"""Measured: what a way of deciding gives and costs — accuracy, violations, the floor of chance, and who pays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evenhand.core.confusion import Confusion
from evenhand.core.constraint import Constraint
from evenhand.core.finding import Interval
from evenhand.core.frontier import Floor, Measured, Payment, Point
from evenhand.mending.candidates import Candidate
from evenhand.mending.people import People

Array = NDArray[Any]

DRAWS = 1000
# Changes of fewer people than this per 1,000 of a group are not called a gain or a loss of the group.
FEW = 5.0
# Standard errors beyond which a change is more than chance.
SURE = 1.96
# More cells than this are drawn in fewer draws.
MOST_CELLS = 4_000_000


@dataclass(frozen=True)
class Measuring:
    """How everything is measured."""

    constraints: tuple[Constraint, ...]
    level: float
    seed: int

    def confidence(self, confusion: Confusion) -> float:
        """The share of resamples of the rows in which every violation is at most what is allowed."""
        drawn = confusion.drawn(_draws(confusion), self.seed)
        kept = [each.violation(drawn) <= each.allowed + 1e-9 for each in self.constraints]
        return float(np.mean(np.all(kept, axis=0)))

    def violations(self, confusion: Confusion) -> dict[str, Measured]:
        """Each constraint's violation, with an interval."""
        drawn = confusion.drawn(_draws(confusion), self.seed)
        return {str(each): self._violation(each, confusion, drawn) for each in self.constraints}

    def _violation(self, constraint: Constraint, confusion: Confusion, drawn: Confusion) -> Measured:
        value = max(float(constraint.violation(confusion)), 0.0)
        draws = np.clip(constraint.violation(drawn), 0, 1)
        outside = (1 - self.level) / 2
        high = max(float(np.quantile(draws, 1 - outside)), value)
        # Chance pushes the largest gap upwards, in the rows and once more in the draws: the upper end stays with the
        # percentile, which is too high rather than too low, and the lower end is mirrored (the basic bootstrap).
        return Measured(
            value=value, interval=_interval(max(0.0, 2 * value - high), high, self.level, "bootstrap, conservative")
        )

    def accuracy(self, confusion: Confusion) -> Measured:
        """The share of right decisions, with an interval."""
        draws = confusion.drawn(_draws(confusion), self.seed).accuracy
        outside = (1 - self.level) / 2
        low, high = (float(np.quantile(draws, end)) for end in (outside, 1 - outside))
        return Measured(value=float(confusion.accuracy), interval=_interval(low, high, self.level, "bootstrap"))

    def point(self, candidate: Candidate, choosing: People, judging: People, before: Array) -> Point:
        """The point of a candidate; `before` are the unmended model's decisions on the judging rows."""
        chosen = candidate.crossed if candidate.crossed is not None else candidate.decide(choosing)
        counted = choosing.confusion(chosen)
        found, confidence = self.violations(counted), self.confidence(counted)
        after = candidate.decide(judging)
        judged = judging.confusion(after)
        allowed = {str(each): each.allowed + 1e-9 for each in self.constraints}
        return Point(
            name=candidate.name, method=candidate.method, setting=candidate.setting, stage=candidate.stage,
            needs_facet=bool(candidate.mended.facets), randomised=candidate.mended.randomised, status=candidate.status,
            accuracy=self.accuracy(judged), violations=self.violations(judged),
            accuracy_choosing=float(counted.accuracy), violations_choosing=found,
            within=all(each.value <= allowed[name] for name, each in found.items()),
            confidence=confidence,
            credible=confidence >= self.level,
            payments=payments_of(judging, before, after),
            levels_down=levels_down(judging, before, after, self.constraints),
        )  # fmt: skip


def _interval(low: float, high: float, level: float, method: str) -> Interval:
    return Interval(low=low, high=high, level=level, method=method)


def _draws(confusion: Confusion) -> int:
    return int(np.clip(MOST_CELLS // confusion.cells.size, 100, DRAWS))


def floors_of(
    constraints: Sequence[Constraint], people: People, decisions: Array, part: Literal["choosing", "judging"], seed: int
) -> list[Floor]:
    """For each constraint, the violation that exactly equal rates would show on rows as many as these."""
    return [_floor(each, people, decisions, part, seed) for each in constraints]


def _floor(
    constraint: Constraint, people: People, decisions: Array, part: Literal["choosing", "judging"], seed: int
) -> Floor:
    cells = people.confusion(decisions).cells
    labels = cells.sum(axis=-1)  # groups x label
    selected = cells[..., 1].sum() / cells.sum()
    if constraint.rates == ("selection",) or selected in (0, 1):
        # Decisions that are all one would show no chance at all; as many as there are positive labels do.
        rates = np.full(2, selected if 0 < selected < 1 else people.labels.mean())
    else:
        rates = cells[..., 1].sum(axis=0) / np.maximum(labels.sum(axis=0), 1)
    draws = int(np.clip(MOST_CELLS // cells.size, 100, DRAWS))
    chosen = np.random.default_rng(seed).binomial(labels.astype(np.int64), rates, size=(draws, *labels.shape))
    drawn = Confusion(people.names, np.stack([labels - chosen, chosen], axis=-1).astype(np.float64))
    found = np.clip(constraint.violation(drawn), 0, 1)
    if constraint.form == "least":  # every group's rate is far from 1 without any chance
        found = np.zeros(draws)
    return Floor(
        constraint=str(constraint), part=part, rows=len(people), typical=float(np.median(found)),
        rare=float(np.quantile(found, 0.95)),
    )  # fmt: skip


def payments_of(people: People, before: Array, after: Array) -> tuple[Payment, ...]:
    """What changes for each group, in people per 1,000 of it."""
    first, then = people.confusion(before), people.confusion(after)
    size = len(people.names)
    rows = np.bincount(people.codes, minlength=size)
    right, still = before == people.labels, after == people.labels

    def each(which: Array) -> Array:
        return 1000 * np.bincount(people.codes[which], minlength=size) / np.maximum(rows, 1)

    gained, lost = each((after == 1) & (before == 0)), each((after == 0) & (before == 1))
    mended, wronged = each(still & ~right), each(right & ~still)
    rates = {"true_positive": then.rate("true positive"), "false_positive": then.rate("false positive")}
    return tuple(
        Payment(
            group=people.names[place], rows=int(rows[place]), gained=float(gained[place]), lost=float(lost[place]),
            selected_before=_per_thousand(first.rate("selection")[place]),
            selected_after=_per_thousand(then.rate("selection")[place]),
            errors_before=_per_thousand(first.errors[place]), errors_after=_per_thousand(then.errors[place]),
            mended=float(mended[place]), wronged=float(wronged[place]),
            **{name: None if np.isnan(rate[place]) else float(rate[place]) for name, rate in rates.items()},
        )
        for place in range(size)
        if rows[place]
    )  # fmt: skip


def _per_thousand(share: float) -> float:
    return round(1000 * float(share), 6)


def levels_down(people: People, before: Array, after: Array, constraints: Sequence[Constraint]) -> tuple[str, ...]:
    """The groups that lost, where no group gained: fewer decided positive, of all or of those with that label.

    A group lost if at least 5 in 1,000 did, net, and that is more than chance explains (McNemar's test of the flips).
    """
    for constraint in constraints:
        # To be decided positive is favourable, so a group gains by more of it, and not by fewer false positives.
        among = people.labels == 1 if "true positive" in constraint.rates else np.ones(len(people), bool)
        size = len(people.names)
        rows, gained, lost = (
            np.bincount(people.codes[which & among], minlength=size)
            for which in (np.ones(len(people), bool), (after > before), (after < before))
        )
        change = 1000 * (gained - lost) / np.maximum(rows, 1)
        sure = np.abs(gained - lost) > SURE * np.sqrt(np.maximum(gained + lost, 1))
        losers = sure & (change <= -FEW)
        if losers.any() and not (change >= FEW).any():
            return tuple(name for name, fell in zip(people.names, losers, strict=True) if fell)
    return ()
