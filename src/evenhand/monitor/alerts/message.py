"""Message: what one delivery says, in our own JSON; every channel makes its own shape of it when it is sent."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import ValidationError

from evenhand.core.errors import DataError
from evenhand.core.finding import Fact
from evenhand.core.monitor import About, Alert, Monitor
from evenhand.core.outcome import Drift, Outcome
from evenhand.core.store import StoredAlert
from evenhand.core.visible import visible
from evenhand.core.window import moment

MOST_ENTRIES = 100  # in one message; the others are counted in `left_out`
MOST_MEASURED = 1000
MOST_TEXT = 500
MOST_NAME = 300

State = Literal["firing", "recovered", "measured"]


class Entry(Fact):
    """One thing a message tells of: an alert, or a measurement."""

    state: State
    kind: About
    about: str
    reading: str
    alert: int | None = None
    windows: int = 0
    first: str | None = None
    metric: str = ""
    facet: str | None = None
    group: str | None = None
    column: str | None = None
    value: float | None = None
    baseline: float | None = None
    distance: float | None = None
    limit: float | None = None
    evidence: float | None = None
    drifted: bool = False
    estimated: bool = False


class Message(Fact):
    """What one delivery says; it depends on the window and its alerts alone, never on when it was made."""

    schema_version: Literal[1] = 1
    monitor: str
    channel: str  # the fingerprint of the channel it is for
    start: str
    end: str
    rows: int
    labelled: int
    entries: tuple[Entry, ...]
    left_out: int = 0
    runbook: str | None = None

    @property
    def firing(self) -> tuple[Entry, ...]:
        """What drifts."""
        return tuple(entry for entry in self.entries if entry.state == "firing")

    @property
    def recovered(self) -> tuple[Entry, ...]:
        """What drifts no more."""
        return tuple(entry for entry in self.entries if entry.state == "recovered")

    @property
    def ended(self) -> datetime:
        """When its window ended."""
        return moment(self.end)

    @property
    def key(self) -> str:
        """The same for the same message, however often it is sent."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:32]

    @property
    def title(self) -> str:
        """One line that says how many things drift."""
        parts = []
        if self.firing:
            parts.append(_counted(self.firing))
        if self.recovered:
            parts.append(f"{len(self.recovered)} recovered")
        return f"{self.monitor}: {', '.join(parts) or 'measured'}"


def _counted(entries: tuple[Entry, ...]) -> str:
    failures = sum(entry.kind == "failure" for entry in entries)
    drifts = len(entries) - failures
    said = [f"{drifts} {'drift' if drifts == 1 else 'drifts'}"] if drifts else []
    return " and ".join([*said, *(["the run failed"] if failures else [])])


def fingerprint(channel: Alert) -> str:
    """Names a channel of a monitor, so that a message never goes to another one after the definition was edited."""
    text = "\0".join((channel.to, channel.address, *(f"{key}={text}" for key, text in sorted(channel.options.items()))))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def named(text: str) -> str:
    """A name of bounded length that stays distinct: what is cut off leaves its digest."""
    shown = visible(text[: MOST_NAME + 1])
    if shown == text and len(text) <= MOST_NAME:
        return text
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{shown[: MOST_NAME - 14]}… {digest}"


def cut(text: str, most: int = MOST_TEXT) -> str:
    """Text with hidden characters spelled out, of bounded length."""
    shown = visible(text[: most + 1])
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def entry(drift: Drift, state: State, alert: StoredAlert | None = None) -> Entry:
    """What a message says of a drift, and of the alert it belongs to."""
    short = {name: _short(getattr(drift, name)) for name in ("facet", "group", "column")}
    numbers = {name: getattr(drift, name) for name in ("value", "baseline", "distance", "limit", "evidence")}
    return Entry(
        state=state, kind=drift.kind, about=named(drift.about), reading=cut(drift.reading),
        metric=cut(drift.metric, 100), **short, **numbers,
        alert=alert.id if alert else None, windows=alert.windows if alert else 0,
        first=alert.first.isoformat() if alert else None,
        drifted=drift.verdict == "drift", estimated=drift.estimated,
    )  # fmt: skip


def _short(text: str | None) -> str | None:
    return None if text is None else named(text)


def message(monitor: Monitor, channel: Alert, outcome: Outcome, entries: Iterable[Entry]) -> Message:
    """The message for a channel, with at most so many entries as a person or a receiver can bear."""
    entries = tuple(entries)
    most = MOST_MEASURED if entries and entries[0].state == "measured" else MOST_ENTRIES
    return Message(
        monitor=monitor.name, channel=fingerprint(channel), start=outcome.start, end=outcome.end, rows=outcome.rows,
        labelled=outcome.labelled, entries=entries[:most], left_out=max(0, len(entries) - most),
        runbook=channel.runbook,
    )  # fmt: skip


def read(payload: str) -> Message:
    """The message a delivery holds; raises DataError."""
    try:
        return Message.model_validate_json(payload)
    except ValidationError:
        raise DataError("The delivery's payload is no message of this version.") from None


def lines(told: Message) -> list[str]:
    """The message in plain lines: what drifts, what recovered, what to do."""
    shown = [f"Window {told.start} to {told.end}, {told.rows} rows, {told.labelled} with their label."]
    shown += [f"- {one.reading} (windows in a row: {one.windows})" for one in told.firing]
    shown += [f"- Recovered: {one.reading}" for one in told.recovered]
    shown += [f"… and {told.left_out} more."] if told.left_out else []
    return [*shown, *([f"What to do: {told.runbook}"] if told.runbook else [])]
