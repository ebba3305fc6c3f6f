"""A monitor over a month: days captured, labels that come late, drift found, told once, and recovered."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evenhand.core.errors import DataError, EvenhandError
from evenhand.core.monitor import Monitor, Truth, Windows
from evenhand.core.outcome import Outcome
from evenhand.core.store import Store
from evenhand.core.tally import Tally
from evenhand.core.window import Window
from evenhand.flow import tally_of
from evenhand.monitor.capture import Capture
from evenhand.monitor.jobs import Worker, plan, queue_run
from evenhand.monitor.retention import forget
from evenhand.monitor.running import run_window
from evenhand.monitor.schedule import due_windows, latest_windows, window_of
from evenhand.stores import open_store
from tests.monitor.story import DAYS, ROWS, START, day, labels, month, predictions, watched

DAY = timedelta(days=1)


def window(number: int) -> Window:
    return Window(day(number), day(number + 1))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path / 'evenhand.db'}")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "monitors"


_OPEN: list[Capture] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Lets go of what the test captured with."""
    yield
    while _OPEN:
        _OPEN.pop().close()


def opened(monitor: Monitor, home: Path) -> Capture:
    _OPEN.append(Capture(home / monitor.name, monitor))
    return _OPEN[-1]


def put(monitor: Monitor, store: Store, home: Path) -> Capture:
    store.put_monitor(monitor)
    return opened(monitor, home)


def look(monitor: Monitor, number: int, store: Store, home: Path, late: timedelta = timedelta(hours=2)) -> Outcome:
    return run_window(monitor, window(number), store, home, now=day(number + 1) + late)


def counted(monitor: Monitor, rows: int) -> Tally:
    """What counting the first rows at once gives."""
    return tally_of(monitor.audit, {name: column[:rows] for name, column in month().items() if name != "time"})


def verdicts(outcome: Outcome, metric: str) -> set[str]:
    return {drift.verdict for drift in outcome.drifts if drift.metric == metric and drift.group == "sex=Female"}


@pytest.mark.slow
def test_a_month_with_a_bad_week(store: Store, home: Path) -> None:
    monitor = watched()
    capture = put(monitor, store, home)
    statuses: list[str] = []
    open_at: list[int] = []
    for number in range(DAYS):
        capture.accept(predictions(number))
        if number >= 2:
            capture.accept_truth(labels(number - 2))
        outcome = look(monitor, number, store, home)
        statuses.append(outcome.status)
        open_at.append(len(store.alerts(monitor="loans", states=("open",))))
        assert outcome.rows == ROWS
        assert outcome.labelled == 0, "labels are two days late"
    assert statuses[:14] == ["fine"] * 14
    assert "drift" in statuses[14:17], "found within three days"
    assert open_at[:14] == [0] * 14
    assert max(open_at) >= 1
    assert open_at[-1] == 0, "recovered by the end of the fourth week"
    told = store.due_deliveries(datetime(2100, 1, 1, tzinfo=UTC), most=1000)
    firing = [each.payload for each in told if '"state":"firing"' in each.payload]
    assert len(firing) == len({each.alert for each in told if '"state":"firing"' in each.payload})
    # Late labels: what was looked at without them was looked at again.
    again = store.outcome("loans", day(10), day(11))
    assert again is not None
    assert again.labelled == ROWS
    assert again.report is not None
    assert {"DPPL", "RD"} <= {finding.metric for finding in again.report.findings}
    assert "waiting for labels" not in verdicts(again, "RD")
    bad = [store.outcome("loans", day(number), day(number + 1)) for number in range(16, 20)]
    assert any("drift" in verdicts(each, "RD") for each in bad if each is not None), "shown by labels too"
    last = store.outcome("loans", day(DAYS - 1), day(DAYS))
    assert last is not None
    assert last.labelled == 0
    assert verdicts(last, "RD") == {"waiting for labels"}
    assert any("The label of 100.0% of the rows is not known." in note for note in last.notes)


