"""A small real store in memory, and a small real way in: enough to serve every page."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response

from evenhand.core.errors import DataError
from evenhand.core.monitor import Monitor
from evenhand.core.outcome import Outcome
from evenhand.core.report import Report
from evenhand.core.store import AlertState, Job, Key, StoredAlert
from evenhand.server.pages.visitors import Scope, Visitor


@dataclass
class Memory:
    """The part of a store that pages use."""

    watched: dict[str, Monitor] = field(default_factory=dict)
    found: dict[tuple[str, datetime, datetime], Outcome] = field(default_factory=dict)
    kept: list[tuple[str, str, datetime, Report]] = field(default_factory=list)
    raised: list[StoredAlert] = field(default_factory=list)
    work: list[Job] = field(default_factory=list)
    ring: dict[str, Key] = field(default_factory=dict)
    notes: list[tuple[datetime, str, str, str]] = field(default_factory=list)

    def put_monitor(self, monitor: Monitor) -> None:
        self.watched[monitor.name] = monitor

    def monitor(self, name: str) -> Monitor:
        if name not in self.watched:
            raise DataError(f"There is no monitor {name!r}; there are {', '.join(self.monitors())}.")
        return self.watched[name]

    def monitors(self) -> Sequence[str]:
        return sorted(self.watched)

    def put_outcome(self, outcome: Outcome) -> None:
        start, end = datetime.fromisoformat(outcome.start), datetime.fromisoformat(outcome.end)
        self.found[outcome.monitor, start, end] = outcome

    def outcomes(self, monitor: str, *, since: datetime | None = None, most: int = 1000) -> Sequence[Outcome]:
        mine = sorted(key for key in self.found if key[0] == monitor and (since is None or key[1] >= since))
        return [self.found[key].model_copy(update={"report": None}) for key in mine][-most:]

    def outcome(self, monitor: str, start: datetime, end: datetime) -> Outcome | None:
        return self.found.get((monitor, start, end))

    def put_report(self, project: str, name: str, report: Report) -> int:
        kept = datetime(2026, 11, 1 + len(self.kept) % 28, 9, 30, tzinfo=UTC)
        self.kept.append((project, name, kept, report))
        return len(self.kept)

    def report(self, number: int) -> Report:
        if not 1 <= number <= len(self.kept):
            raise DataError(f"There is no report {number}.")
        return self.kept[number - 1][3]

    def reports(self, project: str | None = None) -> Sequence[tuple[int, str, str, datetime, str]]:
        rows = [(place, *row[:3], row[3].verdict) for place, row in enumerate(self.kept, 1)]
        return [row for row in reversed(rows) if project in (None, row[1])]

    def alerts(self, *, monitor: str | None = None, states: Sequence[AlertState] = ()) -> Sequence[StoredAlert]:
        return [
            each
            for each in reversed(self.raised)
            if monitor in (None, each.monitor) and (not states or each.state in states)
        ]

    def set_alert(self, number: int, state: AlertState, *, until: datetime | None = None, by: str = "") -> StoredAlert:
        for place, alert in enumerate(self.raised):
            if alert.id == number:
                self.raised[place] = replace(alert, state=state, snoozed_until=until)
                if by:
                    self.note(by, f"alert {state}", str(number))
                return self.raised[place]
        raise DataError(f"There is no alert {number} for {by}.")

    def cancel(self, job: int) -> None:
        self.work = [replace(each, state="cancelled") if each.id == job else each for each in self.work]

    def jobs(self, *, states: Sequence[str] = (), most: int = 100) -> Sequence[Job]:
        return [job for job in reversed(self.work) if not states or job.state in states][:most]

    def add_key(self, name: str, scopes: Sequence[Scope], expires: datetime | None) -> tuple[Key, str]:
        text = "eh_" + secrets.token_hex(16)
        key = Key(len(self.ring) + 1, name, text[:7], tuple(scopes), datetime.now(UTC), expires)
        self.ring[hashlib.sha256(text.encode()).hexdigest()] = key
        return key, text

    def key_of(self, text: str) -> Key | None:
        found = self.ring.get(hashlib.sha256(text.encode()).hexdigest())
        return found if found is not None and not found.revoked else None

    def keys(self) -> Sequence[Key]:
        return list(self.ring.values())

    def revoke(self, key: int) -> None:
        self.ring = {at: replace(each, revoked=True) if each.id == key else each for at, each in self.ring.items()}

    def note(self, who: str, what: str, about: str) -> None:
        self.notes.insert(0, (datetime(2026, 11, 21, 10, 0, tzinfo=UTC), who, what, about))

    def log(self, most: int = 200) -> Sequence[tuple[datetime, str, str, str]]:
        return self.notes[:most]

    def add_job(self, kind: str, payload: Mapping[str, Any], **fields: Any) -> None:
        at = datetime(2026, 11, 21, 9, len(self.work), tzinfo=UTC)
        self.work.append(Job(len(self.work) + 1, kind, payload, created=at, **fields))


@dataclass
class Sessions:
    """Sessions in memory: a cookie names one, and its token is in every form."""

    memory: Memory
    elsewhere: str | None = None
    open: dict[str, Visitor] = field(default_factory=dict)

    def visitor(self, request: Request) -> Visitor | None:
        return self.open.get(request.cookies.get("session", ""))

    def genuine(self, request: Request, token: str) -> bool:
        who = self.visitor(request)
        wanted = who.token if who is not None else request.cookies.get("door", "")
        ours = request.headers.get("origin") in (None, f"http://{request.headers['host']}")
        return ours and bool(wanted) and secrets.compare_digest(wanted.encode(), token.encode())

    def sign_in(self, request: Request, response: Response, key: str) -> bool:  # noqa: ARG002
        found = self.memory.key_of(key)
        if found is not None:
            response.set_cookie("session", self.begin(found.name, *found.scopes), httponly=True, samesite="lax")
        return found is not None

    def begin(self, name: str, *scopes: Scope) -> str:
        session = secrets.token_hex(8)
        self.open[session] = Visitor(name, frozenset(scopes), secrets.token_hex(8))
        return session

    def sign_out(self, request: Request, response: Response) -> None:
        self.open.pop(request.cookies.get("session", ""), None)
        response.delete_cookie("session")

    def anonymous_token(self, request: Request, response: Response) -> str:
        token = request.cookies.get("door") or secrets.token_hex(8)
        response.set_cookie("door", token, httponly=True, samesite="lax")
        return token
