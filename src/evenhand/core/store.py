"""Store: where monitors, counts of windows, outcomes, reports, alerts and jobs are kept, by one or by a team."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, get_args

from evenhand.core.bounty import Bounty, State, Submission, Team, Verdict
from evenhand.core.monitor import Monitor
from evenhand.core.outcome import Outcome
from evenhand.core.report import Report
from evenhand.core.tally import Tally
from evenhand.core.window import Window

# Of all rows of a cell, of those whose label is known, or of the baseline.
Counted = Literal["all", "labelled", "baseline"]
AlertState = Literal["open", "acknowledged", "snoozed", "recovered"]
JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
# What goes once it is long over; "reports" are those of outcomes, which stay themselves.
Prunable = Literal["jobs", "deliveries", "log", "alerts", "reports"]
PRUNED: tuple[Prunable, ...] = get_args(Prunable)


@dataclass(frozen=True)
class StoredAlert:
    """Something that drifted and that people were, or are to be, told about; `about` and `monitor` name it."""

    id: int
    monitor: str
    kind: str
    about: str
    state: AlertState
    first: datetime
    last: datetime
    windows: int
    reading: str
    snoozed_until: datetime | None = None
    told: datetime | None = None
    told_by: Mapping[int, datetime] = field(default_factory=dict)  # by channel: when its last message was queued


@dataclass(frozen=True)
class Delivery:
    """One message to one channel: tried until it arrives or is given up."""

    id: int
    alert: int | None
    channel: int
    payload: str
    state: Literal["waiting", "delivered", "given up"]
    attempts: int
    next_try: datetime
    error: str | None = None


@dataclass(frozen=True)
class Job:
    """Work that survives restarts: whoever holds its lease does it."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    state: JobState
    created: datetime
    progress: float = 0.0
    stage: str = ""
    error: str | None = None
    worker: str | None = None
    lease_until: datetime | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    ended: datetime | None = None


@dataclass(frozen=True)
class Key:
    """An API key, of which only a prefix and a SHA-256 are kept."""

    id: int
    name: str
    prefix: str
    scopes: tuple[Literal["read", "submit", "hunt", "admin"], ...]
    created: datetime
    expires: datetime | None
    revoked: bool = False


@dataclass(frozen=True)
class Handed:
    """A submission of a bounty and, once it has ended, how."""

    submission: Submission
    verdict: Verdict | None

    def told(self, now: datetime) -> Verdict | None:
        """The verdict, once the moment has come at which it is told: it was settled before labels were read."""
        if self.verdict is None or (self.verdict.judged is not None and self.verdict.judged > now):
            return None
        return self.verdict


