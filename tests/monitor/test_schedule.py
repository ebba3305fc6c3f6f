"""Laws of cron expressions, and monitors left alone: which windows are due, and by whom they are run, once each."""

import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.core.errors import SpecError
from evenhand.core.monitor import Monitor, Windows
from evenhand.core.store import Job
from evenhand.core.window import Window
from evenhand.monitor.capture import Capture
from evenhand.monitor.cron import Cron
from evenhand.monitor.jobs import Worker, plan, queue_run
from evenhand.monitor.pending import Held, alone
from evenhand.stores import open_store
from evenhand.stores.store import SQLStore
from tests.monitor.story import day, labels, predictions, watched

MOMENTS = st.datetimes(datetime(1999, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> tuple[str, set[int]]:
    """A field as text, and what it must mean."""
    if draw(st.booleans()):
        step = draw(st.integers(1, 7))
        return (f"*/{step}" if step > 1 else "*"), set(range(low, high + 1, step))
    texts, values = [], set[int]()
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(low, high))
        last = draw(st.integers(first, high))
        step = draw(st.integers(1, 5))
        texts.append(f"{first}-{last}/{step}" if last > first else str(first))
        values |= set(range(first, last + 1, step)) if last > first else {first}
    return ",".join(texts), values


@given(fields(0, 59), fields(0, 23), fields(1, 12), fields(0, 6), MOMENTS)
def test_an_expression_holds_exactly_where_all_its_fields_do(
    minute: tuple[str, set[int]],
    hour: tuple[str, set[int]],
    month: tuple[str, set[int]],
    weekday: tuple[str, set[int]],
    at: datetime,
) -> None:
    cron = Cron.parse(f"{minute[0]} {hour[0]} * {month[0]} {weekday[0]}")
    sunday_first = (at.weekday() + 1) % 7
    expected = (
        at.minute in minute[1] and at.hour in hour[1] and at.month in month[1] and sunday_first in weekday[1]
    )  # fmt: skip
    assert cron.holds(at) is expected


@given(fields(0, 59), fields(0, 23), fields(1, 28), MOMENTS)
def test_the_next_time_is_the_first_that_holds(
    minute: tuple[str, set[int]], hour: tuple[str, set[int]], day: tuple[str, set[int]], at: datetime
) -> None:
    cron = Cron.parse(f"{minute[0]} {hour[0]} {day[0]} * *")
    following = cron.next_after(at)
    assert following is not None
    assert following > at
    assert cron.holds(following)
    between = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    for _ in range(3_000):
        if between >= following:
            break
        assert not cron.holds(between)
        between += timedelta(minutes=1)


@given(MOMENTS)
def test_either_day_is_enough_where_both_are_named(at: datetime) -> None:
    found = Cron.parse("* * 13 * fri").holds(at)
    assert found is (at.day == 13 or at.isoweekday() == 5)
    assert Cron.parse("* * */2 * fri").holds(at) is (at.day % 2 == 1 and at.isoweekday() == 5)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("0 0 * JAN,dec Mon-FRI", "0 0 * 1,12 1-5"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * 5-7", "0 0 * * 0,5,6"),
        ("5/20 * * * *", "5,25,45 * * * *"),
    ],
)
def test_two_ways_to_write_the_same(text: str, same: str) -> None:
    assert Cron.parse(text) == Cron.parse(same)


def test_leap_days_come() -> None:
    following = Cron.parse("30 4 29 2 *").next_after(datetime(2096, 3, 1, tzinfo=UTC))
    assert following == datetime(2104, 2, 29, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("* * * *", "'* * * *' is no cron expression; write minute, hour, day, month and weekday"),
        ("60 * * * *", "'60' in '60 * * * *' is no minute; it takes 0 to 59"),
        ("0 24 * * *", "is no hour"),
        ("0 0 0 * *", "is no day of the month; it takes 1 to 31"),
        ("0 0 * foo *", "is no month; it takes 1 to 12 or jan, feb"),
        ("0 0 * * 8", "is no day of the week"),
        ("5-1 * * * *", "'5-1' in"),
        ("*/0 * * * *", "'*/0' in"),
        ("1,,2 * * * *", "'' in"),
        ("-1 * * * *", "is no minute"),
        ("0 0 30 2 *", "'0 0 30 2 *' never comes"),
    ],
)
def test_what_is_no_expression_says_what_is_allowed(text: str, says: str) -> None:
    with pytest.raises(SpecError) as error:
        Cron.parse(text)
    assert says in str(error.value)