def test_windows_of_hours_add_up_to_a_day(store: Store, home: Path) -> None:
    hourly = watched(name="hourly", windows=Windows(length=timedelta(hours=1)))
    capture = put(hourly, store, home)
    capture.accept(predictions(0))
    capture.accept_truth(labels(0))
    hours = [Window(START + timedelta(hours=hour), START + timedelta(hours=hour + 1)) for hour in range(24)]
    now = START + timedelta(days=2)
    found = [run_window(hourly, each, store, home, now=now) for each in hours]
    whole = run_window(hourly, Window(START, START + DAY), store, home, now=now)
    assert sum(each.rows for each in found) == whole.rows == ROWS
    assert sum(each.labelled for each in found) == whole.labelled == ROWS
    one_pass = counted(hourly, ROWS)
    assert store.tally("hourly", Window(START, START + DAY), "labelled") == one_pass


def test_sliding_windows_share_cells(store: Store, home: Path) -> None:
    sliding = watched(name="sliding", windows=Windows(length=timedelta(days=3), every=DAY))
    capture = put(sliding, store, home)
    capture.accept(predictions(0, 4))
    assert due_windows(sliding, store, home, day(5) + timedelta(hours=1)) == [
        Window(day(number - 2), day(number + 1)) for number in range(5)
    ]
    outcome = run_window(sliding, Window(day(1), day(4)), store, home, now=day(6))
    assert outcome.rows == 3 * ROWS
    # The others wait still, and the one that holds a day without records joins them.
    assert Window(day(1), day(4)) not in due_windows(sliding, store, home, day(6) + timedelta(hours=1))
    assert Window(day(3), day(6)) in due_windows(sliding, store, home, day(6) + timedelta(hours=1))


def test_windows_since_a_landmark_grow(store: Store, home: Path) -> None:
    landmark = watched(name="landmark", windows=Windows(length=DAY, since="2026-03-02"))
    capture = put(landmark, store, home)
    capture.accept(predictions(0, 2))
    due = due_windows(landmark, store, home, day(3) + timedelta(hours=1))
    assert due == [Window(START, day(number)) for number in (1, 2, 3)]
    assert [run_window(landmark, each, store, home, now=day(4)).rows for each in due] == [ROWS, 2 * ROWS, 3 * ROWS]
    capture.accept_truth(labels(0))
    run_window(landmark, due[-1], store, home, now=day(4))
    assert [each.labelled for each in store.outcomes("landmark")] == [ROWS] * 3, "late truth reaches all that hold it"


def test_a_window_without_records_says_so(store: Store, home: Path) -> None:
    monitor = watched()
    put(monitor, store, home)
    outcome = look(monitor, 3, store, home)
    assert outcome.status == "no data"
    assert outcome.notes == ("No record of this window came in.",)


def test_silence_is_due_once_there_were_records(store: Store, home: Path) -> None:
    monitor = watched()
    capture = put(monitor, store, home)
    assert due_windows(monitor, store, home, day(9)) == []
    capture.accept(predictions(0))
    assert due_windows(monitor, store, home, day(1)) == [], "an hour of grace"
    assert due_windows(monitor, store, home, day(1) + timedelta(hours=1)) == [window(0)]
    look(monitor, 0, store, home)
    assert due_windows(monitor, store, home, day(3) + timedelta(hours=1)) == [window(1), window(2)]


def test_labels_of_a_window_make_it_due_again(store: Store, home: Path) -> None:
    monitor = watched()
    capture = put(monitor, store, home)
    capture.accept(predictions(0))
    look(monitor, 0, store, home)
    assert due_windows(monitor, store, home, day(1) + timedelta(hours=2)) == []
    capture.accept_truth(labels(0))
    assert due_windows(monitor, store, home, day(1) + timedelta(hours=2)) == [window(0)]


