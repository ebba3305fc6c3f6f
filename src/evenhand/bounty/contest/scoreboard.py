"""Scoreboard: a contest kept up to date from the log, verdict by verdict, so that a page costs what is new since.

It keeps the global list as the rows of repair and of the board see it, and reads the file of a submission again only
where it was accepted: at most `accept_at_most` of them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.bounty.contest.board_groups import group_errors, masks_of, named_groups
from evenhand.bounty.contest.facts import Contest, Find, GroupError, Left, Moment, Standing
from evenhand.bounty.contest.feeding import Feed
from evenhand.bounty.contest.heating import Heat
from evenhand.bounty.contest.owning import Owned
from evenhand.bounty.contest.usage import features_of
from evenhand.bounty.judging.merging import Merged, Merging
from evenhand.bounty.proving.holdout import BOARD, CHECK, REPAIR, opened
from evenhand.bounty.proving.judge import FULL, SPENT
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Submission, Verdict
from evenhand.core.group import Group
from evenhand.core.store import Handed, Store
from evenhand.models.membership import Members

Array = NDArray[Any]
_AT_ONCE = 1000


@dataclass
class _Score:
    """What a team has reached."""

    value: float | None = None
    private: int = 0
    reduction: float = 0.0
    points: float = 0.0
    scored: int = 0


class Scoreboard:
    """The contest of one bounty; safe to ask from several threads."""

    def __init__(self, store: Store, folder: Path, sandbox: Sandbox) -> None:
        """Raises EvenhandError where the folder cannot be opened."""
        self.store = store
        self.folder = folder
        self.bounty, self.holdout = opened(folder)
        self._lock = Lock()
        self._rows = {part: self.holdout.rows(part) for part in (CHECK, REPAIR, BOARD)}
        self._merging = Merging(self.bounty, self.holdout, folder, sandbox)
        self._members = Members({name: self.holdout.columns[name] for name in self.bounty.features})
        self._features: Callable[[str], tuple[str, ...]] = lru_cache(_AT_ONCE)(self._features_of)
        shown = {name: values[self._rows[BOARD]] for name, values in self._members.rows.items()}
        self._groups = named_groups(self.bounty.facets, shown)
        self._masks = masks_of(self._groups, shown)
        self._heat, self._feed, self._owned = Heat(), Feed(), Owned(self.bounty, self.holdout)
        self._scores: dict[str, _Score] = {}
        self._finds: list[Find] = []
        self._timeline = [Moment(version=0, number=None, team=None, at=None, error=self._error())]
        self._errors = self._group_errors()
        self._seen = self._at = self._scored = 0

    def contest(self, *, owner: bool = False, feed: int = 100, team: str | None = None) -> Contest:
        """The contest now; `owner` adds what the owner alone may see, `team` narrows the feed to one team's.

        Raises DataError where the log does not belong to the folder.
        """
        with self._lock:
            self._take_up()
            standings = self._standings()
            return Contest(
                name=self.bounty.name, title=self.bounty.title, metric=str(self.bounty.loss),
                higher_is_better=self.bounty.loss.higher_is_better,
                rows=(len(self._rows[CHECK]), len(self._rows[REPAIR]), len(self._rows[BOARD])),
                standings=standings, feed=self._feed.newest(feed, team), timeline=tuple(self._timeline),
                groups=self._errors, finds=tuple(self._finds), usage=self._heat.map(self.bounty.features),
                left=self._left(), owners=self._owned.view(len(self._finds), self._errors) if owner else None,
            )  # fmt: skip

    def groups(self, numbers: Iterable[int]) -> dict[int, str]:
        """The groups of submissions as texts, for their team and for the owner."""
        with self._lock:
            return self._feed.groups(numbers)

    def _take_up(self) -> None:
        """What was handed in since, and every verdict since: an earlier submission always has its verdict first."""
        for each in self._after(self._seen):
            self._submitted(each.submission)
        now = datetime.now(UTC)
        for each in self._after(self._at, judged=True):
            verdict = each.told(now)
            # What was handed in and judged since the line above is taken up the next time.
            if verdict is None or each.submission.number > self._seen:
                return
            self._judged(each.submission, verdict)
            self._at = each.submission.number

    def _after(self, number: int, *, judged: bool = False) -> list[Handed]:
        found: list[Handed] = []
        while page := self.store.handed_in(self.bounty.name, after=number, most=_AT_ONCE):
            ended = [each for each in page if not judged or each.verdict is not None]
            found += ended
            if len(ended) < _AT_ONCE:
                break
            number = page[-1].submission.number
        return found

    def _submitted(self, submission: Submission) -> None:
        self._seen = submission.number
        self._heat.submit(submission.team, self._features(submission.group))
        self._feed.submit(submission)

    def _judged(self, submission: Submission, verdict: Verdict) -> None:
        merged = self._merging.merge(submission, verdict) if verdict.state == "accepted" else None
        self._feed.judge(verdict)
        score = self._scores.setdefault(submission.team, _Score())
        score.value = score.value if verdict.board is None else verdict.board
        score.private += verdict.private
        score.scored += verdict.scored
        self._scored += verdict.scored
        self._owned.judged(submission, verdict)
        if merged is not None:
            self._accepted(merged, score)

    def _accepted(self, merged: Merged, score: _Score) -> None:
        submission, verdict = merged.submission, merged.verdict
        score.reduction += merged.reduction
        score.points += verdict.reward
        self._heat.accept(submission.team, self._features(submission.group), merged.reduction)
        self._finds.append(
            Find(
                number=submission.number, team=submission.team, group=submission.group, reduction=merged.reduction,
                version=merged.version, repairs=verdict.repairs, rows=int(merged.claim.mask.sum()),
                points=verdict.reward, at=verdict.judged,
            )
        )  # fmt: skip
        moment = self._finds[-1]
        self._timeline.append(
            Moment(version=moment.version, number=moment.number, team=moment.team, at=moment.at, error=self._error())
        )
        self._errors = self._group_errors()

    def _features_of(self, text: str) -> tuple[str, ...]:
        return features_of(Group.parse(text), self._members)

    def _error(self) -> float:
        return self.bounty.loss.shown(self._merging.board.mean)

    def _group_errors(self) -> tuple[GroupError, ...]:
        losses = self._merging.board.losses
        return group_errors(self._groups, self._masks, self.bounty.loss, losses[0], losses[-1])

    def _standings(self) -> tuple[Standing, ...]:
        """Teams by points, then by their own value, then by name."""
        sign = -1.0 if self.bounty.loss.higher_is_better else 1.0
        names = {team.name for team in self.store.teams(self.bounty.name)} | set(self._heat.submitted)
        scores = {name: self._scores.get(name, _Score()) for name in names}

        def rank(name: str) -> tuple[float, float, str]:
            value = scores[name].value
            return -scores[name].points, np.inf if value is None else sign * value, name

        ordered = sorted(names, key=rank)
        points = [scores[name].points for name in ordered]
        return tuple(
            Standing(place=1 + points.index(scores[name].points), team=name, accepted=self._heat.accepted[name],
                     submitted=self._heat.submitted[name], **vars(scores[name]))
            for name in ordered
        )  # fmt: skip

    def _left(self) -> Left:
        full = len(self._finds) >= self.bounty.accept_at_most
        spent = SPENT if self._scored >= self.bounty.budget else None
        return Left(
            scored=self._scored, budget=self.bounty.budget, accepted=len(self._finds),
            accept_at_most=self.bounty.accept_at_most, waiting=self._seen - self._at, closes=self.bounty.closes,
            closed=FULL if full else spent,
        )  # fmt: skip
