"""Which drifts become alerts, and which of them a channel is told: after N windows, once, and again when recovered."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from evenhand.core.monitor import Alert, Monitor
from evenhand.core.outcome import Drift, Outcome
from evenhand.core.store import Store, StoredAlert
from evenhand.core.window import Window, moment
from evenhand.monitor.alerts.message import Entry, cut, entry, message, named

# These are told the measurements of every window; whether they alarm is decided where they arrive.
MEASURED = ("cloudwatch", "opentelemetry")
LEAST = 100  # rows a window must have where no channel says so
DECIDED = ("drift", "no drift shown")
RUN = "run"

Key = tuple[str, str]  # the kind of a drift, and what it is about


@dataclass(frozen=True)
class Told:
    """An alert of this window with the drift behind it, and all alerts there ever were about the same."""

    alert: StoredAlert
    drift: Drift
    history: Sequence[StoredAlert]
    recovered: bool


def notify(outcome: Outcome, monitor: Monitor, store: Store, now: datetime) -> list[StoredAlert]:
    """Turn what a run found into alerts and queue what channels are to be told; safe to call again for a window.

    Returns the alerts that this window opened, went on with or ended. Raises EvenhandError where the store does.
    """
    if moment(outcome.end) > _latest(monitor, now):
        return []
    drifts = _newest(outcome, monitor, store, now)
    history = _history(store, monitor)
    firing = [_fired(drift, outcome, monitor, store, history[key]) for key, drift in drifts.items() if _fires(drift)]
    told = [each for each in firing if each is not None]
    told += [each for key, drift in drifts.items() if (each := _ending(drift, outcome, now, history[key]))]
    for number, channel in enumerate(monitor.alerts):
        _queue(outcome, monitor, store, now, told, number=number, channel=channel)
    return [store.set_alert(each.alert.id, "recovered") if each.recovered else each.alert for each in told]


def failed(reason: str, window: Window, monitor: Monitor, store: Store, now: datetime) -> list[StoredAlert]:
    """Tell that the run of a window failed; the next run that succeeds ends this alert."""
    reading = cut(f"The run of {window} failed: {reason}")
    drift = Drift(kind="failure", about=RUN, metric="", rows=0, verdict="drift", reading=reading)
    outcome = Outcome(
        monitor=monitor.name, start=window.start.isoformat(), end=window.end.isoformat(), rows=0, labelled=0,
        status="no data", drifts=(drift,),
    )  # fmt: skip
    return notify(outcome, monitor, store, now)


def _latest(monitor: Monitor, now: datetime) -> datetime:
    """Windows that end later were made of wrong clocks; an alert of them would outlast all that follow."""
    return now + monitor.windows.length


def _newest(outcome: Outcome, monitor: Monitor, store: Store, now: datetime) -> dict[Key, Drift]:
    """What this window decides, by key: truth that comes late must not speak for later windows."""
    drifts = {(drift.kind, named(drift.about)): drift for drift in outcome.drifts if drift.verdict in DECIDED}
    if not any(kind == "failure" for kind, _ in drifts):
        ran = Drift(
            kind="failure", about=RUN, metric="", rows=0, verdict="no drift shown", reading="The run succeeded."
        )
        drifts["failure", RUN] = ran
    for later in store.outcomes(monitor.name, since=moment(outcome.start)):
        if moment(outcome.end) < moment(later.end) <= _latest(monitor, now):
            for drift in later.drifts:
                if drift.verdict in DECIDED:
                    drifts.pop((drift.kind, named(drift.about)), None)
    return {key: drift for key, drift in drifts.items() if _enough(drift, outcome, monitor)}


def _enough(drift: Drift, outcome: Outcome, monitor: Monitor) -> bool:
    """Whether any channel that listens to this kind takes a window of so few rows."""
    least = [channel.least for channel in monitor.alerts if _listens(channel, drift)]
    return drift.kind == "failure" or outcome.rows >= min(least, default=LEAST)


def _history(store: Store, monitor: Monitor) -> dict[Key, list[StoredAlert]]:
    """All alerts about the same, latest first."""
    found: dict[Key, list[StoredAlert]] = defaultdict(list)
    for alert in store.alerts(monitor=monitor.name):
        found[alert.kind, alert.about].append(alert)
    return found


def _fires(drift: Drift) -> bool:
    return drift.verdict == "drift"


def _fired(
    drift: Drift, outcome: Outcome, monitor: Monitor, store: Store, history: Sequence[StoredAlert]
) -> Told | None:
    """The alert of a drift, which counts each window once; None where a later window was counted already."""
    end = moment(outcome.end)
    alert = _unended(history)
    if alert is None and any(earlier.last >= end for earlier in history):
        return None
    if alert is None or alert.last < end:
        alert = store.raise_alert(monitor.name, drift.kind, named(drift.about), cut(drift.reading), end)
    return Told(alert, drift, (alert, *history), recovered=False) if alert.last == end else None


def _ending(drift: Drift, outcome: Outcome, now: datetime, history: Sequence[StoredAlert]) -> Told | None:
    """The alert that this window ends, if there is one and it is not of a later window.

    A snoozed one stays, so that what comes back before the snooze is over is not news.
    """
    alert = _unended(history)
    if _fires(drift) or alert is None or moment(outcome.end) < alert.last:
        return None
    return None if _snoozed(alert, now) else Told(alert, drift, history, recovered=True)


def _unended(history: Sequence[StoredAlert]) -> StoredAlert | None:
    return next((alert for alert in history if alert.state != "recovered"), None)


def _queue(
    outcome: Outcome,
    monitor: Monitor,
    store: Store,
    now: datetime,
    told: Sequence[Told],
    *,
    number: int,
    channel: Alert,
) -> None:
    """One message for a channel, however many things drifted."""
    if channel.to in MEASURED:
        measured = list(_measured(outcome, channel))
        if measured:
            text = message(monitor, channel, outcome, measured).model_dump_json()
            store.queue_delivery(None, number, text, now)
        return
    due = [each for each in told if _is_due(each, outcome, now, number=number, channel=channel)]
    if due:
        entries = [entry(each.drift, "recovered" if each.recovered else "firing", each.alert) for each in due]
        text = message(monitor, channel, outcome, entries).model_dump_json()
        first, *rest = (each.alert.id for each in due)
        store.queue_delivery(first, number, text, now, also=rest)


def _measured(outcome: Outcome, channel: Alert) -> Iterable[Entry]:
    return (entry(drift, "measured") for drift in outcome.drifts if _listens(channel, drift))


def _is_due(each: Told, outcome: Outcome, now: datetime, *, number: int, channel: Alert) -> bool:
    """Whether this channel is to be told now."""
    if not _listens(channel, each.drift) or _snoozed(each.alert, now):
        return False
    if each.recovered:
        return number in each.alert.told_by
    if each.alert.state == "acknowledged" or each.alert.windows < channel.after:
        return False
    if each.drift.kind != "failure" and outcome.rows < channel.least:
        return False
    last = max((alert.told_by[number] for alert in each.history if number in alert.told_by), default=None)
    return last is None or now - last >= channel.cooldown


def _snoozed(alert: StoredAlert, now: datetime) -> bool:
    return alert.snoozed_until is not None and alert.snoozed_until > now


def _listens(channel: Alert, drift: Drift) -> bool:
    return not channel.about or drift.kind in channel.about