def test_metrics_of_labels_wait_for_the_share_asked_for(store: Store, home: Path) -> None:
    monitor = watched(truth=Truth(least=0.5))
    capture = put(monitor, store, home)
    capture.accept(predictions(0))
    some = {name: column[: ROWS // 4] for name, column in labels(0).items()}
    capture.accept_truth(some)
    outcome = look(monitor, 0, store, home)
    assert outcome.labelled == ROWS // 4
    assert outcome.report is not None
    assert {finding.metric for finding in outcome.report.findings} == {"DPPL"}
    assert "The label of 75.0% of the rows is not known." in outcome.notes
    assert "Metrics of labels wait until 50% of the rows have one." in outcome.notes
    capture.accept_truth(labels(0))
    full = look(monitor, 0, store, home)
    assert full.labelled == ROWS
    assert full.report is not None
    assert {finding.metric for finding in full.report.findings} == {"DPPL", "RD"}


def test_a_baseline_that_was_changed_is_refused(store: Store, home: Path, tmp_path: Path) -> None:
    table = month()
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({name: column[: 7 * ROWS] for name, column in table.items()}), tmp_path / "base.parquet")
    monitor = watched(baseline=str(tmp_path / "base.parquet"))
    capture = put(monitor, store, home)
    capture.accept(predictions(8))
    first = look(monitor, 8, store, home)
    assert first.status == "fine"
    assert any(note.startswith("Compared with the baseline ") for note in first.notes)
    (tmp_path / "base.parquet").unlink()
    assert look(monitor, 8, store, home).status == "fine", "made once"
    report = home / "loans" / "baseline" / "report.json"
    report.write_text(report.read_text().replace('"rows"', '"rows" ', 1))
    with pytest.raises(DataError, match="was changed since it was made; remove that folder"):
        look(monitor, 8, store, home)
    kept = store.outcome("loans", day(8), day(9))
    assert kept is not None
    assert kept.status == "fine", "the last good outcome stays"


_RUN = """
import sys
from datetime import datetime
from pathlib import Path
from evenhand.core.tally import Tally
from evenhand.core.window import Window
from evenhand.monitor.running import run_window
from evenhand.stores import open_store
url, home, start, end, now = sys.argv[1:]
store = open_store(url)
def say(stage, share):
    print(stage, flush=True)
at = datetime.fromisoformat
run_window(store.monitor("loans"), Window(at(start), at(end)), store, Path(home), now=at(now), say=say)
"""


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.01, 0.05, 0.1, 0.3])
def test_a_run_that_is_killed_is_done_again(store: Store, home: Path, tmp_path: Path, delay: float) -> None:
    monitor = watched()
    capture = put(monitor, store, home)
    capture.accept(predictions(0, 1))
    look(monitor, 0, store, home)
    capture.accept_truth(labels(0, 1))
    url = f"sqlite:///{tmp_path / 'evenhand.db'}"
    texts = (url, str(home), *(each.isoformat() for each in (day(1), day(2), day(2) + timedelta(hours=2))))
    process = subprocess.Popen([sys.executable, "-c", _RUN, *texts], stdout=subprocess.PIPE, env={**os.environ})
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    now = day(2) + timedelta(hours=2)
    for each in due_windows(monitor, store, home, now):
        run_window(monitor, each, store, home, now=now)
    assert [(each.rows, each.labelled) for each in store.outcomes("loans")] == [(ROWS, ROWS)] * 2
    assert due_windows(monitor, store, home, now) == []
    whole = counted(monitor, 2 * ROWS)
    assert store.tally("loans", Window(day(0), day(2)), "labelled") == whole


