"""A month of loan decisions: the demo table by days, with women turned down more often in the third week."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

import evenhand as eh
from evenhand.core.audit import Audit
from evenhand.core.monitor import Alert, Monitor, Windows

START = datetime(2026, 3, 2, tzinfo=UTC)
ROWS = 500
DAYS = 28
THIRD_WEEK = range(14, 21)


def watched(**changes: Any) -> Monitor:
    """A monitor of the story, whose baseline is its first week."""
    audit = Audit(label="repaid", positive=("yes",), predicted_label="approved", score="score", facets=("sex",),
                  metrics=("DPPL", "RD"))  # fmt: skip
    alert = Alert(to="command", address="true", about=("bias",), cooldown=timedelta(days=30))
    given: dict[str, Any] = {
        "name": "loans", "audit": audit, "baseline": "first 7", "id": "person", "windows": Windows(),
        "columns": ("income", "age"), "alerts": (alert,),
    }  # fmt: skip
    return Monitor(**{**given, **changes})


@cache
def month() -> dict[str, list[Any]]:
    """The rows of all days, in order of time."""
    table = {name: np.array(column) for name, column in eh.demo_table(rows=ROWS * DAYS, seed=3).items()}
    days = np.arange(ROWS * DAYS) // ROWS
    generator = np.random.default_rng(0)
    harmed = np.isin(days, THIRD_WEEK) & (table["sex"] == "Female") & (table["approved"] == "yes")
    harmed &= generator.random(len(days)) < 0.7
    table["approved"][harmed] = "no"
    table["score"][harmed] -= 0.5
    minutes = (np.arange(ROWS * DAYS) % ROWS) * 1440 // ROWS
    times = [START + timedelta(days=int(day), minutes=int(minute)) for day, minute in zip(days, minutes, strict=True)]
    kept = {name: table[name].tolist() for name in ("person", "sex", "age", "income", "score", "approved", "repaid")}
    return {**kept, "person": [f"p{number}" for number in kept["person"]], "time": times}


def predictions(first: int, last: int | None = None) -> dict[str, list[Any]]:
    """The predictions of days, without their labels."""
    return {name: column for name, column in _days(first, last).items() if name != "repaid"}


def labels(first: int, last: int | None = None) -> dict[str, list[Any]]:
    """The labels of days."""
    found = _days(first, last)
    return {"person": found["person"], "repaid": found["repaid"]}


def day(number: int) -> datetime:
    """When a day begins."""
    return START + timedelta(days=number)


def _days(first: int, last: int | None) -> dict[str, list[Any]]:
    rows = slice(first * ROWS, ((first if last is None else last) + 1) * ROWS)
    return {name: column[rows] for name, column in month().items()}
