"""Feeding: a line for every submission of a bounty, small enough to keep them all, and the newest of them as shown."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from evenhand.bounty.contest.facts import Told
from evenhand.core.bounty import Kind, State, Submission, Verdict


@dataclass(slots=True)
class _Line:
    """What is told of a submission: a seventh of what `Told` takes, which is made of it when it is shown."""

    number: int
    team: str
    kind: Kind
    group: str
    received: datetime
    state: State = "waiting"
    told: str = ""
    version: int | None = None
    private: bool = False
    judged: datetime | None = None

    def shown(self) -> Told:
        return Told(
            number=self.number, team=self.team, kind=self.kind, state=self.state, told=self.told, version=self.version,
            private=self.private, received=self.received, judged=self.judged,
        )  # fmt: skip


@dataclass(eq=False)
class Feed:
    """All submissions so far."""

    _lines: dict[int, _Line] = field(default_factory=dict)

    def submit(self, submission: Submission) -> None:
        """Take up what was handed in."""
        self._lines[submission.number] = _Line(
            submission.number, sys.intern(submission.team), submission.kind, submission.group, submission.received
        )

    def judge(self, verdict: Verdict) -> None:
        """Take up a verdict on what was handed in."""
        line = self._lines[verdict.number]
        # The same few lines are told of most submissions, and are kept once.
        line.state, line.told, line.version = verdict.state, sys.intern(verdict.told), verdict.version
        line.private, line.judged = verdict.private, verdict.judged

    def newest(self, most: int, team: str | None = None) -> tuple[Told, ...]:
        """The newest submissions, of one team if it is given, newest first."""
        found = [each for each in self._lines.values() if team is None or each.team == team]
        return tuple(each.shown() for each in reversed(found[-most:]))

    def groups(self, numbers: Iterable[int]) -> dict[int, str]:
        """The groups of submissions as texts."""
        return {number: self._lines[number].group for number in numbers if number in self._lines}