class Store(Protocol):
    """Every method is one transaction; several processes may use a store at once. Raises EvenhandError."""

    def put_monitor(self, monitor: Monitor) -> None:
        """Keep the definition; one of the same name is replaced, its earlier versions stay readable."""

    def monitor(self, name: str) -> Monitor:
        """The definition; raises DataError naming those there are."""

    def monitors(self) -> Sequence[str]:
        """The names, sorted."""

    def remove_monitor(self, name: str) -> None:
        """Forget a monitor and all that was counted for it."""

    def add_tally(self, monitor: str, cell: Window, counted: Counted, part: str, tally: Tally) -> bool:
        """Add counts to those of a cell, once for each name of a part; False where that part was added before."""

    def tally(self, monitor: str, window: Window, counted: Counted) -> Tally | None:
        """The sum over the cells in a window; None where nothing was counted."""

    def put_outcome(self, outcome: Outcome) -> None:
        """Keep what a run found; an earlier one of the same window is replaced."""

    def outcomes(self, monitor: str, *, since: datetime | None = None, most: int = 1000) -> Sequence[Outcome]:
        """The latest `most` that begin at `since` or later, in the order of windows, without their reports."""

    def outcome(self, monitor: str, start: datetime, end: datetime) -> Outcome | None:
        """One outcome, with its report."""

    def put_report(self, project: str, name: str, report: Report) -> int:
        """Keep a report as the next version of this name; returns the version's number in the store."""

    def report(self, number: int) -> Report:
        """One report; raises DataError."""

    def reports(self, project: str | None = None) -> Sequence[tuple[int, str, str, datetime, str]]:
        """Number, project, name, when it was kept, verdict; latest first."""

    def alerts(self, *, monitor: str | None = None, states: Sequence[AlertState] = ()) -> Sequence[StoredAlert]:
        """Alerts, latest first."""

    def raise_alert(self, monitor: str, kind: str, about: str, reading: str, at: datetime) -> StoredAlert:
        """Open an alert, or note another window of the one that has not recovered, whose state stays."""

    def set_alert(self, number: int, state: AlertState, *, until: datetime | None = None, by: str = "") -> StoredAlert:
        """Acknowledge, snooze or recover an alert."""

    def queue_delivery(
        self, alert: int | None, channel: int, payload: str, at: datetime, *, also: Sequence[int] = ()
    ) -> Delivery:
        """A message to send; the same payload for the same alert and channel is queued once.

        It tells of `alert` and those in `also`, whose `told` and `told_by[channel]` become `at` in the same
        transaction; None: it tells of no alert, as measurements for CloudWatch do.
        """

    def due_deliveries(self, at: datetime, most: int = 100) -> Sequence[Delivery]:
        """Messages whose time has come; each is handed to one caller for a minute."""

    def deliveries(self, alert: int | None = None, *, most: int = 100) -> Sequence[Delivery]:
        """Messages, of one alert or of all, latest first; of one that was settled, `next_try` says when."""

    def settle_delivery(self, number: int, *, error: str | None, next_try: datetime | None, at: datetime) -> None:
        """It arrived (no error), is to be tried again, or is given up (error, no next try); counts one attempt more."""

    def enqueue(self, kind: str, payload: Mapping[str, Any], *, key: str | None = None) -> Job:
        """A job; one with the same key that is not finished yet is returned instead."""

    def lease(self, worker: str, seconds: float) -> Job | None:
        """The oldest job that waits or whose lease ran out, now held by this worker."""

    def renew(self, job: int, worker: str, seconds: float, *, progress: float = 0.0, stage: str = "") -> bool:
        """Keep holding a job and say how far it is; False where it was cancelled or taken over."""

    def finish(
        self, job: int, worker: str, *, result: Mapping[str, Any] | None = None, error: str | None = None
    ) -> bool:
        """The end of a job; False where another worker holds it now."""

    def cancel(self, job: int) -> None:
        """Ask that a job stops."""

    def jobs(self, *, states: Sequence[JobState] = (), most: int = 100) -> Sequence[Job]:
        """Jobs, latest first."""

    def open_bounty(self, bounty: Bounty, *, invitation: str | None = None) -> None:
        """Keep the rules, which do not change any more."""

    def bounty(self, name: str) -> Bounty:
        """The rules; raises DataError naming the bounties there are."""

    def bounties(self) -> Sequence[str]:
        """The names, sorted."""

    def bounty_times(self, name: str) -> tuple[datetime, datetime | None]:
        """When it was opened, and when it was ended."""

    def end_bounty(self, name: str) -> None:
        """Take no more submissions; those that wait are still judged."""

    def invited(self, name: str, invitation: str) -> bool:
        """Whether this is the invitation of the bounty."""

    def join(self, bounty: str, team: str, key: int | None) -> Team:
        """A new team, for which this API key speaks."""

    def teams(self, bounty: str) -> Sequence[Team]:
        """In the order in which they joined."""

    def team_of(self, bounty: str, key: int) -> Team | None:
        """The team that a key speaks for."""

    def hand_in(self, bounty: str, submission: Submission) -> Submission:
        """The next submission, with its number and time; the same one of a team again raises DataError."""

    def end_submission(self, bounty: str, verdict: Verdict) -> bool:
        """Keep a verdict, once; False where the submission had ended."""

    def handed_in(
        self, bounty: str, *, team: str | None = None, states: Sequence[State] = (), after: int = 0, most: int = 1000
    ) -> Sequence[Handed]:
        """The first `most` submissions with a number above `after`, in their order, with their verdicts."""

    def add_key(self, name: str, scopes: Sequence[str], expires: datetime | None) -> tuple[Key, str]:
        """A new API key, and its text, which is not kept."""

    def key_of(self, text: str) -> Key | None:
        """The valid key with this text, compared in constant time; None for unknown, expired and revoked ones."""

    def keys(self) -> Sequence[Key]:
        """All keys."""

    def revoke(self, key: int) -> None:
        """A key that no longer opens anything."""

    def note(self, who: str, what: str, about: str) -> None:
        """Write to the log of who did what."""

    def log(self, most: int = 200) -> Sequence[tuple[datetime, str, str, str]]:
        """When, who, what, about; latest first."""

    def prune(self, before: Mapping[Prunable, datetime]) -> Mapping[Prunable, int]:
        """Remove some of what was over before a moment, by kind; returns how many went, none once all is gone.

        `jobs` that ended; `deliveries` that were settled, except those of alerts that have not recovered; `log`;
        `alerts` that recovered; `reports` of outcomes, except of each monitor's latest.
        """

    def exported(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Everything but keys and sessions, as kind and JSON, for `import_` of another store."""

    def import_(self, records: Iterator[tuple[str, Mapping[str, Any]]]) -> int:
        """Keep what `exported` gave; returns how many records."""
