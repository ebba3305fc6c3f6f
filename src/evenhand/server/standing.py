"""Standing: how far the log of a bounty is, so that a submission beyond a quota is refused before it is kept."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from evenhand.core.bounty import ENDED, Bounty, State, Submission, Verdict
from evenhand.core.store import Handed, Store
from evenhand.server.problems import Refused
from evenhand.server.settings import Hunting

_AT_ONCE = 1_000
_DAY = timedelta(days=1)


@dataclass
class Standing:
    """What has ended, by teams, and what waits: submissions are judged in their order, so what waits is the end."""

    bounty: str
    seen: int = 0
    scored: int = 0
    accepted: int = 0
    version: int = 0
    waiting: list[Submission] = field(default_factory=list)
    _newest: int = 0
    _times: dict[str, list[datetime]] = field(default_factory=dict)
    _known: dict[tuple[str, str], tuple[int, bool]] = field(default_factory=dict)

    def catch_up(self, store: Store) -> None:
        """Read what was handed in, and what was told, since the last time: what has waited before is not read again."""
        now = datetime.now(UTC)
        # Pages are read whole before anything is taken up, for a store may fail between two of them.
        waiting = list(self.waiting)
        for each in list(_pages(store, self.bounty, self._newest)):
            self._newest = each.submission.number
            verdict = None if waiting else each.told(now)
            if verdict is None:
                waiting.append(each.submission)
            else:
                self._ended(each.submission, verdict)
        self.waiting = waiting
        ended = list(_pages(store, self.bounty, self.seen, states=ENDED)) if self.waiting else []
        for first, each in zip(waiting, ended, strict=False):
            verdict = each.told(now)
            # Verdicts are told in the order of submissions; one handed in since the lines above is read the next time.
            if verdict is None or each.submission.number != first.number:
                break
            self._ended(each.submission, verdict)
        self.waiting = [each for each in waiting if each.number > self.seen]

    def closed(self, rules: Bounty) -> str | None:
        """Why nothing more is scored; None while the hold-out can still answer, and waiting ones may end unscored."""
        from evenhand.bounty.proving.judge import FULL, SPENT

        if self.accepted >= rules.accept_at_most:
            return FULL
        return SPENT if self.scored >= rules.budget else None

    def same(self, team: str, digest: str) -> tuple[int, bool] | None:
        """The number of the team's submission with this digest, and whether it failed."""
        waits = next((each.number for each in self.waiting if (each.team, each.digest) == (team, digest)), None)
        return (waits, False) if waits is not None else self._known.get((team, digest))

    def require_room(self, rules: Bounty, limits: Hunting, team: str, now: datetime) -> None:
        """Raise Refused where one more of this team might be beyond a quota; only what is scored counts in the end."""
        if self.scored + len(self.waiting) >= rules.budget:
            raise Refused(409, f"The submissions that wait may use up the budget of {rules.budget:,}; try again later.")
        mine = [each.received for each in self.waiting if each.team == team]
        if len(mine) >= limits.waiting:
            raise Refused(409, f"{len(mine):,} submissions of the team {team!r} wait; try again when some are judged.")
        times = self._times.get(team, []) + mine
        if rules.per_team is not None and len(times) >= rules.per_team:
            raise Refused(403, f"The team {team!r} has used its {rules.per_team:,} scored submissions{_waits(mine)}.")
        recent = [time for time in times if time > now - _DAY]
        if rules.per_day is not None and len(recent) >= rules.per_day:
            again = (sorted(recent)[-rules.per_day] + _DAY).isoformat(timespec="seconds")
            raise Refused(
                403,
                f"The team {team!r} has used its {rules.per_day:,} scored submissions of 24 hours{_waits(mine)}; the"
                f" next may come at {again}.",
            )

    def teams(self) -> Counter[str]:
        """How many submissions of each team were scored."""
        return Counter({team: len(times) for team, times in self._times.items()})

    def _ended(self, submission: Submission, verdict: Verdict) -> None:
        self.seen = submission.number
        self._known[submission.team, submission.digest] = submission.number, verdict.state == "failed"
        if verdict.scored:
            self.scored += 1
            self._times.setdefault(submission.team, []).append(submission.received)
        if verdict.state == "accepted":
            self.accepted += 1
            self.version = verdict.version or self.version


def _pages(store: Store, bounty: str, after: int, states: Sequence[State] = ()) -> Iterator[Handed]:
    while page := store.handed_in(bounty, after=after, states=states, most=_AT_ONCE):
        yield from page
        if len(page) < _AT_ONCE:
            return
        after = page[-1].submission.number


def _waits(mine: list[datetime]) -> str:
    return f", {len(mine):,} of which wait" if mine else ""
