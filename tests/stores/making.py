"""Small real things to keep in a store: monitors, tallies, outcomes and reports."""

from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np

from evenhand import Audit, Tally, tally
from evenhand.core.monitor import Monitor
from evenhand.core.outcome import Drift, Outcome
from evenhand.core.report import Report
from evenhand.core.window import Window
from evenhand.flow import run
from evenhand.sources import read

START = datetime(2026, 11, 2, tzinfo=UTC)
DAY = timedelta(days=1)
AUDIT = Audit(label="y", positive=(1,), predicted_label="p", facets=("g",))


def day(number: int) -> Window:
    return Window(START + number * DAY, START + (number + 1) * DAY)


def monitor(name: str = "loans", **more: object) -> Monitor:
    return Monitor.model_validate({"name": name, "audit": AUDIT, "baseline": "first 7", **more})


def _table(seed: int, rows: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    group = np.array(["a", "b", "c"], object)[random.integers(0, 3, rows)]
    return {"g": group, "y": random.integers(0, 2, rows), "p": random.integers(0, 2, rows)}


@cache
def counts(seed: int = 0, small: int = 30) -> Tally:
    """The tally of some rows; another seed, other rows, and seed + 1 of them."""
    return tally(read(_table(seed, 40 + seed)), AUDIT.model_copy(update={"small": small}))


@cache
def report(seed: int = 0) -> Report:
    return run(AUDIT.model_copy(update={"draws": 100}), _table(seed, 300))


def outcome(number: int, *, name: str = "loans", rows: int = 10, whole: Report | None = None) -> Outcome:
    drift = Drift(
        kind="data", about="g", metric="js", value=float("inf"), rows=rows, verdict="drift", reading="g moved\0."
    )
    window = day(number)
    return Outcome(
        monitor=name, start=window.start.isoformat(), end=window.end.isoformat(), rows=rows, labelled=rows // 2,
        status="drift", drifts=(drift,), report=whole,
    )  # fmt: skip
