"""Outcomes of monitors, as people read them in a terminal."""

from typing import TYPE_CHECKING

from evenhand.cli.terminal import say
from evenhand.core.visible import visible

if TYPE_CHECKING:
    from evenhand.core.monitor import Monitor
    from evenhand.core.outcome import Outcome
    from evenhand.core.store import Store

_MARKS = {"fine": "✓", "drift": "✗", "too little data": "?", "no data": "–"}


def window_text(outcome: "Outcome") -> str:
    """The window of an outcome: days as days, other times to the minute."""
    from evenhand.core.window import Window, moment

    return str(Window(moment(outcome.start), moment(outcome.end)))


def line_of(outcome: "Outcome") -> str:
    """A window in one line: when, what was found, how many rows, how many of them with a label."""
    share = f", {outcome.labelled / outcome.rows:.0%} with a label" if outcome.rows else ""
    drifted = len(outcome.drifted)
    found = f"{drifted} drifted" if drifted else outcome.status
    return f"{_MARKS[outcome.status]} {window_text(outcome)}: {found}; {outcome.rows:,} rows{share}"


def print_outcome(outcome: "Outcome") -> None:
    """A window, what drifted in it, and what a reader must know."""
    say(line_of(outcome))
    for drift in outcome.drifted:
        say(f"  {drift.kind}: {visible(drift.reading)}")
    waiting = sum(drift.verdict == "waiting for labels" for drift in outcome.drifts)
    if waiting:
        say(f"  {waiting} comparisons wait for labels.")
    for note in outcome.notes:
        say(f"  {visible(note)}")


def print_monitor(monitor: "Monitor", store: "Store", last: int) -> None:
    """A monitor: what it is compared with, its latest windows, and its open alerts."""
    say(f"{monitor.name}: windows of {monitor.windows.length}, compared with {visible(monitor.baseline)}")
    outcomes = store.outcomes(monitor.name)[-last:]
    for outcome in outcomes:
        say(line_of(outcome))
    if not outcomes:
        say("No window was looked at yet.")
    for alert in store.alerts(monitor=monitor.name, states=("open", "acknowledged", "snoozed")):
        windows = f"{alert.windows} window" + ("s" if alert.windows != 1 else "")
        say(f"  alert {alert.id} ({alert.state}, {windows}): {visible(alert.reading)}")
