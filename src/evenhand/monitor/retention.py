"""Retention: records older than a monitor keeps them go; what was counted of them stays."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from evenhand.core.monitor import Monitor
from evenhand.monitor.capture import Capture
from evenhand.monitor.pending import alone


def forget(monitor: Monitor, home: Path, now: datetime | None = None) -> int:
    """Remove the records of cells that ended longer ago than `keep`, once they are counted; returns how many cells.

    Tallies, outcomes and reports stay: windows of then are still there, and add up.
    """
    if monitor.keep is None:
        return 0
    before = (now or datetime.now(UTC)) - monitor.keep
    folder = home / monitor.name
    with alone(folder), closing(Capture(folder, monitor)) as capture:
        return capture.forget(before)
