"""The contract over both databases: what is long over goes, and nothing that is open, waits or is the latest."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenhand import SpecError
from evenhand.core.store import PRUNED
from evenhand.stores import open_store
from evenhand.stores.store import SQLStore
from evenhand.stores.tables import log, metadata
from tests.stores.making import DAY, START, day, monitor, outcome, report
from tests.stores.test_jobs import Clock

AGES = st.integers(0, 9)
CUT = START + 5 * DAY


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(url: str, clock: Clock) -> Iterator[SQLStore]:
    with open_store(url, clock=clock) as opened:
        yield opened


def _emptied(store: SQLStore) -> SQLStore:
    with store._writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(sa.delete(table))
    store.put_monitor(monitor())
    return store


def _at(age: int) -> datetime:
    return START + age * DAY


@given(st.lists(st.tuples(AGES, AGES, st.sampled_from(["wait", "run", "done", "failed", "cancelled"])), max_size=6))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_jobs_go_by_when_they_ended(timed: SQLStore, clock: Clock, made: list[tuple[int, int, str]]) -> None:
    _emptied(timed)
    kept = []
    for first, last, how in made:
        clock.now = _at(min(first, last))
        job = timed.enqueue("run", {})
        if how != "wait":
            held = timed.lease("w", 1e7)
            while held is not None and held.id != job.id:  # those that wait are older
                held = timed.lease("w", 1e7)
        clock.now = _at(max(first, last))
        if how in ("done", "failed"):
            assert timed.finish(job.id, "w", error=None if how == "done" else "no")
        elif how == "cancelled":
            timed.cancel(job.id)
        if how in ("wait", "run") or clock.now >= CUT:
            kept.append(job.id)
    assert timed.prune({"jobs": CUT}) == {"jobs": len(made) - len(kept)}
    assert sorted(job.id for job in timed.jobs()) == sorted(kept)
    assert timed.prune({"jobs": CUT}) == {"jobs": 0}


@given(st.lists(st.tuples(AGES, st.booleans(), st.sampled_from(["waiting", "delivered", "given up"])), max_size=6))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_messages_and_alerts_go_once_all_is_over(timed: SQLStore, made: list[tuple[int, bool, Any]]) -> None:
    store = _emptied(timed)
    messages, alerts = set(), set()
    for place, (age, recovered, state) in enumerate(made):
        alert = store.raise_alert("loans", "bias", f"about {place}", "r", _at(age))
        sent = store.queue_delivery(alert.id, 0, "hello", _at(age))
        if state != "waiting":
            store.settle_delivery(sent.id, error=None if state == "delivered" else "no", next_try=None, at=_at(age))
        if recovered:
            store.set_alert(alert.id, "recovered")
        old = recovered and _at(age) < CUT and state != "waiting"
        messages |= set() if old else {sent.id}
        alerts |= set() if old else {alert.id}
    gone = len(made) - len(messages)
    assert store.prune({"deliveries": CUT, "alerts": CUT}) == {"deliveries": gone, "alerts": gone}
    assert {each.id for each in store.deliveries()} == messages
    assert {each.id for each in store.alerts()} == alerts
    assert all(set(each.told_by) == {0} for each in store.alerts())


def test_messages_of_no_alert_go_and_an_alert_takes_its_own_along(store: SQLStore) -> None:
    store.put_monitor(monitor())
    measured = store.queue_delivery(None, 0, "numbers", START)
    store.settle_delivery(measured.id, error=None, next_try=None, at=START)
    alert = store.raise_alert("loans", "bias", "x", "r", START)
    late = store.queue_delivery(alert.id, 0, "hello", START)
    store.settle_delivery(late.id, error="no", next_try=None, at=CUT)
    store.set_alert(alert.id, "recovered")
    assert store.prune({"deliveries": CUT}) == {"deliveries": 1}
    assert [each.id for each in store.deliveries()] == [late.id]
    assert store.prune({"alerts": CUT}) == {"alerts": 1}
    assert (store.deliveries(), store.alerts()) == ([], [])


@pytest.mark.parametrize("state", ["open", "acknowledged", "snoozed"])
def test_what_goes_on_stays_however_old(store: SQLStore, state: Any) -> None:
    store.put_monitor(monitor())
    alert = store.raise_alert("loans", "bias", "x", "r", START)
    sent = store.queue_delivery(alert.id, 0, "hello", START)
    store.settle_delivery(sent.id, error=None, next_try=None, at=START)
    store.set_alert(alert.id, state, until=START + DAY if state == "snoozed" else None)
    far = START + timedelta(days=9_000)
    assert store.prune(dict.fromkeys(PRUNED, far)) == dict.fromkeys(PRUNED, 0)
    # What was told is still known, so that it is not told twice.
    assert store.queue_delivery(alert.id, 0, "hello", far).id == sent.id
    assert store.alerts()[0].told_by == {0: START}


def test_reports_of_outcomes_go_except_the_latest_of_each_monitor(store: SQLStore) -> None:
    for name in ("loans", "other"):
        store.put_monitor(monitor(name))
    for number in range(4):
        store.put_outcome(outcome(number, whole=report()))
    store.put_outcome(outcome(0, name="other", whole=report()))
    kept = store.put_report("p", "n", report())
    assert store.prune({"reports": day(2).end}) == {"reports": 2}
    found = [store.outcome("loans", day(number).start, day(number).end) for number in range(4)]
    assert [each is not None and each.report is not None for each in found] == [False, False, True, True]
    assert [each.rows for each in store.outcomes("loans")] == [10] * 4
    last = store.outcome("other", day(0).start, day(0).end)
    assert last is not None
    assert last.report == report()
    assert store.prune({"reports": day(9).end}) == {"reports": 1}
    assert store.report(kept) == report()


def test_the_log_goes_by_its_moment_and_a_bounded_number_at_a_time(timed: SQLStore, clock: Clock) -> None:
    with timed._writing() as connection:
        rows = [{"at": START, "who": "a", "what": "b", "about": str(number)} for number in range(1_500)]
        connection.execute(sa.insert(log), rows)
    clock.now = CUT
    timed.note("ann", "looked", "it")
    assert [timed.prune({"log": CUT})["log"] for _ in range(3)] == [1_000, 500, 0]
    assert timed.log() == [(CUT, "ann", "looked", "it")]


def test_other_kinds_are_refused(store: SQLStore) -> None:
    with pytest.raises(SpecError) as refused:
        store.prune({"monitors": CUT})  # type: ignore[dict-item]
    assert str(refused.value) == "A store prunes jobs, deliveries, log, alerts, reports; not 'monitors'."


def test_what_is_left_moves_to_another_store(timed: SQLStore, tmp_path: Any, clock: Clock) -> None:
    store = _emptied(timed)
    for number in range(3):
        clock.now = _at(number)
        store.put_outcome(outcome(number, whole=report()))
        job = store.enqueue("run", {"n": number})
        store.lease("w", 60)
        store.finish(job.id, "w")
        alert = store.raise_alert("loans", "bias", f"x {number}", "r", _at(number))
        store.set_alert(alert.id, "recovered", by="ann")
    assert store.prune(dict.fromkeys(PRUNED, _at(1))) == {
        "jobs": 1, "deliveries": 0, "log": 1, "alerts": 1, "reports": 0,
    }  # fmt: skip
    with open_store(f"sqlite:///{tmp_path}/other.db") as other:
        count = other.import_(iter(store.exported()))
        assert count == len(list(store.exported()))
        assert (other.jobs(), other.alerts(), other.log()) == (store.jobs(), store.alerts(), store.log())
        assert [job.ended for job in other.jobs()] == [_at(2), _at(1)]


def test_several_prune_at_once_while_another_writes_and_each_row_goes_once(url: str) -> None:
    with open_store(url) as store:
        store.put_monitor(monitor())
        with store._writing() as connection:
            rows = [{"at": START, "who": "a", "what": "b", "about": str(number)} for number in range(2_500)]
            connection.execute(sa.insert(log), rows)
        gone: list[int] = []
        failures: list[BaseException] = []

        def prune() -> None:
            with open_store(url) as mine:
                while count := mine.prune(dict.fromkeys(PRUNED, CUT))["log"]:
                    gone.append(count)

        def write() -> None:
            for number in range(20):
                alert = store.raise_alert("loans", "bias", f"x {number}", "r", CUT)
                store.queue_delivery(alert.id, 0, "hello", CUT)
                store.set_alert(alert.id, "recovered")

        def kept(work: Callable[[], None]) -> None:
            try:
                work()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=kept, args=(work,)) for work in (prune, prune, write)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []
        assert sum(gone) == 2_500
        assert (len(store.alerts()), len(store.deliveries()), store.log()) == (20, 20, [])
