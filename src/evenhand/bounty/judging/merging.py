"""Merging: the global list of a bounty, made again from the submissions that were accepted and from nothing else."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from evenhand.bounty.judging.running import claim_of
from evenhand.bounty.proving.holdout import BOARD, REPAIR, Holdout
from evenhand.bounty.proving.versions import Versions
from evenhand.bounty.submissions.claims import Claim
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Bounty, Submission, Verdict
from evenhand.core.errors import DataError
from evenhand.core.store import Store
from evenhand.models.decision_list import DecisionList, ToLeaf

Array = NDArray[Any]
_AT_ONCE = 200


@dataclass(frozen=True, eq=False)
class Merged:
    """A submission that the list took, and what the mean loss of the rows of repair fell by."""

    submission: Submission
    verdict: Verdict
    claim: Claim
    version: int
    reduction: float


class Merging:
    """The list as the rows of repair made it, and as those of the board see it."""

    def __init__(self, bounty: Bounty, holdout: Holdout, folder: Path, sandbox: Sandbox) -> None:
        self.bounty, self.holdout, self.folder, self.sandbox = bounty, holdout, folder, sandbox
        self.rows = {part: holdout.rows(part) for part in (REPAIR, BOARD)}
        self.repair, self.board = (self._list(part) for part in (REPAIR, BOARD))
        self.merged: list[Merged] = []

    @property
    def list(self) -> DecisionList:
        """The list, whose nodes the rows of repair decided."""
        return self.repair.list

    def merge(self, submission: Submission, verdict: Verdict) -> Merged:
        """Take up the next accepted submission; raises DataError where its file is not what was accepted."""
        claim = claim_of(self.bounty, self.holdout, submission, self.folder, self.sandbox)
        if not isinstance(claim, Claim):
            raise DataError(
                f"Submission {submission.number}, which was accepted, cannot be read again: {claim.told} Restore the"
                " files of the bounty."
            )
        start, first = self.repair.mean, self.repair.list.version
        self.repair.update(*self._of(claim, REPAIR))
        self.repair.repair()
        if self.list.version != verdict.version:
            raise DataError(
                f"Submission {verdict.number} made version {verdict.version} and makes {self.list.version} now; the"
                " files of the bounty were changed. Restore them."
            )
        for node in self.list.nodes[first:]:
            self.board.replay(node, *(self._of(claim, BOARD) if isinstance(node, ToLeaf) else ()))
        self.merged.append(Merged(submission, verdict, claim, self.list.version, start - self.repair.mean))
        return self.merged[-1]

    def take_up(self, store: Store) -> "Merging":
        """Take up every submission that was accepted and is not here yet; raises DataError."""
        at = self.merged[-1].submission.number if self.merged else 0
        while handed := store.handed_in(self.bounty.name, states=("accepted",), after=at, most=_AT_ONCE):
            for each in handed:
                if each.verdict is not None:
                    self.merge(each.submission, each.verdict)
            at = handed[-1].submission.number
        return self

    def up_to(self, version: int | None) -> tuple[Merged, ...]:
        """What a version is made of; raises SpecError where there is no such version."""
        if version is not None:
            self.list.at(version)
        return tuple(each for each in self.merged if version is None or self.first_of(each) <= version)

    def first_of(self, merged: Merged) -> int:
        """The first version in which a submission answers; those after it, up to its own, are repairs."""
        return merged.version - merged.verdict.repairs

    def _of(self, claim: Claim, part: int) -> tuple[Array, Array]:
        return claim.mask[self.rows[part]], claim.answers[self.rows[part]]

    def _list(self, part: int) -> Versions:
        rows = self.rows[part]
        return Versions(self.bounty.loss, self.holdout.labels[rows], self.holdout.base[rows])
