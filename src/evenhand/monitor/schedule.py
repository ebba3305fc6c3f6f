"""Schedule: which windows of a monitor are due."""

from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from evenhand.core.errors import SpecError
from evenhand.core.monitor import Monitor, Windows
from evenhand.core.store import Store
from evenhand.core.window import Window, cell_of, cells_in, moment, window_ending
from evenhand.monitor.capture import Capture
from evenhand.monitor.pending import alone, ended, keep_pending, pending, windows_with

# Of windows in which nothing came in, only so many of the latest are looked at.
MOST_SILENT = 200


def due_windows(monitor: Monitor, store: Store, home: Path, now: datetime | None = None) -> list[Window]:
    """The windows that are over and were not looked at since their records changed, in order.

    A window without records is due too, once there was one with: silence is worth knowing.
    """
    folder = home / monitor.name
    with alone(folder):
        return due_alone(monitor, store, folder, now or datetime.now(UTC))


def due_alone(monitor: Monitor, store: Store, folder: Path, now: datetime) -> list[Window]:
    """`due_windows`, for a caller that holds the monitor's folder: until it lets go, nobody else looks at them."""
    with closing(Capture(folder, monitor)) as capture:
        waiting = gathered(monitor, store, folder, capture)
    known = stored_windows(monitor, store)
    silent = _silent(monitor.windows, waiting | known, now) - known
    return sorted(window for window in waiting | silent if ended(window, monitor.windows, now))


def gathered(
    monitor: Monitor, store: Store, folder: Path, capture: Capture, also: Iterable[Window] = ()
) -> set[Window]:
    """Count what came in; returns every window that waits to be looked at, whichever run died before it did.

    The folder is held by the caller. `also` are windows that changed cells may be part of, beside those looked at.
    """
    waiting = pending(folder, monitor.windows)
    # Written down before they are counted: afterwards nothing else remembers them.
    for cells in (capture.cells_changed, lambda: capture.counted(store)):
        changed = cells()
        if changed:
            known = {*stored_windows(monitor, store), *also} if monitor.windows.since is not None else also
            waiting |= {window for cell in changed for window in windows_with(cell, monitor, known)}
            keep_pending(folder, waiting)
    if changed:
        capture.compact()
    return waiting


def latest_windows(windows: Windows, number: int, now: datetime | None = None) -> list[Window]:
    """The last windows that are over, in order; raises SpecError for fewer than one."""
    if number < 1:
        raise SpecError(f"--last {number} must be at least 1.")
    now = now or datetime.now(UTC)
    cell = cell_of(now - windows.grace, windows)
    found = []
    for _ in range(number):
        cell = Window(cell.start - cell.length, cell.start)
        found.append(window_ending(cell, windows))
    return found[::-1]


def window_of(text: str, windows: Windows) -> Window:
    """The window that text names: by its beginning, or as BEGIN/END in whole cells; raises SpecError."""
    try:
        return _window_of(text, windows)
    except OverflowError:
        raise SpecError(f"{text[:80]!r} is beyond the years of calendars; name a window such as 2026-11-20.") from None


def _window_of(text: str, windows: Windows) -> Window:
    first, slash, last = text.partition("/")
    start = moment(first.strip())
    cell = cell_of(start, windows)
    if not slash:
        if cell.start != start:
            raise SpecError(f"No window begins at {text}; this monitor has one that begins at {cell.start:%FT%RZ}.")
        if windows.since is not None:
            return window_ending(cell, windows)
        return Window(start, start + windows.length)
    window = Window(start, moment(last.strip()))
    if window.length.total_seconds() <= 0:
        raise SpecError(f"{text!r} ends before it begins.")
    if (window.start, window.end) != (cell.start, cell_of(window.end, windows).start):
        raise SpecError(f"{text!r} is no whole number of cells; cells of this monitor last {cell.length}.")
    return window


def stored_windows(monitor: Monitor, store: Store, among: Iterable[Window] | None = None) -> set[Window]:
    """The latest windows whose outcomes are kept; `among` says which are asked for, which is faster for a few."""
    since = None if among is None else min((each.start for each in among), default=None)
    if among is not None and since is None:
        return set()
    outcomes = store.outcomes(monitor.name, since=since, most=2 * MOST_SILENT)
    return {Window(moment(each.start), moment(each.end)) for each in outcomes}


def _silent(windows: Windows, known: set[Window], now: datetime) -> set[Window]:
    """The windows since the first that is known, of which some hold nothing."""
    if not known:
        return set()
    first = min(window.end for window in known)
    latest = cell_of(now - windows.grace, windows)
    start = max(first, latest.start - MOST_SILENT * latest.length)
    if start >= latest.start:
        return set()
    return {window_ending(cell, windows) for cell in cells_in(Window(start, latest.start), windows)}
