"""A year in a real store: daily windows with sixty comparisons each, twenty monitors, five hundred alerts."""

from datetime import timedelta
from pathlib import Path

from evenhand.core.outcome import Outcome
from evenhand.stores import open_store
from evenhand.stores.store import SQLStore
from tests.server.pages.months import BINARY, DAYS, FIRST, monitor, outcome

YEAR, MONITORS, COMPARISONS, ALERTS = 365, 20, 60, 500


def a_year(folder: Path) -> SQLStore:
    """A store with one monitor that has watched for a year, others for a month and a half, and many alerts."""
    store = open_store(f"sqlite:///{folder / 'year.db'}")
    names = [f"loans{place:02}" for place in range(MONITORS)]
    for place, name in enumerate(names):
        store.put_monitor(monitor(name))
        for day in range(YEAR if place == 0 else 45):
            store.put_outcome(_wide(day, name))
    for place in range(ALERTS):
        about = f"branch {place:03}: sex=Female against the rest"
        reading = f"{about} is selected 14.1% less often than the rest; in the baseline it was 5.0%."
        store.raise_alert(names[place % MONITORS], "bias", about, reading, FIRST + timedelta(days=place % DAYS))
    for _ in range(12):
        store.put_report("credit", "loans at launch", BINARY)
    return store


def _wide(day: int, name: str) -> Outcome:
    """The outcome of a day of the month, moved to a day of the year, with as many comparisons as asked."""
    found = outcome(day % DAYS, name)
    start = FIRST - timedelta(days=YEAR - DAYS - day) if name.endswith("00") else FIRST - timedelta(days=15 - day)
    drifts = [
        drift.model_copy(update={"about": f"branch {copy}: {drift.about}"})
        for copy in range(COMPARISONS // 6)
        for drift in found.drifts
    ]
    times = {"start": start.isoformat(), "end": (start + timedelta(days=1)).isoformat()}
    return found.model_copy(update={**times, "drifts": tuple(drifts), "report": None})
