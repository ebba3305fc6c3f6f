"""Finds are groups: audits, monitors and expressions take their text as it is, and mean the same rows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evenhand as eh
from evenhand.core.monitor import Monitor
from evenhand.core.subgroup import Subgroup
from evenhand.core.window import Window
from evenhand.monitor.capture import Capture
from evenhand.monitor.running import run_window
from evenhand.stores import open_store
from tests.discovering.planted import AUDIT, table

ROWS = 12_000
START = datetime(2026, 3, 2, tzinfo=UTC)


def odd_table() -> dict[str, list[Any]]:
    """A planted group whose names are hard to read, and missing values beside it."""
    data = table(ROWS, 5, gap=0.4)
    names = {"2": 'a "b" & c', "4": "x|y=<1>"}
    data["who? <i>"] = np.array([names.get(value, value) for value in data.pop("color")], object)
    data["taste"] = np.array([names.get(value, value) for value in data["taste"]], object)
    data["taste"][::41] = None
    return {name: list(column.tolist()) for name, column in data.items()}


def rows_of(data: Any, group: str) -> np.ndarray:
    """The rows that the text means, by the expression of the parsed group."""
    frame = eh.read(data)
    expression = eh.Group.parse(group).expression(frame.expressions)
    return np.asarray(frame.rows({"in": expression}, ROWS, 0)["in"].astype(bool))


@pytest.fixture(scope="module")
def found() -> Subgroup:
    return eh.discover(odd_table(), AUDIT, "error").subgroups[0]


@pytest.fixture
def capture(tmp_path: Path, found: Subgroup) -> Iterator[Capture]:
    audit = eh.Audit(**AUDIT, facets=[found.group], metrics=["DPPL"])
    # A baseline of its own days: the window that is looked at is the first.
    opened = Capture(tmp_path / "taken", Monitor(name="taken", audit=audit, baseline="first 1", id="person"))
    yield opened
    opened.close()


def rows_in(report: eh.Report, group: str) -> int:
    """How many rows a report counts in a group."""
    return next(each.rows for each in report.profiles if each.group == group)


def test_the_planted_group_is_found(found: Subgroup) -> None:
    assert set(eh.Group.parse(found.group).columns) == {"taste", "who? <i>", "age"}


def test_its_text_means_the_rows_that_were_counted(found: Subgroup) -> None:
    data = odd_table()
    held = rows_of(data, found.group)
    wrong = np.array(data["label"]) != np.array(data["prediction"])
    assert held.sum() == found.rows
    assert wrong[held].mean() == pytest.approx(found.audited, abs=1e-12)


def test_an_audit_takes_it_as_a_facet(found: Subgroup) -> None:
    report = eh.run(eh.Audit(**AUDIT, facets=[found.group]), odd_table())
    assert rows_in(report, found.group) == found.rows


def test_a_monitor_takes_it_as_a_facet(found: Subgroup, capture: Capture, tmp_path: Path) -> None:
    data = odd_table()
    times = [START + timedelta(seconds=place) for place in range(ROWS)]
    capture.accept({**data, "person": [f"p{place}" for place in range(ROWS)], "time": times})
    store = open_store(f"sqlite:///{tmp_path / 'evenhand.db'}")
    store.put_monitor(capture.monitor)
    window = Window(START, START + timedelta(days=1))
    outcome = run_window(capture.monitor, window, store, tmp_path, now=START + timedelta(days=2))
    assert outcome.report is not None
    assert rows_in(outcome.report, found.group) == found.rows
