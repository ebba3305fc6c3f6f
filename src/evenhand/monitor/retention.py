"""Retention: what is kept how long — records by each monitor, and what a store gathers by whoever runs it."""

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from evenhand.core.monitor import Monitor, Span
from evenhand.core.store import PRUNED, Prunable, Store
from evenhand.monitor.capture import Capture
from evenhand.monitor.pending import alone


class Retention(BaseModel):
    """How long a store keeps what is over; null keeps it for good. What is open or waits always stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    jobs: Span | None = Field(default=timedelta(days=30), description="Jobs, after they ended.")
    deliveries: Span | None = Field(default=timedelta(days=90), description="Messages, after they arrived or not.")
    log: Span | None = Field(default=timedelta(days=400), description="The log of who did what.")
    alerts: Span | None = Field(default=timedelta(days=400), description="Alerts that recovered, after their window.")
    reports: Span | None = Field(
        default=timedelta(days=400), description="Reports of windows; what was found in them stays."
    )


def forget(monitor: Monitor, home: Path, now: datetime | None = None) -> int:
    """Remove the records of cells that ended longer ago than `keep`, once they are counted; returns how many cells.

    Tallies and outcomes stay: windows of then are still there, and add up.
    """
    if monitor.keep is None:
        return 0
    before = (now or datetime.now(UTC)) - monitor.keep
    folder = home / monitor.name
    with alone(folder), closing(Capture(folder, monitor)) as capture:
        return capture.forget(before)


def tidy(store: Store, retention: Retention, now: datetime) -> Mapping[Prunable, int]:
    """Remove from a store what is over for longer than it is kept; returns how many of each kind went.

    Safe to call at any time, by several at once. Raises EvenhandError where the store does.
    """
    spans: dict[Prunable, timedelta | None] = {kind: getattr(retention, kind) for kind in PRUNED}
    before = {kind: now - span for kind, span in spans.items() if span is not None}
    gone: Counter[Prunable] = Counter(dict.fromkeys(before, 0))
    while before:
        found = store.prune(before)
        gone.update(found)
        before = {kind: moment for kind, moment in before.items() if found[kind]}
    return dict(gone)
