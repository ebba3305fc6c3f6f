"""Signs: how states look and read on pages — a symbol, words and a class, never a colour alone."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from evenhand.core.monitor import Alert
from evenhand.core.outcome import Drift, Outcome
from evenhand.core.window import moment
from evenhand.renderers import figures, timelines
from evenhand.renderers.verdicts import Sign
from evenhand.server.pages import places

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
    return "–" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


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


of_monitor = places.of_monitor
of_window = places.of_window
of_outcome = places.of_outcome


_SERIOUS = ("drift", "waiting for labels", "too little data", "undefined", "no drift shown")


def serious_first(drifts: list[Drift]) -> list[Drift]:
    """Drifts before what waits, before what is fine; otherwise as they were."""
    return sorted(drifts, key=lambda drift: _SERIOUS.index(drift.verdict))


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
