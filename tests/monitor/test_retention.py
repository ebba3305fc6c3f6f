"""Retention: a server left alone forgets what is long over, as its operator says, and nothing that goes on."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from evenhand.core.errors import SpecError
from evenhand.core.store import PRUNED
from evenhand.core.window import Window
from evenhand.monitor.capture import Capture
from evenhand.monitor.jobs import Worker
from evenhand.monitor.retention import Retention, tidy
from evenhand.monitor.running import run_window
from evenhand.server.serving import _errand
from evenhand.server.settings import Settings
from evenhand.server.working import Errand, work
from evenhand.stores import open_store
from evenhand.stores.store import SQLStore
from evenhand.stores.tables import log
from tests.monitor.story import day, predictions, watched

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SQLStore]:
    with open_store(f"sqlite:///{tmp_path / 'evenhand.db'}", clock=clock) as opened:
        yield opened


def an_ended_job(store: SQLStore) -> int:
    job = store.enqueue("count", {})
    held = store.lease("w", 60)
    assert held is not None
    assert store.finish(held.id, "w")
    return job.id


def test_the_defaults_are_those_that_the_documents_name() -> None:
    assert Retention().model_dump(mode="json") == {
        "jobs": "30d", "deliveries": "90d", "log": "400d", "alerts": "400d", "reports": "400d",
    }  # fmt: skip
    assert set(Retention.model_fields) == set(PRUNED)
    told = {"jobs": "7d", "log": None}
    assert Retention.model_validate(Retention.model_validate(told).model_dump(mode="json")).log is None


@pytest.mark.parametrize(("wrong", "says"), [({"jobs": "soon"}, "is no length of time"), ({"keys": "1d"}, "Extra")])
def test_what_is_no_retention_is_refused(wrong: dict[str, str], says: str) -> None:
    with pytest.raises((ValidationError, SpecError), match=says):
        Retention.model_validate(wrong)


@given(st.lists(st.integers(0, 60), max_size=8), st.integers(1, 40))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_only_what_is_older_than_its_span_goes(store: SQLStore, clock: Clock, ages: list[int], span: int) -> None:
    tidy(store, Retention(jobs=timedelta(seconds=1)), datetime(2200, 1, 1, tzinfo=UTC))
    now = START + 60 * DAY
    kept = []
    for age in sorted(ages, reverse=True):
        clock.now = now - age * DAY
        number = an_ended_job(store)
        kept += [number] if age <= span else []
    gone = tidy(store, Retention(jobs=span * DAY, log=None), now)
    assert gone == {"jobs": len(ages) - len(kept), "deliveries": 0, "alerts": 0, "reports": 0}
    assert [job.id for job in store.jobs()] == kept[::-1]


def test_null_keeps_for_good(store: SQLStore) -> None:
    an_ended_job(store)
    store.note("ann", "looked", "it")
    far = datetime(2200, 1, 1, tzinfo=UTC)
    assert tidy(store, Retention.model_validate(dict.fromkeys(PRUNED)), far) == {}
    assert (len(store.jobs()), len(store.log())) == (1, 1)


def test_more_than_one_transaction_takes_goes_at_once(store: SQLStore) -> None:
    with store._writing() as connection:
        rows = [{"at": START, "who": "ann", "what": "looked", "about": str(number)} for number in range(1_010)]
        connection.execute(sa.insert(log), rows)
    assert tidy(store, Retention(), START + 401 * DAY)["log"] == 1_010
    assert store.log() == []


def test_a_worker_left_alone_tidies_every_hour(store: SQLStore, clock: Clock, tmp_path: Path) -> None:
    worker = Worker(store, tmp_path / "monitors", retention=Retention(jobs=DAY), clock=clock)
    looked: dict[str, datetime] = {}
    an_ended_job(store)
    worker.tick(looked)
    assert len(store.jobs()) == 1
    clock.now += DAY + timedelta(minutes=59) - timedelta(hours=1)
    worker.tick(looked)
    assert len(store.jobs()) == 1, "it is not over for long enough"
    clock.now += timedelta(minutes=30)
    worker.tick(looked)
    assert len(store.jobs()) == 1, "the last time was less than an hour ago"
    clock.now += timedelta(minutes=30)
    worker.tick(looked)
    assert store.jobs() == []


def test_a_worker_forgets_records_of_monitors_without_a_schedule_too(
    store: SQLStore, clock: Clock, tmp_path: Path
) -> None:
    home = tmp_path / "monitors"
    monitor = watched(keep=3 * DAY)
    store.put_monitor(monitor)
    with closing(Capture(home / monitor.name, monitor.model_copy(update={"keep": None}))) as capture:
        capture.accept(predictions(0, 4))
    clock.now = day(5)
    worker, looked = Worker(store, home, clock=clock), dict[str, datetime]()
    run_window(monitor, Window(day(4), day(5)), store, home, now=clock.now)
    for _ in range(3):  # asked for once an hour, however often it looks
        worker.tick(looked)
        done = worker.work_once()
        assert done is None or done.kind == "forget"
    assert [(job.kind, job.state, job.result) for job in store.jobs()] == [("forget", "done", {"removed": 2})]
    clock.now += timedelta(hours=1)
    worker.tick(looked)
    assert [job.state for job in store.jobs(states=("waiting",))] == ["waiting"]


def test_a_server_tidies_as_its_settings_say(store: SQLStore, clock: Clock, tmp_path: Path) -> None:
    clock.now = datetime(2020, 1, 1, tzinfo=UTC)
    number = an_ended_job(store)
    store.note("ann", "looked", "it")
    told = Settings(retention=Retention.model_validate({"jobs": None, "log": "1d"}))
    errand = _errand(f"sqlite:///{tmp_path / 'evenhand.db'}", tmp_path / "monitors", told)
    stop = threading.Event()
    server = threading.Thread(target=work, args=(Errand(**json.loads(json.dumps(asdict(errand)))), stop))
    server.start()
    pause = threading.Event()
    for _ in range(600):
        if not store.log():
            break
        pause.wait(0.05)
    stop.set()
    server.join(60)
    assert store.log() == []
    assert [job.id for job in store.jobs()] == [number], "null keeps for good"
