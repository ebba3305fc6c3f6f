"""Window: a stretch of time, and how a monitor cuts time into windows that add up."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from evenhand.core.errors import SpecError
from evenhand.core.monitor import Windows

# Windows of a day begin at midnight UTC, windows of a week on Mondays.
EPOCH = datetime(1970, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Window:
    """From `start` (included) to `end` (not included), both with a zone."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        whole = self.start.time() == self.end.time() == datetime.min.time()
        shown = (each.astimezone(UTC) for each in (self.start, self.end))
        return " to ".join(each.strftime("%Y-%m-%d" if whole else "%Y-%m-%dT%H:%MZ") for each in shown)

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.start <= moment < self.end


def cell_of(moment: datetime, windows: Windows) -> Window:
    """The smallest window that records are counted in: longer ones are sums of these."""
    step = windows.every or windows.length
    start = EPOCH + (moment.astimezone(UTC) - EPOCH) // step * step
    return Window(start, start + step)


def window_ending(cell: Window, windows: Windows) -> Window:
    """The window whose last cell this is: tumbling, sliding, or since the landmark."""
    if windows.since is not None:
        return Window(moment(windows.since), cell.end)
    return Window(cell.end - windows.length, cell.end)


def cells_in(window: Window, windows: Windows) -> Iterator[Window]:
    """The cells that add up to a window, in order."""
    cell = cell_of(window.start, windows)
    while cell.start < window.end:
        yield cell
        cell = Window(cell.end, cell.end + cell.length)


def moment(text: str) -> datetime:
    """A moment from ISO 8601 text; without a zone it is UTC; raises SpecError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise SpecError(f"{text!r} is no time; write 2026-11-20 or 2026-11-20T13:00:00Z.") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
