"""Judge: one submission after the other against the hold-out — what is proven is merged, and what was merged replays.

A certificate is a group and answers whose mean fall of the loss on the rows of proof is beyond chance at the price that
its place in the transcript has (`certificates/counting.py`). Repairs are computed on rows of their own, because which
version a pointer aims at tells of the rows it was computed from.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evenhand.bounty.proving.holdout import BOARD, CHECK, REPAIR, Holdout
from evenhand.bounty.proving.private import Beginning, Own
from evenhand.bounty.proving.versions import Versions
from evenhand.certificates import checker
from evenhand.certificates.ladder import Ladder
from evenhand.core.bounty import Bounty, State, Submission, Verdict
from evenhand.core.certificate import Ruling, Spent
from evenhand.core.errors import DataError
from evenhand.models.decision_list import ToLeaf

Array = NDArray[Any]

ACCEPTED = "Proven on rows that nobody has seen: the group is now answered by this submission."
UNPROVEN = "Not proven: the gain on the hidden rows is not beyond chance."
SPENT = "The hold-out has answered as many submissions as its proofs allow; nothing more is scored."
FULL = "As many finds were accepted as this hold-out can carry; nothing more is scored."


class Claim(Protocol):
    """A group and answers for it, row by row of the hold-out; answers outside the group are never read."""

    @property
    def mask(self) -> Array:
        """Which rows are in the group."""

    @property
    def answers(self) -> Array:
        """What the loss reads, one a row."""


@dataclass(eq=False)
class _Part:
    """The rows of one part, and the global list as they see it."""

    rows: Array
    versions: Versions

    def of(self, claim: Claim) -> tuple[Array, Array]:
        return claim.mask[self.rows], claim.answers[self.rows]


class Judge:
    """The state of one bounty, which the log of its submissions determines bit for bit."""

    def __init__(self, bounty: Bounty, holdout: Holdout) -> None:
        """Raises DataError where a part of the hold-out has no rows."""
        self.bounty = bounty
        self.holdout = holdout
        self.checker = checker(bounty)
        # A team's own list is proven on all rows of the board; those of Thresholdout would need public ones besides.
        plain = "paired-z" if bounty.checker == "thresholdout" else bounty.checker
        self._own_checker = checker(bounty.model_copy(update={"fresh_folds": False, "checker": plain}))
        self.scored = 0
        self.looks = 0
        self.accepted: list[int] = []
        self._parts = {part: self._part(part) for part in (CHECK, REPAIR, BOARD)}
        board = self._parts[BOARD].rows
        self._beginning = Beginning(bounty.loss, holdout.labels[board], holdout.base[board])
        self._teams: dict[str, Own] = {}
        self._taken: dict[str, int] = {}
        self._ladders: dict[str, Ladder] = {}

    def _part(self, part: int) -> _Part:
        rows = self.holdout.rows(part)
        if not len(rows):
            raise DataError("The hold-out is too small: a part of it has no rows; give more rows.")
        return _Part(rows, Versions(self.bounty.loss, self.holdout.labels[rows], self.holdout.base[rows]))

    @property
    def list(self) -> Versions:
        """The global list, as the rows of repair see it."""
        return self._parts[REPAIR].versions

    @property
    def closed(self) -> str | None:
        """Why nothing more is scored; None while the hold-out can still answer."""
        if len(self.accepted) >= self.bounty.accept_at_most:
            return FULL
        return SPENT if self.scored >= self.bounty.budget else None

    def bar(self) -> float:
        """The gain that a find touching every twentieth row would need now, for the owner to see."""
        rows = self._fold()
        return self.checker.bar(self._spent(self.scored + 1), rows=len(rows), deviation=float(np.sqrt(0.05)))

    def judged(self, submission: Submission, claim: Claim) -> Verdict:
        """The verdict on one submission, and the lists as they are after it."""
        why = self.closed or self._unworthy(claim)
        if why is not None:
            return Verdict(number=submission.number, state="refused", told=why)
        ruling, repair = self._ruling(submission, claim), self._parts[REPAIR]
        gain = float(repair.versions.differences(*repair.of(claim)).mean())
        proven = ruling.accepted and gain > self.bounty.least_gain
        took = self._took(submission, claim)
        found = self._applied(submission, claim, proven=proven, took=took)
        told = ACCEPTED if proven else UNPROVEN
        state: State = "accepted" if proven else "refused"
        return Verdict(number=submission.number, state=state, told=told, scored=True, ruling=ruling, **found)

    def replay(self, submission: Submission, verdict: Verdict, claim: Claim | None) -> None:
        """Take up a verdict from the log; the claim is needed where a list took it. Raises DataError."""
        if not verdict.scored:
            return
        self.looks += verdict.ruling is not None and verdict.ruling.looked
        found = self._applied(submission, claim, proven=verdict.state == "accepted", took=verdict.private)
        for name, value in found.items():
            if getattr(verdict, name) != value:
                raise DataError(
                    f"Submission {submission.number} does not replay: {name} was {getattr(verdict, name)} and is now"
                    f" {value}; the files of the bounty were changed."
                )

    def _applied(self, submission: Submission, claim: Claim | None, *, proven: bool, took: bool) -> dict[str, Any]:
        """The lists after a submission that was scored, and what a verdict says of them."""
        self.scored += 1
        if (proven or took) and claim is None:
            raise DataError(f"The files of submission {submission.number}, which was accepted, are gone; restore them.")
        merged = self._merged(submission, claim) if proven and claim is not None else {}
        own = self._own(submission.team)
        if took and claim is not None:
            self._taken[submission.team] = self._taken.get(submission.team, 0) + 1
            own.take(*self._parts[BOARD].of(claim))
        ladder = self._ladders[submission.team].after(own.losses)
        self._ladders[submission.team] = ladder
        return {**merged, "private": took, "board": ladder.shown(self.bounty.loss)}

    def _unworthy(self, claim: Claim) -> str | None:
        """What can be said without looking at any label, and therefore costs nothing."""
        rows = self._fold()
        inside = int(claim.mask[rows].sum())
        least = self.bounty.least_rows
        if inside < least:
            return f"The group has fewer than {least} of the rows that prove; take a larger group."
        newest = self._parts[CHECK].versions.newest[np.searchsorted(self._parts[CHECK].rows, rows)]
        differing = claim.answers[rows] != newest
        differing = differing if differing.ndim == 1 else differing.any(axis=1)
        if int((differing & claim.mask[rows]).sum()) < least:
            return f"The answers differ from the current model's in fewer than {least} of the rows that prove."
        return None

    def _fold(self) -> Array:
        """The rows that prove now: all of the part, or the fold that no acceptance has used."""
        return self.holdout.rows(CHECK, len(self.accepted) if self.bounty.fresh_folds else None)

    def _spent(self, number: int) -> Spent:
        return Spent(
            accepted=len(self.accepted), budget=self.bounty.budget, accept_at_most=self.bounty.accept_at_most,
            number=number, looks=self.looks,
        )  # fmt: skip

    def _ruling(self, submission: Submission, claim: Claim) -> Ruling:
        """What the rows of proof say. For Thresholdout those of the board are what is public, whatever they tell."""
        part, board = self._parts[CHECK], self._parts[BOARD]
        differences = part.versions.differences(*part.of(claim))
        here = np.searchsorted(part.rows, self._fold())
        seen = board.versions.differences(*board.of(claim)) if self.bounty.checker == "thresholdout" else None
        ruling = self.checker.rule(differences[here], self._spent(submission.number), seen=seen)
        self.looks += ruling.looked
        return ruling

    def _merged(self, submission: Submission, claim: Claim) -> dict[str, Any]:
        """Merge an accepted submission into the global list of every part."""
        repair = self._parts[REPAIR]
        mask, answers = repair.of(claim)
        before, first = float(repair.versions.losses[-1][mask].mean()), repair.versions.list.version
        start = repair.versions.mean
        repair.versions.update(mask, answers)
        repairs = repair.versions.repair()
        for place in (CHECK, BOARD):
            part = self._parts[place]
            for node in repair.versions.list.nodes[first:]:
                part.versions.replay(node, *(part.of(claim) if isinstance(node, ToLeaf) else ()))
        self.accepted.append(submission.number)
        return {
            "version": repair.versions.list.version, "repairs": repairs, "before": before,
            "after": float(repair.versions.losses[-1][mask].mean()),
            "reward": self.bounty.find_reward + self.bounty.gain_reward * (start - repair.versions.mean),
        }  # fmt: skip

    def _own(self, team: str) -> Own:
        """The team's own list, which begins with the base model."""
        if team not in self._teams:
            self._teams[team] = Own(self._beginning)
            self._ladders[team] = Ladder()
        return self._teams[team]

    def _took(self, submission: Submission, claim: Claim) -> bool:
        """Whether the rows of the board prove the submission against the team's own list."""
        mask, answers = self._parts[BOARD].of(claim)
        if not mask.any():
            return False
        spent = Spent(
            accepted=self._taken.get(submission.team, 0), budget=self.bounty.budget,
            accept_at_most=self.bounty.accept_at_most, number=submission.number,
        )  # fmt: skip
        return self._own_checker.rule(self._own(submission.team).differences(mask, answers), spent).accepted
