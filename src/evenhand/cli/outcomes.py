"""Outcomes of monitors, as people read them in a terminal: what drifted, for whom, since when, how sure, what next."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from evenhand.cli.terminal import say
from evenhand.core.visible import visible
from evenhand.core.words import digits

if TYPE_CHECKING:
    from evenhand.core.monitor import Monitor
    from evenhand.core.outcome import Drift, Outcome
    from evenhand.core.store import Store, StoredAlert

_MARKS = {"fine": "✓", "drift": "✗", "too little data": "?", "no data": "–"}
_KINDS = ("bias", "performance", "data", "attributions", "failure")
# How far back a drift is followed to where it began.
_REMEMBERED = 100
_MOST_ALERTS = 10


@dataclass
class History:
    """Which drifts each window had, to say since when one goes on."""

    windows: dict[str, frozenset[tuple[str, str]]] = field(default_factory=dict)

    def see(self, outcome: "Outcome") -> None:
        """Remember a window; one that held nothing neither ends a drift nor is part of it."""
        if outcome.status == "no data":
            return
        self.windows[outcome.start] = frozenset((drift.kind, drift.about) for drift in outcome.drifted)

    def since(self, drift: "Drift", start: str) -> str:
        """The start of the first of the windows in a row, up to this one, that have the drift."""
        began = start
        for earlier in sorted((each for each in self.windows if each < start), reverse=True):
            if (drift.kind, drift.about) not in self.windows[earlier]:
                break
            began = earlier
        return began

    @classmethod
    def of(cls, store: "Store", monitor: str) -> "History":
        """What the store remembers of a monitor."""
        found = cls()
        for outcome in store.outcomes(monitor, most=_REMEMBERED):
            found.see(outcome)
        return found


@dataclass
class Printer:
    """Prints windows one after the other; what was said of an earlier one is not said again."""

    history: History
    said: set[str] = field(default_factory=set)
    shown: set[tuple[str, str]] = field(default_factory=set)
    seen: list["Outcome"] = field(default_factory=list)

    def window(self, outcome: "Outcome") -> None:
        """A window in a line, its drifts, and what is new to a reader."""
        self.history.see(outcome)
        say(line_of(outcome))
        for line in self._drifts(outcome):
            say(f"  {line}")
        for note in (*_waiting(outcome), *outcome.notes):
            if note not in self.said:
                self.said.add(note)
                say(f"  {visible(note)}")
        # Reports are large, and a year of windows may be looked at.
        self.seen.append(outcome.model_copy(update={"report": None}))

    def _drifts(self, outcome: "Outcome") -> Iterator[str]:
        """The drifts that were not told of an earlier window, and how many go on."""
        known = {(drift.kind, drift.about) for drift in outcome.drifted if self._goes_on(drift, outcome.start)}
        yield from drift_lines(outcome, self.history, known)
        if known:
            yield f"{len(known)} that began earlier {'goes' if len(known) == 1 else 'go'} on."
        self.shown |= {(drift.kind, drift.about) for drift in outcome.drifted}

    def _goes_on(self, drift: "Drift", start: str) -> bool:
        return (drift.kind, drift.about) in self.shown and self.history.since(drift, start) < start

    def end(self, monitor: "Monitor") -> None:
        """How many windows there were, how sure a drift is, and where to look next."""
        drifted = [outcome for outcome in self.seen if outcome.drifted]
        if len(self.seen) > 1:
            say(f"{len(self.seen)} windows: {len(drifted)} with a drift.")
        if not drifted:
            return
        say(
            f"How sure: were nothing drifting, at most {monitor.limits.false_alarms:.0%} of monitors would raise any"
            " alarm of a kind in a whole year."
        )
        latest = drifted[-1].start
        day = latest.removesuffix("T00:00:00+00:00").replace("+00:00", "Z")
        say(f"Next: `evenhand monitor show {monitor.name} --window {day}` says all of it; `evenhand serve` draws it.")


def window_text(outcome: "Outcome") -> str:
    """The window of an outcome: days as days, other times to the minute."""
    from evenhand.core.window import Window, moment

    return str(Window(moment(outcome.start), moment(outcome.end)))


def line_of(outcome: "Outcome") -> str:
    """A window in one line: when, what was found, how many rows, how many of them with a label."""
    share = f", {outcome.labelled / outcome.rows:.0%} with a label" if outcome.rows else ""
    drifted = len(outcome.drifted)
    found = f"{drifted} of {len(outcome.drifts)} comparisons drifted" if drifted else outcome.status
    return f"{_MARKS[outcome.status]} {window_text(outcome)}: {found}; {outcome.rows:,} rows{share}"


def drift_lines(outcome: "Outcome", history: History, known: Collection[tuple[str, str]] = ()) -> Iterator[str]:
    """A line for each drift that is not known; the two sides of one gap are one line."""
    for drifts in _sides(drift for drift in outcome.drifted if (drift.kind, drift.about) not in known):
        drift = drifts[0]
        began = history.since(drift, outcome.start)
        since = f", since {_moment_text(began)}" if began < outcome.start else ", new"
        also = f"; {', '.join(str(other.group) for other in drifts[1:])} mirrors it" if drifts[1:] else ""
        yield visible(f"{drift.kind}: {sentence_of(drift)}{since}{also}")


def sentence_of(drift: "Drift") -> str:
    """What drifted in a few words: the value now with its interval, and the value in the baseline."""
    interval = f" ({digits(drift.interval.low)} to {digits(drift.interval.high)})" if drift.interval else ""
    if drift.kind == "data" and drift.column is not None and drift.distance is not None and drift.limit is not None:
        within = f" within {drift.group}" if drift.group else ""
        return (
            f"{drift.column}{within} moved by {digits(drift.distance)} ({drift.metric}; {digits(drift.limit)} is fine)"
        )
    if drift.value is None or drift.baseline is None:
        return drift.reading
    about = f"estimated {drift.metric} of {drift.group}" if drift.estimated else _named(drift)
    return f"{about} is {digits(drift.value)}{interval} and was {digits(drift.baseline)}"


def _named(drift: "Drift") -> str:
    """The metric by its name, and whom it compares."""
    from evenhand.metrics import registered

    metric = registered().get(drift.metric)
    name = metric.name if metric is not None else drift.metric
    parts = drift.about.split(" | ")
    against = f" against {parts[3]}" if drift.kind == "bias" and len(parts) > 3 else ""
    return f"{name}, {drift.group or drift.about}{against}"


def _sides(drifts: Iterable["Drift"]) -> Iterator[list["Drift"]]:
    """Drifts in the order of their kinds; a pair that moved by the same distance is the two sides of one gap."""

    def gap(drift: "Drift") -> tuple[int, str, str, str]:
        same = f"{drift.distance:.9g}" if drift.kind == "bias" and drift.distance is not None else drift.about
        return _KINDS.index(drift.kind), drift.metric, drift.facet or "", same

    for _, found in groupby(sorted(drifts, key=gap), key=gap):
        listed = list(found)
        yield from [listed] if len(listed) == 2 else [[drift] for drift in listed]


def _waiting(outcome: "Outcome") -> Iterator[str]:
    waiting = sum(drift.verdict == "waiting for labels" for drift in outcome.drifts)
    if waiting:
        yield f"{waiting} comparisons wait for labels."


def _moment_text(text: str) -> str:
    from evenhand.core.window import moment

    found = moment(text)
    return f"{found:%Y-%m-%d}" if found.time().isoformat() == "00:00:00" else f"{found:%Y-%m-%dT%H:%MZ}"


def print_monitor(monitor: "Monitor", store: "Store", last: int) -> None:
    """A monitor: what it is compared with, its latest windows, and its open alerts."""
    from evenhand.core.monitor import span_text

    windows = monitor.windows
    cut = f" since {windows.since}" if windows.since else f" every {span_text(windows.every)}" if windows.every else ""
    say(f"{monitor.name}: windows of {span_text(windows.length)}{cut}, compared with {visible(monitor.baseline)}")
    outcomes = store.outcomes(monitor.name, most=max(last, _REMEMBERED))
    for outcome in outcomes[-last:]:
        say(line_of(outcome))
    if not outcomes:
        say(f"No window was looked at yet; `evenhand monitor run {monitor.name}` looks at those that are over.")
    print_alerts(store.alerts(monitor=monitor.name, states=("open", "acknowledged", "snoozed")), outcomes)


def print_alerts(alerts: Sequence["StoredAlert"], outcomes: Sequence["Outcome"]) -> None:
    """The alerts that are open: since when they are, and what they are about."""
    latest = {f"{drift.kind}: {drift.about}": drift for outcome in outcomes for drift in outcome.drifts}
    for alert in sorted(alerts, key=lambda alert: (alert.first, alert.id))[:_MOST_ALERTS]:
        found = latest.get(f"{alert.kind}: {alert.about}")
        windows = f"{alert.windows} window" + ("s" if alert.windows != 1 else "")
        text = sentence_of(found) if found is not None else alert.reading
        say(f"  alert {alert.id} ({alert.state}, {windows}): {alert.kind}: {visible(text)}")
    if len(alerts) > _MOST_ALERTS:
        say(f"  … and {len(alerts) - _MOST_ALERTS} more; `evenhand serve` lists them all.")


def print_everything(outcome: "Outcome") -> None:
    """A window in whole sentences: what drifted, what did not, what waits, and what a reader must know."""
    say(line_of(outcome))
    verdicts = ("drift", "no drift shown", "too little data", "waiting for labels", "undefined")
    for verdict in verdicts:
        found = [drift for drift in outcome.drifts if drift.verdict == verdict]
        if found:
            say(f"{verdict.capitalize()} ({len(found)}):")
        for drift in found:
            say(f"  {drift.kind}: {visible(drift.reading)}")
    for note in outcome.notes:
        say(visible(note))
