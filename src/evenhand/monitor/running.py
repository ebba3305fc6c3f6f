"""Running: one window of a monitor — count what came in, report, compare with the baseline, keep, and tell."""

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from evenhand.core.errors import EvenhandError
from evenhand.core.monitor import Monitor
from evenhand.core.outcome import Outcome
from evenhand.core.report import Report
from evenhand.core.store import Store
from evenhand.core.window import Window, moment
from evenhand.flow import About
from evenhand.monitor.alerts import notify
from evenhand.monitor.attributing import explain_baseline
from evenhand.monitor.baseline import (
    Baseline,
    Rows,
    baseline_windows,
    first_windows,
    kept_baseline,
    make_baseline,
    rows_given,
)
from evenhand.monitor.capture import Capture
from evenhand.monitor.comparing import Compared, Look, compared, status_of
from evenhand.monitor.pending import alone, ended, keep_pending, last_window, pending
from evenhand.monitor.reporting import Counts, window_report
from evenhand.monitor.schedule import gathered, stored_windows

Say = Callable[[str, float], None]


@dataclass
class Run:
    """What looking at the windows of one monitor needs."""

    monitor: Monitor
    store: Store
    folder: Path
    now: datetime
    capture: Capture
    say: Say
    notes: list[str] = field(default_factory=list)

    def counts(self, window: Window) -> Counts:
        """The sums of the cells of a window."""
        name = self.monitor.name
        return Counts(self.store.tally(name, window, "all"), self.store.tally(name, window, "labelled"))

    def repeated(self, window: Window) -> bool:
        """Whether a window is one of those that are looked at one after the other, and is over."""
        windows = self.monitor.windows
        return ended(window, windows, self.now) and window == last_window(window, windows)


def run_window(
    monitor: Monitor, window: Window, store: Store, home: Path, *, now: datetime | None = None, say: Say | None = None
) -> Outcome:
    """Look at one window: what came in is counted, and what was found is kept, compared and told.

    Earlier windows that late records or labels changed are looked at again. One run of a monitor at a time; a run that
    dies is done again from where its records are. `say(stage, share)` is called as work proceeds, and may raise to
    stop. Raises EvenhandError, and then the last good outcome stays.
    """
    folder = home / monitor.name
    with alone(folder), closing(Capture(folder, monitor)) as capture:
        run = Run(monitor, store, folder, now or datetime.now(UTC), capture, say or _silent)
        run.say("counting", 0.0)
        again = _count(run, window)
        outcome = None
        for number, each in enumerate(sorted({*again, window})):
            run.say(f"looking at {each}", 0.2 + 0.8 * number / (len(again) + 1))
            if each == window:
                outcome = _looked(run, window)
            else:
                _looked_again(run, each)
        assert outcome is not None  # noqa: S101 - the window is one of them
        run.say("done", 1.0)
        return outcome


def _count(run: Run, window: Window) -> set[Window]:
    """Count what came in since; returns the windows with an outcome that this changed, for all runs that died too."""
    waiting = gathered(run.monitor, run.store, run.folder, run.capture, (window,))
    return waiting & stored_windows(run.monitor, run.store, waiting) - {window}


def _looked_again(run: Run, window: Window) -> None:
    """Look at an earlier window; where that fails, it waits and the others go on."""
    try:
        _looked(run, window)
    except EvenhandError as error:
        run.notes.append(f"The window {window}, which late records changed, could not be looked at again: {error}")


def _looked(run: Run, window: Window) -> Outcome:
    """Look at one window, keep what was found, tell, and cross it off."""
    started = time.monotonic()
    found = _outcome(run, window)
    outcome = found.model_copy(update={"seconds": round(time.monotonic() - started, 3)})
    run.store.put_outcome(outcome)
    if run.repeated(window):
        notify(outcome, run.monitor, run.store, run.now)
        keep_pending(run.folder, pending(run.folder, run.monitor.windows) - {window})
    return outcome


def _outcome(run: Run, window: Window) -> Outcome:
    monitor, counts = run.monitor, run.counts(window)
    if not counts.rows:
        return _made(run, window, counts, None, Compared(), ["No record of this window came in."])
    notes = [*_words(run, window, counts), *run.notes]
    baseline, why = _baseline(run, window)
    frame = run.capture.frame(window, labelled=False)
    if frame is None:
        notes.append("The records of this window are gone, so that only what was counted of them is looked at.")
    columns = tuple(frame.kinds) if frame is not None else baseline.columns if baseline is not None else ()
    about = About(f"{monitor.name}, {window}", columns)
    report, unsaid = window_report(counts, monitor, about, f"{monitor.name}: {window}")
    notes += [*unsaid, *why, *_explained(run, baseline)]
    look = Look(monitor, window, frame, baseline, repeated=run.repeated(window))
    found = compared(look, report, counts)
    return _made(run, window, counts, found.report, found, [*notes, *found.notes])


