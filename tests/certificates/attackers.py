"""Attackers: hunters who have nothing to offer, and try to get it accepted all the same."""

from dataclasses import dataclass

import numpy as np

from evenhand.core.certificate import Checker, Ruling, Spent
from tests.certificates.drawing import Array


@dataclass(frozen=True)
class Naive:
    """The rule of the public implementations: a mean above a fixed bar is accepted, however often one asks."""

    least: float = 0.0

    def rule(self, differences: Array, spent: Spent, *, seen: Array | None = None) -> Ruling:  # noqa: ARG002
        gain = float(differences.mean())
        return Ruling(
            accepted=gain > self.least, gain=gain, bar=self.least, confidence=1, low=0, high=0,
            rows=len(differences), discordant=int(np.count_nonzero(differences)),
        )  # fmt: skip

    def bar(self, spent: Spent, *, rows: int, deviation: float) -> float:  # noqa: ARG002
        return self.least


class HoldOut:
    """Labels that only a checker sees, and the current model's answers, which everybody knows."""

    def __init__(self, checker: Checker, labels: Array, *, budget: int) -> None:
        self.checker, self.labels, self.budget = checker, labels, budget
        self.answers = np.zeros(len(labels), int)
        self.asked = self.accepted = 0

    @property
    def spent(self) -> Spent:
        return Spent(accepted=self.accepted, budget=self.budget, accept_at_most=self.budget, number=self.asked + 1)

    def submit(self, group: Array, answers: Array) -> bool:
        """One bit comes back."""
        before, after = self.labels != self.answers, self.labels != answers
        differences = np.where(group, before.astype(float) - after, 0.0)
        taken = self.checker.rule(differences, self.spent).accepted
        self.asked += 1
        if taken:
            self.accepted += 1
            self.answers = np.where(group, answers, self.answers)
        return taken


def random_hunter(checker: Checker, seed: int, *, rows: int, budget: int) -> int:
    """Labels are coins; random groups are answered at random. How many were accepted, all of them in error."""
    numbers = np.random.default_rng(seed)
    held = HoldOut(checker, numbers.integers(0, 2, rows), budget=budget)
    for _ in range(budget):
        group = numbers.random(rows) < numbers.uniform(0.05, 1)
        held.submit(group, np.where(numbers.random(rows) < 0.5, held.answers, 1 - held.answers))
    return held.accepted


def composing_hunter(checker: Checker, seed: int, *, rows: int, budget: int) -> tuple[int, int]:
    """Baits true gains so that verdicts hang on random probes, and composes what the verdicts told of them.

    On the first half of the rows the truth is 1 in nine of ten, the model says 0, and everybody can do better; on the
    others labels are coins. A bait is as many rows of the first half as bring its gain to the bar, so that whether
    it is accepted depends on the probe: answers to rows of the second half. Each verdict is a vote for or against
    them. Every tenth submission is the majority of votes, on coins alone: accepted in error, if accepted. Returns
    these, and how many baits were accepted.
    """
    numbers = np.random.default_rng(seed)
    half = rows // 2
    labels = np.where(np.arange(rows) < half, numbers.random(rows) < 0.9, numbers.random(rows) < 0.5).astype(int)
    held, unused, votes = HoldOut(checker, labels, budget=budget), numbers.permutation(half), np.zeros(rows)
    wrong = baits = 0
    for turn in range(budget):
        if turn % 10 == 9:
            best = (votes > 0).astype(int)
            wrong += held.submit((votes != 0) & (np.arange(rows) >= half), best)
            continue
        probe = half + numbers.choice(rows - half, (rows - half) // 4, replace=False)
        # Every row that differs adds 1/n to the variance; a bait row gains 0.8 on average.
        bar = held.checker.bar(held.spent, rows=rows, deviation=np.sqrt(1.3 * len(probe) / rows))
        bait = unused[: round(bar * rows / 0.8)]
        group = np.zeros(rows, bool)
        group[bait] = group[probe] = True
        answers = 1 - held.answers
        taken = held.submit(group, answers)
        votes[probe] += (2 * answers[probe] - 1) * (1 if taken else -1)
        if taken:
            baits += 1
            unused = unused[len(bait) :]
    return wrong, baits