def test_two_workers_never_run_one_twice(store: Store, home: Path) -> None:
    done: list[tuple[str, int]] = []

    def count(worker: Worker, payload: object, _say: object) -> dict[str, int]:
        assert isinstance(payload, dict)
        done.append((worker.name, int(payload["number"])))
        time.sleep(0.01)
        return {"number": int(payload["number"])}

    for number in range(20):
        store.enqueue("count", {"number": number})
    workers = [Worker(store, home, name=f"worker {number}", handlers={"count": count}) for number in range(2)]

    def until_empty(worker: Worker) -> None:
        while worker.work_once() is not None:
            pass

    threads = [threading.Thread(target=until_empty, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(number for _, number in done) == list(range(20))
    assert {job.state for job in store.jobs()} == {"done"}


def test_a_job_whose_worker_died_is_taken_over_and_the_dead_cannot_end_it(store: Store, home: Path) -> None:
    job = store.enqueue("count", {})
    assert store.lease("a dead worker", 0.05) is not None
    time.sleep(0.2)
    worker = Worker(store, home, handlers={"count": lambda worker, _payload, _say: {"by": worker.name}})
    assert worker.work_once() is not None
    assert store.finish(job.id, "a dead worker", error="late") is False
    kept = store.jobs()[0]
    assert (kept.state, kept.result) == ("done", {"by": worker.name})


def test_a_lease_is_renewed_while_the_job_goes_on(store: Store, home: Path) -> None:
    def slow(_worker: Worker, _payload: object, _say: object) -> dict[str, bool]:
        time.sleep(1.2)
        return {"taken": store.lease("another", 60) is not None}

    store.enqueue("slow", {})
    Worker(store, home, lease=0.6, handlers={"slow": slow}).work_once()
    assert store.jobs()[0].result == {"taken": False}


def test_a_cancelled_job_stops_where_it_says_how_far_it_is(store: Store, home: Path) -> None:
    reached: list[int] = []

    def steps(_worker: Worker, _payload: object, say: object) -> dict[str, int]:
        assert callable(say)
        for step in range(10):
            say(f"step {step}", step / 10)
            reached.append(step)
            if step == 3:
                store.cancel(job.id)
        return {}

    job = store.enqueue("steps", {})
    Worker(store, home, handlers={"steps": steps}).work_once()
    assert reached == [0, 1, 2, 3]
    assert store.jobs()[0].state == "cancelled"


def test_a_failed_run_says_why_and_keeps_the_last_outcome(store: Store, home: Path) -> None:
    monitor = watched()
    capture = put(monitor, store, home)
    capture.accept(predictions(0))
    good = look(monitor, 0, store, home)
    store.put_monitor(watched(baseline="nowhere.parquet"))
    job = queue_run(store, "loans", window(0))
    assert queue_run(store, "loans", window(0)).id == job.id
    Worker(store, home).work_once()
    failed = store.jobs()[0]
    assert failed.state == "failed"
    assert "nowhere.parquet" in (failed.error or "")
    kept = store.outcome("loans", day(0), day(1))
    assert kept is not None
    assert (kept.status, kept.rows) == (good.status, good.rows)
    assert [alert.kind for alert in store.alerts(monitor="loans", states=("open",))] == ["failure"]


def test_an_unknown_kind_of_job_fails_with_those_there_are(store: Store, home: Path) -> None:
    store.enqueue("sing", {})
    Worker(store, home).work_once()
    assert store.jobs()[0].error == "No worker here does jobs of the kind 'sing'; it does forget, run."


def test_a_plan_queues_what_is_due_when_its_minute_has_come(store: Store, home: Path) -> None:
    monitor = watched(schedule="15 * * * *")
    capture = put(monitor, store, home)
    capture.accept(predictions(0, 1))
    looked: dict[str, datetime] = {}
    now = day(1) + timedelta(hours=1)
    assert [job.payload["start"] for job in plan(store, home, now, looked)] == [day(0).isoformat()]
    assert plan(store, home, now + timedelta(minutes=14), looked) == []
    again = plan(store, home, now + timedelta(minutes=15), looked)
    assert [job.id for job in again] == [store.jobs()[0].id], "one that waits is not queued twice"
    Worker(store, home).work_once()
    assert store.jobs()[0].state == "done"
    assert len(plan(store, home, day(2) + timedelta(hours=1), looked)) == 1


def test_records_go_and_tallies_stay(store: Store, home: Path) -> None:
    monitor = watched(keep=timedelta(days=3))
    capture = put(watched(), store, home)
    capture.accept(predictions(0, 4))
    capture.accept_truth(labels(0, 4))
    look(monitor, 4, store, home)
    before = store.tally("loans", Window(day(0), day(5)), "labelled")
    assert forget(monitor, home, day(5)) == 2
    fresh = opened(monitor, home)
    assert fresh.frame(window(1), labelled=False) is None
    assert fresh.frame(window(2), labelled=False) is not None
    assert store.tally("loans", Window(day(0), day(5)), "labelled") == before
    outcome = look(monitor, 1, store, home)
    assert outcome.rows == ROWS
    assert "The records of this window are gone, so that only what was counted of them is looked at." in outcome.notes


def test_windows_by_text() -> None:
    days, hours = Windows(), Windows(length=timedelta(hours=1))
    assert window_of("2026-03-02", days) == window(0)
    assert window_of("2026-03-02T05:00Z", hours).length == timedelta(hours=1)
    assert window_of("2026-03-02/2026-03-03", hours) == window(0)
    assert latest_windows(days, 2, day(2) + timedelta(hours=3)) == [window(0), window(1)]
    assert latest_windows(days, 1, day(2) + timedelta(minutes=3)) == [window(0)], "the grace is not over"
    for text, says in (
        ("2026-03-02T05:00Z", "No window begins at 2026-03-02T05:00Z; this monitor has one that begins at 2026-03-02"),
        ("2026-03-02/2026-03-01", "ends before it begins"),
        ("2026-03-02/2026-03-03T01:00", "is no whole number of cells"),
        ("soon", "'soon' is no time"),
    ):
        with pytest.raises(EvenhandError, match=says):
            window_of(text, days)
