"""Pending: the windows whose records changed since they were last looked at, kept so that a crash forgets none."""

import fcntl
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from evenhand.core.errors import DataError, EvenhandError, SpecError
from evenhand.core.monitor import Monitor, Windows
from evenhand.core.window import Window, cell_of, moment, window_ending
from evenhand.core.writing import write_whole

_FILE = "pending.json"
_MOMENT = timedelta(microseconds=1)


class Held(EvenhandError):
    """A monitor that is being run at this moment."""


@contextmanager
def alone(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a monitor's folder: another run of it waits, or raises Held. A process that dies lets go."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "run.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Held(f"The monitor {folder.name!r} is being run; try again when it is done.") from None
        yield


def pending(folder: Path, windows: Windows) -> set[Window]:
    """The windows that wait to be looked at; those of an earlier way to cut time are left out. Raises DataError."""
    try:
        found = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        kept = {Window(moment(start), moment(end)) for start, end in found}
    except FileNotFoundError:
        return set()
    except (ValueError, TypeError, SpecError):
        raise DataError(f"{str(folder / _FILE)!r} is damaged; remove it and run the monitor's windows again.") from None
    return {window for window in kept if window == last_window(window, windows)}


def keep_pending(folder: Path, windows: Iterable[Window]) -> None:
    """Write down what waits, whole or not at all."""
    found = [[window.start.isoformat(), window.end.isoformat()] for window in sorted(set(windows))]
    write_whole(folder / _FILE, json.dumps(found))


def last_window(window: Window, windows: Windows) -> Window:
    """The window, as a monitor cuts time, that ends where this one does."""
    return window_ending(cell_of(window.end - _MOMENT, windows), windows)


def windows_with(cell: Window, monitor: Monitor, known: Iterable[Window]) -> Iterator[Window]:
    """Every window that a cell is part of: for a landmark, its own and the later ones that are `known`."""
    windows = monitor.windows
    if windows.since is not None:
        if cell.end > moment(windows.since):
            yield window_ending(cell, windows)
            yield from (window for window in known if window.end > cell.end)
        return
    last = cell
    while last.end - windows.length <= cell.start:
        yield window_ending(last, windows)
        last = Window(last.end, last.end + cell.length)


def ended(window: Window, windows: Windows, now: datetime) -> bool:
    """Whether a window, and the time it waits for records, is over."""
    return window.end + windows.grace <= now
