"""Signs: how states look and read on pages — a symbol, words and a class, never a colour alone."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from evenhand.core.errors import EvenhandError
from evenhand.core.monitor import Alert, Monitor
from evenhand.core.outcome import Outcome
from evenhand.core.store import Job, StoredAlert
from evenhand.core.window import moment
from evenhand.renderers import figures, over_time, timelines
from evenhand.renderers.verdicts import Sign
from evenhand.server.pages import places, subjects

STATES = {
    "drift": Sign("▲", "drift", "p"),
    "fine": Sign("●", "fine", "w"),
    "no drift shown": Sign("●", "no drift shown", "w"),
    "too little data": Sign("◌", "too little data", "l"),
    "waiting for labels": Sign("…", "waiting for labels", "q"),
    "no data": Sign("∅", "no data", "u"),
    "undefined": Sign("∅", "not defined", "u"),
    "open": Sign("▲", "open", "p"),
    "acknowledged": Sign("✓", "acknowledged", "w"),
    "snoozed": Sign("◌", "snoozed", "l"),
    "recovered": Sign("●", "recovered", "w"),
    "waiting": Sign("…", "waiting", "q"),
    "running": Sign("▸", "running", "w"),
    "done": Sign("●", "done", "w"),
    "failed": Sign("▲", "failed", "p"),
    "cancelled": Sign("∅", "cancelled", "u"),
    "accepted": Sign("✓", "accepted", "w"),
    "refused": Sign("◌", "refused", "l"),
    "ended": Sign("∅", "ended", "u"),
}
KINDS = {
    "bias": "Bias",
    "data": "Data",
    "attributions": "Attributions",
    "performance": "Performance",
    "failure": "Failure",
}
HEADLINES = {
    "drift": "Something drifted.",
    "fine": "No drift is shown.",
    "too little data": "Too little data to tell.",
    "no data": "No data came in.",
}


def sign(state: str) -> Sign:
    """How a state looks."""
    return STATES.get(state, Sign("·", state, "n"))


def window(outcome: Outcome) -> str:
    """The window of an outcome in words."""
    return timelines.when(moment(outcome.start), moment(outcome.end))


def known(outcome: Outcome) -> str:
    """How much of the truth is known."""
    if not outcome.rows:
        return "no rows"
    share = figures.percent(outcome.labelled / outcome.rows)
    return f"{figures.count(outcome.labelled)} of {figures.several(outcome.rows, 'row')} ({share})"


def time(at: datetime | None) -> str:
    """A moment to the minute, in UTC; a dash for none."""
    return "–" if at is None else f"{timelines.hour(at)} UTC"


def day(at: datetime) -> str:
    """A moment as people say it: the day, and the hour where it is not midnight."""
    return over_time.day(at) if at.astimezone(UTC).time() == datetime.min.time() else time(at)


def windows(alert: StoredAlert, watched: Monitor | None) -> str:
    """The windows of an alert: how many drifted in a row, and which was the last."""
    if watched is None or watched.windows.since is not None:
        last = f"until {day(alert.last)}"
    else:
        last = timelines.when(alert.last - watched.windows.length, alert.last)
    several = f"{figures.several(alert.windows, 'window')} in a row, the last "
    return f"{several if alert.windows > 1 else '1 window, '}{last}"


def began(alert: StoredAlert, watched: Monitor | None) -> datetime:
    """When the first window of an alert began; an alert itself knows when it ended."""
    if watched is None or watched.windows.since is not None:
        return alert.first
    return alert.first - watched.windows.length


def runbook(alert: StoredAlert, watched: Monitor | None) -> str | None:
    """The link that says what to do about an alert, if a channel has one for its kind."""
    for channel in watched.alerts if watched is not None else ():
        link = web(channel.runbook)
        if link is not None and (not channel.about or alert.kind in channel.about):
            return link
    return None


def work(job: Job) -> str:
    """What a job does, in words."""
    return {"run": "Look at a window", "forget": "Forget old records", "judge": "Judge submissions"}.get(
        job.kind, job.kind
    )


def asked(job: Job) -> str:
    """The window that a job looks at; nothing for other jobs."""
    start, end = job.payload.get("start"), job.payload.get("end")
    if not isinstance(start, str) or not isinstance(end, str):
        return ""
    try:
        return timelines.when(moment(start), moment(end))
    except EvenhandError:
        return ""


def share(outcome: Outcome) -> str:
    """The share of the truth that is known."""
    return figures.percent(outcome.labelled / outcome.rows) if outcome.rows else "none"


def address(alert: Alert) -> str:
    """Where an alert goes, without what could be a secret in it: the host of a URL, the place of env:NAME."""
    if alert.address.startswith("env:") or "://" not in alert.address:
        return alert.address or "–"
    try:
        parts = urlsplit(alert.address)
    except ValueError:
        return "a URL that cannot be read"
    return f"{parts.scheme}://{parts.hostname}/…"


def web(link: str | None) -> str | None:
    """A link, if it is one that a browser may follow from here."""
    return link if link is not None and link.lower().startswith(("https://", "http://")) else None


headline = subjects.headline
measure = subjects.measure
subject = subjects.subject
place = places.place
of_monitor = places.of_monitor
of_bounty = places.of_bounty
of_window = places.of_window
of_outcome = places.of_outcome


def length_text(length: timedelta | None) -> str:
    """A length of time as a definition has it, such as 90d; nothing for none."""
    if length is None:
        return ""
    seconds = int(length.total_seconds())
    size, unit = next(
        (size, unit) for size, unit in ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s")) if seconds % size == 0
    )
    return f"{seconds // size}{unit}"


def length(span: timedelta) -> str:
    """A length of time in words: a day, 90 minutes."""
    text = length_text(span)
    unit = {"d": "day", "h": "hour", "m": "minute", "s": "second"}[text[-1]]
    return figures.several(int(text[:-1]), unit)
