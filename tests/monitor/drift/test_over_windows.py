"""Looks over windows as a monitor keeps them: in its folder, over restarts, each window once; and a report as baseline."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

import evenhand as eh
from evenhand.core.monitor import Alert, Monitor
from evenhand.core.outcome import Drift, Outcome
from evenhand.core.store import Store
from evenhand.core.window import Window
from evenhand.monitor.capture import Capture
from evenhand.monitor.drift import Looks
from evenhand.monitor.running import run_window
from evenhand.stores import open_store
from tests.monitor.story import day, labels, month, predictions, watched

BASE = 2
LAST = 6


def window(number: int) -> Window:
    return Window(day(number), day(number + 1))


def look(monitor: Monitor, number: int, place: Path) -> Outcome:
    """Look at a day as a process that begins now would: with nothing but what is written down."""
    store = opened(place)
    return run_window(monitor, window(number), store, place, now=day(number + 1) + timedelta(hours=2))


def opened(place: Path) -> Store:
    return open_store(f"sqlite:///{place / 'evenhand.db'}")


def captured(monitor: Monitor, place: Path, last: int = LAST) -> None:
    place.mkdir(exist_ok=True)
    opened(place).put_monitor(monitor)
    capture = Capture(place / monitor.name, monitor)
    capture.accept(predictions(0, last))
    capture.close()


def kept(place: Path) -> Looks:
    (found,) = (place / "loans" / "baseline").glob("looks-*.json")
    return Looks.from_json(found.read_text())


def evidence(drifts: Sequence[Drift]) -> dict[str, float | None]:
    return {f"{drift.kind}: {drift.about}": drift.evidence for drift in drifts if drift.score is not None}


@pytest.fixture
def monitor() -> Monitor:
    quiet: tuple[Alert, ...] = ()
    return watched(baseline=f"first {BASE}", alerts=quiet)


def test_the_state_outlives_restarts_and_is_the_sum_of_all_windows(monitor: Monitor, tmp_path: Path) -> None:
    captured(monitor, tmp_path)
    outcomes = [look(monitor, number, tmp_path) for number in range(LAST + 1)]
    looks = Looks()
    for number, outcome in enumerate(outcomes[BASE:], BASE):
        looks, judged = looks.after(outcome.drifts, window(number), monitor)
        assert evidence(judged) == evidence(outcome.drifts), "evidence that only one process knew would be lost"
    assert looks == kept(tmp_path)
    assert {name.split(":")[0] for name in looks.questions} == {"bias", "data"}
    assert all(question.looks == LAST + 1 - BASE for question in looks.questions.values())


def test_a_window_looked_at_again_spends_nothing(monitor: Monitor, tmp_path: Path) -> None:
    captured(monitor, tmp_path)
    outcomes = [look(monitor, number, tmp_path) for number in range(LAST + 1)]
    before = kept(tmp_path)
    again = [look(monitor, number, tmp_path) for number in (LAST, LAST - 2, LAST)]
    assert kept(tmp_path) == before
    assert evidence(again[0].drifts) == evidence(again[2].drifts) == evidence(outcomes[-1].drifts)


def test_labels_that_come_late_add_what_they_ask_and_nothing_twice(monitor: Monitor, tmp_path: Path) -> None:
    captured(monitor, tmp_path)
    capture = Capture(tmp_path / "loans", monitor)
    capture.accept_truth(labels(0, BASE - 1))
    capture.close()
    for number in range(LAST):
        look(monitor, number, tmp_path)
    before = kept(tmp_path)
    capture = Capture(tmp_path / "loans", monitor)
    capture.accept_truth(labels(BASE, BASE + 1))
    capture.close()
    look(monitor, LAST, tmp_path)
    after = kept(tmp_path)
    assert {name for name in after.questions if name.startswith("bias: RD")} - set(before.questions)
    for name, question in after.questions.items():
        assert len(question.counted) == len(set(question.counted)) == question.looks
        assert question.looks == (2 if name.startswith("bias: RD") else LAST + 1 - BASE)


def test_a_window_that_is_not_over_spends_nothing(monitor: Monitor, tmp_path: Path) -> None:
    captured(monitor, tmp_path)
    for number in range(LAST):
        look(monitor, number, tmp_path)
    before = kept(tmp_path)
    early = day(LAST) + timedelta(hours=6)
    outcome = run_window(monitor, window(LAST), opened(tmp_path), tmp_path, now=early)
    assert outcome.drifts
    assert kept(tmp_path) == before


def test_a_report_as_baseline_says_what_is_not_compared(tmp_path: Path) -> None:
    rows = {name: column[:2_000] for name, column in month().items() if name != "time"}
    place = tmp_path / "report.json"
    place.write_text(eh.run(watched().audit, rows).to_json())
    monitor = watched(baseline=str(place), alerts=())
    captured(monitor, tmp_path / "home")
    outcome = look(monitor, 3, tmp_path / "home")
    assert {drift.kind for drift in outcome.drifts} == {"bias"}
    assert outcome.notes[-1] == (
        "The baseline is a report without rows, so that data and attributions are compared with nothing; give a table "
        "as baseline."
    )


def test_a_table_as_baseline_compares_data_and_estimates(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = {name: column[:3_500] for name, column in month().items()}
    pq.write_table(pa.table(rows), tmp_path / "baseline.parquet")
    monitor = watched(baseline=str(tmp_path / "baseline.parquet"), alerts=())
    captured(monitor, tmp_path / "home", last=8)
    outcome = look(monitor, 8, tmp_path / "home")
    assert {drift.kind for drift in outcome.drifts} == {"bias", "data", "performance"}
    assert {drift.column for drift in outcome.drifts if drift.kind == "data"} == {"income", "age"}
    assert not any("compared with nothing" in note for note in outcome.notes)
