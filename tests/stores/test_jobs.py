"""The contract over both databases: jobs and their leases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from evenhand import DataError
from evenhand.stores import open_store
from evenhand.stores.store import SQLStore
from tests.stores.making import START


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(url: str, clock: Clock) -> Iterator[SQLStore]:
    with open_store(url, clock=clock) as opened:
        yield opened


def test_jobs_are_leased_oldest_first_and_one_at_a_time(timed: SQLStore) -> None:
    first, second = timed.enqueue("run", {"a": [1, None, "é\0"]}), timed.enqueue("run", {})
    assert (first.state, first.payload, first.created, first.worker) == (
        "waiting",
        {"a": [1, None, "é\0"]},
        START,
        None,
    )
    held = timed.lease("w1", 10)
    assert held is not None
    assert (held.id, held.state, held.worker) == (first.id, "running", "w1")
    assert held.lease_until == START + timedelta(seconds=10)
    other = timed.lease("w2", 10)
    assert other is not None
    assert other.id == second.id
    assert timed.lease("w3", 10) is None
    assert [job.id for job in timed.jobs()] == [second.id, first.id]


def test_a_lease_that_ran_out_goes_to_another_and_the_first_learns_so(timed: SQLStore, clock: Clock) -> None:
    job = timed.enqueue("run", {})
    timed.lease("w1", 10)
    clock.move(9)
    assert timed.renew(job.id, "w1", 10, progress=0.5, stage="counting")
    clock.move(9)
    assert timed.lease("w2", 10) is None
    assert (timed.jobs()[0].progress, timed.jobs()[0].stage) == (0.5, "counting")
    clock.move(1)
    taken = timed.lease("w2", 10)
    assert taken is not None
    assert (taken.id, taken.worker, taken.progress, taken.stage) == (job.id, "w2", 0.0, "")
    assert not timed.renew(job.id, "w1", 10)
    assert not timed.finish(job.id, "w1")
    assert timed.finish(job.id, "w2", result={"rows": 3})
    done = timed.jobs()[0]
    assert (done.state, done.result, done.error, done.progress, done.lease_until) == (
        "done",
        {"rows": 3},
        None,
        1,
        None,
    )
    assert not timed.finish(job.id, "w2")


def test_a_key_is_queued_once_until_it_is_finished(timed: SQLStore) -> None:
    first = timed.enqueue("run", {"n": 1}, key="day 1")
    assert timed.enqueue("run", {"n": 2}, key="day 1") == first
    assert timed.enqueue("run", {}, key="day 2").id != first.id
    timed.lease("w", 10)
    assert timed.enqueue("run", {}, key="day 1").id == first.id
    timed.finish(first.id, "w", error="no rows")
    assert (timed.jobs(states=["failed"])[0].id, timed.jobs(states=["failed"])[0].error) == (first.id, "no rows")
    assert timed.enqueue("run", {}, key="day 1").id != first.id
    assert timed.enqueue("run", {}).id != timed.enqueue("run", {}).id


def test_a_cancelled_job_stops_and_is_not_leased(timed: SQLStore) -> None:
    waiting, running, done = (timed.enqueue("run", {}) for _ in range(3))
    timed.cancel(waiting.id)
    for job in (running, done):
        held = timed.lease("w", 10)
        assert held is not None
        assert held.id == job.id
    timed.finish(done.id, "w")
    timed.cancel(running.id)
    timed.cancel(done.id)
    assert not timed.renew(running.id, "w", 10)
    assert not timed.finish(running.id, "w")
    assert timed.lease("w", 10) is None
    assert [job.state for job in timed.jobs()] == ["done", "cancelled", "cancelled"]
    assert [job.id for job in timed.jobs(states=["cancelled"], most=1)] == [running.id]
    with pytest.raises(DataError, match=r"^No job 77 in the store\.$"):
        timed.cancel(77)


def test_what_is_no_json_is_refused(timed: SQLStore) -> None:
    for wrong in ({"a": object()}, {"a": float("nan")}, {"a": {1, 2}}):
        with pytest.raises(DataError, match=r"^The payload and the result of a job must be JSON: "):
            timed.enqueue("run", wrong)
    assert timed.jobs() == []


def test_without_a_clock_the_database_says_the_time(store: SQLStore) -> None:
    store.enqueue("run", {})
    held = store.lease("w1", 3600)
    assert held is not None
    assert held.lease_until is not None
    assert abs(held.lease_until - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=5)
    assert store.lease("w2", 1) is None
    assert store.renew(held.id, "w1", -1)
    taken = store.lease("w2", 1)
    assert taken is not None
    assert taken.id == held.id
