"""Comparing: a window with the baseline — bias, data, attributions, estimated performance — over repeated looks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from evenhand.core.errors import EvenhandError, UnreadableSource
from evenhand.core.frame import Frame
from evenhand.core.monitor import Monitor
from evenhand.core.outcome import Drift
from evenhand.core.report import Report
from evenhand.core.window import Window
from evenhand.core.writing import write_whole
from evenhand.monitor.attributing import attributed
from evenhand.monitor.baseline import Baseline
from evenhand.monitor.drift import (
    Looks,
    attribution_drifts,
    bias_drifts,
    data_drifts,
    estimated_performance,
    histograms_of,
)
from evenhand.monitor.reporting import Counts


@dataclass(frozen=True)
class Look:
    """A window to compare: its rows where they are still there, and what it is compared with.

    `repeated` says that it is one of the windows looked at one after the other, whose evidence adds up.
    """

    monitor: Monitor
    window: Window
    frame: Frame | None
    baseline: Baseline | None
    repeated: bool


@dataclass
class Compared:
    """What was found, and what could not be."""

    drifts: Sequence[Drift] = ()
    report: Report | None = None
    notes: list[str] = field(default_factory=list)


def compared(look: Look, report: Report | None, counts: Counts) -> Compared:
    """Compare a window with its baseline; what fails is a note, and the rest goes on."""
    found = Compared(report=report)
    drifts: list[Drift] = []
    baseline = look.baseline
    if baseline is not None and report is not None:
        drifts += bias_drifts(report, baseline.report, look.monitor)
        drifts += _attempt(lambda: _performance(look, baseline, counts), found.notes)
    if baseline is not None:
        found.notes += _without_rows(baseline)
        drifts += _attempt(lambda: _data(look, baseline), found.notes)
    drifts += _attempt(lambda: _attributions(look, found), found.notes)
    found.drifts = _over_windows(look, drifts)
    return found


def status_of(
    counts: Counts, report: Report | None, drifts: Sequence[Drift]
) -> Literal["fine", "drift", "too little data", "no data"]:
    """The state of a window in a few words."""
    if not counts.rows:
        return "no data"
    verdicts = {drift.verdict for drift in drifts}
    if "drift" in verdicts:
        return "drift"
    untold = verdicts <= {"too little data", "undefined"} and "too little data" in verdicts
    return "too little data" if report is None or untold else "fine"


def _without_rows(baseline: Baseline) -> list[str]:
    """What a baseline that is no more than a report leaves out."""
    if baseline.histograms is not None:
        return []
    what = "is a report without rows" if baseline.stretch is None else "was made when its records were gone"
    then = "give a table as baseline" if baseline.stretch is None else "remove its folder to make it anew"
    return [f"The baseline {what}, so that data and attributions are compared with nothing; {then}."]


def _data(look: Look, baseline: Baseline) -> Sequence[Drift]:
    if look.frame is None or baseline.histograms is None:
        return ()
    then = baseline.histograms
    return data_drifts(histograms_of(look.frame, look.monitor, then.binnings), then, look.monitor)


def _performance(look: Look, baseline: Baseline, counts: Counts) -> Sequence[Drift]:
    """Estimates of what labels will show, while they are missing."""
    if counts.enough(look.monitor) or counts.all is None or baseline.labelled is None:
        return ()
    return estimated_performance(counts.all, baseline.labelled, look.monitor)


def _attributions(look: Look, found: Compared) -> Sequence[Drift]:
    """What drives the predictions of the window, kept in its report, against what did in the baseline."""
    if look.monitor.model is None or look.frame is None:
        return ()
    baseline = look.baseline
    explanation, reasons = attributed(look.monitor, look.frame, baseline)
    if found.report is not None:
        found.report = found.report.model_copy(update={"reasons": reasons})
    if baseline is None or baseline.explanation is None:
        return ()
    return attribution_drifts(explanation, baseline.explanation, look.monitor)


def _attempt(compare: Callable[[], Sequence[Drift]], notes: list[str]) -> Sequence[Drift]:
    try:
        return compare()
    except EvenhandError as error:
        notes.append(f"Not compared: {error}")
        return ()


def _over_windows(look: Look, drifts: list[Drift]) -> list[Drift]:
    """The drifts by the evidence of all windows; other windows, such as a day of hours, are judged alone."""
    if not look.repeated or not drifts or look.baseline is None:
        return drifts
    place = look.baseline.folder / f"looks-{look.baseline.hash[:16]}.json"
    looks, judged = _looks(place).after(drifts, look.window, look.monitor)
    # Before the outcome: the last window may be looked at again and counts once.
    write_whole(place, looks.to_json())
    return judged


def _looks(place: Path) -> Looks:
    try:
        return Looks.from_json(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Looks()
    except (OSError, UnicodeDecodeError):
        raise UnreadableSource(f"{str(place)!r} cannot be read; remove it to begin the evidence anew.") from None