@given(st.text(max_size=30))
def test_any_text_is_an_expression_or_an_error_of_one_line(text: str) -> None:
    try:
        Cron.parse(text)
    except SpecError as error:
        assert "\n" not in str(error) or "\\n" in repr(text)


QUARTERS = Windows(length=timedelta(hours=6), grace=timedelta(hours=1))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "monitors"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'evenhand.db'}"


@pytest.fixture
def store(url: str) -> Iterator[SQLStore]:
    with open_store(url) as opened:
        yield opened


def left_alone(store: SQLStore, home: Path, **changes: object) -> Monitor:
    """A monitor of quarters of a day whose minute always comes, with two days of records."""
    monitor = watched(windows=QUARTERS, baseline="first 2", schedule="* * * * *", alerts=(), **changes)
    store.put_monitor(monitor)
    with closing(Capture(home / monitor.name, monitor)) as capture:
        capture.accept(predictions(0, 1))
    return monitor


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def together(workers: list[Worker], looked: list[dict[str, datetime]]) -> None:
    """Every worker plans and works, all at the same time, until there is nothing to do."""
    ready = threading.Barrier(len(workers))
    failures: list[BaseException] = []

    def work(worker: Worker, seen: dict[str, datetime]) -> None:
        try:
            ready.wait(60)
            worker.tick(seen)
            while worker.work_once() is not None:
                worker.tick(seen)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=each) for each in zip(workers, looked, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []


def runs(store: SQLStore) -> list[Job]:
    return [job for job in store.jobs(most=1_000) if job.kind == "run"]


def test_two_servers_queue_and_run_every_window_once(url: str, store: SQLStore, home: Path) -> None:
    left_alone(store, home)
    clock = Clock(day(0))
    with open_store(url) as other:
        workers = [Worker(each, home, name=name, clock=clock) for each, name in ((store, "a"), (other, "b"))]
        looked: list[dict[str, datetime]] = [{}, {}]
        for hours in (3, 8, 14, 20, 26, 32, 50):
            clock.now = day(0) + timedelta(hours=hours)
            for _ in range(2):  # whoever found the monitor being run asks again at the next tick
                together(workers, looked)
                clock.now += timedelta(minutes=1)
    assert {job.state for job in runs(store)} == {"done"}
    queued = Counter(job.payload["start"] for job in runs(store))
    assert queued == {(day(0) + quarter * timedelta(hours=6)).isoformat(): 1 for quarter in range(8)}
    assert [each.rows for each in store.outcomes("loans")] == [125] * 8


def test_labels_that_come_late_queue_their_window_once_more(store: SQLStore, home: Path) -> None:
    monitor = left_alone(store, home)
    clock = Clock(day(1) + timedelta(hours=2))
    worker, looked = Worker(store, home, clock=clock), dict[str, datetime]()
    together([worker], [looked])
    assert len(runs(store)) == 4
    with closing(Capture(home / monitor.name, monitor)) as capture:
        found = labels(0)
        capture.accept_truth({name: column[:10] for name, column in found.items()})
    clock.now += timedelta(minutes=1)
    together([worker], [looked])
    assert [job.payload["start"] for job in runs(store)][:-4] == [day(0).isoformat()]
    assert store.outcomes("loans")[0].labelled == 10


def test_a_monitor_that_is_being_run_holds_nobody_up(store: SQLStore, home: Path) -> None:
    left_alone(store, home)
    looked: dict[str, datetime] = {}
    now = day(1)
    with alone(home / "loans"):
        assert plan(store, home, now, looked) == []
        assert looked == {}
    assert len(plan(store, home, now + timedelta(seconds=20), looked)) == 3


DIES = """
import sys, time
from datetime import datetime
from pathlib import Path
from evenhand.monitor.jobs import Worker, _window
from evenhand.monitor.running import run_window
from evenhand.stores import open_store
url, home, now = sys.argv[1:]
at = datetime.fromisoformat(now)
def run(worker, payload, say):
    def slow(stage, share):
        say(stage, share)
        if share >= 0.2:
            print("began", flush=True)
            time.sleep(600)
    return run_window(worker.store.monitor("loans"), _window(payload), worker.store, worker.home, now=at, say=slow)
Worker(open_store(url), Path(home), name="dies", lease=1.5, handlers={"run": run}, clock=lambda: at).work_once()
"""


def test_a_job_of_a_server_that_was_killed_is_done_by_the_other(url: str, store: SQLStore, home: Path) -> None:
    left_alone(store, home)
    now = day(0) + timedelta(hours=8)
    [job] = plan(store, home, now, {})
    command = [sys.executable, "-c", DIES, url, str(home), now.isoformat()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "began\n"
        other = Worker(store, home, name="other", clock=Clock(now))
        assert other.work_once() is None, "its lease is renewed while it lives"
        process.send_signal(signal.SIGKILL)
    held = threading.Event()
    for _ in range(100):
        if (done := other.work_once()) is not None:
            break
        held.wait(0.1)
    assert done is not None
    assert done.id == job.id
    [ended] = runs(store)
    assert (ended.id, ended.state, ended.worker) == (job.id, "done", "other")
    assert [each.rows for each in store.outcomes("loans")] == [125]


def test_a_window_that_fails_says_why_keeps_what_was_good_and_is_tried_again(store: SQLStore, home: Path) -> None:
    monitor = left_alone(store, home)
    clock = Clock(day(0) + timedelta(hours=8))
    worker, looked = Worker(store, home, clock=clock), dict[str, datetime]()
    together([worker], [looked])
    [good] = store.outcomes("loans")
    store.put_monitor(monitor.model_copy(update={"baseline": "nowhere.parquet"}))
    clock.now = day(0) + timedelta(hours=14)
    worker.tick(looked)
    assert worker.work_once() is not None
    failed, _ = runs(store)
    assert (failed.state, failed.ended is not None) == ("failed", True)
    assert "nowhere.parquet" in (failed.error or "")
    assert store.outcomes("loans") == [good]
    assert [alert.kind for alert in store.alerts(states=("open",))] == ["failure"]
    store.put_monitor(monitor)
    clock.now += timedelta(minutes=1)
    together([worker], [looked])
    assert [job.state for job in runs(store)] == ["done", "failed", "done"]
    assert len(store.outcomes("loans")) == 2
    assert store.alerts(states=("open",)) == []


def test_a_window_asked_for_while_it_waits_is_the_same_job(store: SQLStore, home: Path) -> None:
    left_alone(store, home)
    [job] = plan(store, home, day(0) + timedelta(hours=8), {})
    assert queue_run(store, "loans", Window(day(0), day(0) + timedelta(hours=6))).id == job.id


def test_windows_are_queued_before_another_may_run_them(
    store: SQLStore, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a worker might be done with a window after another found it due, which would then queue it again."""
    left_alone(store, home)
    enqueue = store.enqueue
    kinds: list[str] = []

    def held(kind: str, payload: Mapping[str, Any], *, key: str | None = None) -> Job:
        with pytest.raises(Held, match=r"^The monitor 'loans' is being run; try again when it is done\.$"):
            alone(home / "loans", wait=False).__enter__()
        kinds.append(kind)
        return enqueue(kind, payload, key=key)

    monkeypatch.setattr(store, "enqueue", held)
    assert len(plan(store, home, day(1) + timedelta(hours=1), {})) == len(kinds) == 4