def _made(
    run: Run, window: Window, counts: Counts, report: Report | None, found: Compared, notes: Iterable[str]
) -> Outcome:
    return Outcome(
        monitor=run.monitor.name, start=window.start.isoformat(), end=window.end.isoformat(), rows=counts.rows,
        labelled=counts.with_label, status=status_of(counts, report, found.drifts), drifts=tuple(found.drifts),
        report=report, notes=tuple(dict.fromkeys(notes)), created=run.now.isoformat(timespec="seconds"),
    )  # fmt: skip


def _words(run: Run, window: Window, counts: Counts) -> Iterable[str]:
    """What a reader must know of how much of the window is known."""
    monitor = run.monitor
    if not ended(window, monitor.windows, run.now):
        yield "The window is not over yet: nobody is told, and it will be looked at again."
    if monitor.audit.label is None:
        return
    share = 1 - counts.with_label / counts.rows
    if share:
        yield f"The label of {share:.1%} of the rows is not known."
    if counts.enough(monitor):
        return
    if run.now >= window.end + monitor.truth.wait:
        yield f"Labels were waited for {monitor.truth.wait.days} days; metrics that need them are left out."
    else:
        yield f"Metrics of labels wait until {monitor.truth.least:.0%} of the rows have one."


def _baseline(run: Run, window: Window) -> tuple[Baseline | None, list[str]]:
    """What the window is compared with, made where it was not before; and why there is none."""
    kept = kept_baseline(run.monitor, run.folder)
    if kept is None and first_windows(run.monitor) is None:
        run.say("making the baseline", 0.1)
        kept = make_baseline(run.monitor, run.folder, rows_given(run.monitor))
        run.store.put_report(run.monitor.name, "baseline", kept.report)
    if first_windows(run.monitor) is not None:
        return _of_first_windows(run, window, kept)
    assert kept is not None  # noqa: S101 - made above
    return kept, [f"Compared with {kept.words}."]


def _explained(run: Run, baseline: Baseline | None) -> list[str]:
    """See that the baseline is explained, where a model is named; says why it is not."""
    if run.monitor.model is None or baseline is None or baseline.explanation_folder.is_dir():
        return []
    run.say("explaining the baseline", 0.15)
    stretch = baseline.stretch
    try:
        frame = rows_given(run.monitor).frame if stretch is None else run.capture.frame(stretch, labelled=False)
        if frame is None:
            return ["The baseline's rows are not there, so that attributions are compared with nothing."]
        explain_baseline(run.monitor, frame, baseline)
    except EvenhandError as error:
        return [f"The baseline could not be explained: {error}"]
    return []


def _of_first_windows(run: Run, window: Window, kept: Baseline | None) -> tuple[Baseline | None, list[str]]:
    wanted = first_windows(run.monitor) or 0
    if kept is not None and not kept.without_labels:
        if kept.stretch is not None and window.end <= kept.stretch.end:
            return None, [f"This window is part of {kept.words}."]
        return kept, [f"Compared with {kept.words}."]
    known = {*_stored_with_rows(run), *pending(run.folder, run.monitor.windows), window}
    found, number = baseline_windows(run.monitor, sorted(known), window)
    if found is None or window.end <= found.end:
        return None, [f"This window is one of the first {wanted}, of which the baseline is made ({number} so far)."]
    counts = run.counts(found)
    if kept is None or counts.enough(run.monitor):
        kept = _made_of(run, found, counts)
    waits = " Its labels are not known yet." if kept.without_labels else ""
    return kept, [f"Compared with {kept.words}.{waits}"]


def _made_of(run: Run, stretch: Window, counts: Counts) -> Baseline:
    run.say("making the baseline", 0.1)
    frame = run.capture.frame(stretch, labelled=False)
    made = make_baseline(run.monitor, run.folder, Rows(str(stretch), counts, frame, stretch=stretch))
    run.store.put_report(run.monitor.name, "baseline", made.report)
    return made


def _stored_with_rows(run: Run) -> set[Window]:
    """The windows with an outcome and with records."""
    outcomes = run.store.outcomes(run.monitor.name)
    return {Window(moment(each.start), moment(each.end)) for each in outcomes if each.rows}


def _silent(stage: str, share: float) -> None:
    """Progress that nobody looks at."""
