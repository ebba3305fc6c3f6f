"""Whatever is done to a store, in whatever order, it answers as plain lists and dictionaries would."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from evenhand.core.store import AlertState, Delivery, Job, StoredAlert
from evenhand.core.window import Window
from evenhand.stores import open_store
from evenhand.stores.tables import metadata
from tests.stores.making import DAY, START, counts, day, monitor
from tests.stores.reference import ReferenceStore

FEW = st.integers(0, 2)
COUNTED = st.sampled_from(["all", "labelled", "baseline"])
TIMES = st.integers(0, 5).map(lambda number: START + timedelta(seconds=40 * number))
WORKERS = st.sampled_from(["w1", "w2"])
SECONDS = st.sampled_from([30.0, 60.0])
ERRORS = st.sampled_from([None, "refused"])


class Machine(RuleBasedStateMachine):
    """Two stores over one database, used in turn, beside the reference."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.reference = ReferenceStore(START)
        self.stores = [open_store(url, clock=lambda: self.reference.now) for _ in range(2)]
        with self.stores[0]._writing() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(table))
        self.store.put_monitor(monitor())
        self.alerts: list[int] = []
        self.deliveries: list[int] = []
        self.jobs: list[int] = []

    @property
    def store(self) -> Any:
        self.stores.reverse()
        return self.stores[0]

    def teardown(self) -> None:
        for store in self.stores:
            store.close()

    def alert(self, found: StoredAlert) -> StoredAlert:
        return replace(found, id=_place(found.id, self.alerts))

    def delivery(self, found: Delivery) -> Delivery:
        alert = None if found.alert is None else self.alerts.index(found.alert)
        return replace(found, id=_place(found.id, self.deliveries), alert=alert)

    def job(self, found: Job) -> Job:
        return replace(found, id=_place(found.id, self.jobs))

    @rule(number=FEW, counted=COUNTED, part=st.sampled_from("abcde"), seed=FEW)
    def add_tally(self, number: int, counted: Any, part: str, seed: int) -> None:
        tally = replace(counts(seed))
        added = self.store.add_tally("loans", day(number), counted, part, tally)
        assert added == self.reference.add_tally(day(number), counted, part, tally)

    @rule(number=FEW, counted=COUNTED)
    def add_many(self, number: int, counted: Any) -> None:
        for place in range(17):
            tally = replace(counts(place % 3))
            added = self.store.add_tally("loans", day(number), counted, f"part {place}", tally)
            assert added == self.reference.add_tally(day(number), counted, f"part {place}", tally)

    @rule(first=FEW, length=st.integers(1, 3), counted=COUNTED)
    def tally(self, first: int, length: int, counted: Any) -> None:
        window = Window(day(first).start, day(first).start + length * DAY)
        assert self.store.tally("loans", window, counted) == self.reference.tally(window, counted)

    @rule(kind=st.sampled_from(["bias", "data"]), about=st.sampled_from("xy"), reading=st.text(max_size=3), at=TIMES)
    def raise_alert(self, kind: str, about: str, reading: str, at: datetime) -> None:
        reading = reading.replace("\0", "")
        found = self.store.raise_alert("loans", kind, about, reading, at)
        assert self.alert(found) == self.reference.raise_alert(kind, about, reading, at)

    @precondition(lambda self: self.alerts)
    @rule(data=st.data(), state=st.sampled_from(["open", "acknowledged", "snoozed", "recovered"]))
    def set_alert(self, data: st.DataObject, state: AlertState) -> None:
        place = data.draw(st.sampled_from(range(len(self.alerts))))
        if self.reference.alerts[place].state != "recovered":
            until = START + DAY if state == "snoozed" else None
            found = self.store.set_alert(self.alerts[place], state, until=until)
            assert self.alert(found) == self.reference.set_alert(place, state, until)

    @rule(data=st.data(), channel=FEW, payload=st.sampled_from(["hello", "bye"]), at=TIMES)
    def queue_delivery(self, data: st.DataObject, channel: int, payload: str, at: datetime) -> None:
        places = range(len(self.alerts))
        alert = data.draw(st.sampled_from([None, *places]))
        also = data.draw(st.lists(st.sampled_from(places), max_size=2)) if places else []
        number = None if alert is None else self.alerts[alert]
        found = self.store.queue_delivery(number, channel, payload, at, also=[self.alerts[each] for each in also])
        assert self.delivery(found) == self.reference.queue_delivery(alert, channel, payload, at, also)

    @rule(at=TIMES, most=st.integers(1, 3))
    def due(self, at: datetime, most: int) -> None:
        found = self.store.due_deliveries(at, most)
        assert [self.delivery(each) for each in found] == self.reference.due_deliveries(at, most)

    @precondition(lambda self: self.deliveries)
    @rule(data=st.data(), error=ERRORS, next_try=st.none() | TIMES, at=TIMES)
    def settle(self, data: st.DataObject, error: str | None, next_try: datetime | None, at: datetime) -> None:
        place = data.draw(st.sampled_from(range(len(self.deliveries))))
        self.store.settle_delivery(self.deliveries[place], error=error, next_try=next_try, at=at)
        self.reference.settle_delivery(place, error, next_try, at)

    @rule(key=st.sampled_from([None, "k", "l"]), content=FEW)
    def enqueue(self, key: str | None, content: int) -> None:
        found = self.store.enqueue("run", {"n": content}, key=key)
        assert self.job(found) == self.reference.enqueue({"n": content}, key)

    @rule(worker=WORKERS, seconds=SECONDS)
    def lease(self, worker: str, seconds: float) -> None:
        found, expected = self.store.lease(worker, seconds), self.reference.lease(worker, seconds)
        assert (None if found is None else self.job(found)) == expected

    @precondition(lambda self: self.jobs)
    @rule(
        data=st.data(),
        worker=WORKERS,
        seconds=SECONDS,
        how=st.sampled_from(["renew", "finish", "cancel"]),
        error=ERRORS,
    )
    def work(self, data: st.DataObject, worker: str, seconds: float, how: str, error: str | None) -> None:
        place = data.draw(st.sampled_from(range(len(self.jobs))))
        number = self.jobs[place]
        if how == "renew":
            kept = self.store.renew(number, worker, seconds, progress=0.5, stage="on")
            assert kept == self.reference.renew(place, worker, seconds, 0.5)
        elif how == "finish":
            kept = self.store.finish(number, worker, result={"by": worker}, error=error)
            assert kept == self.reference.finish(place, worker, error)
        else:
            self.store.cancel(number)
            self.reference.cancel(place)

    @rule(seconds=st.integers(1, 60))
    def wait(self, seconds: int) -> None:
        self.reference.now += timedelta(seconds=seconds)

    @invariant()
    def all_is_as_in_the_reference(self) -> None:
        store = self.store
        assert sorted(map(self.alert, store.alerts()), key=lambda each: each.id) == self.reference.alerts
        assert [self.delivery(each) for each in reversed(store.deliveries())] == self.reference.deliveries
        assert [self.job(each) for each in reversed(store.jobs())] == self.reference.jobs


def _place(number: int, known: list[int]) -> int:
    """Numbers grow; the first one that is new is the next."""
    if number not in known:
        assert number > max(known, default=0)
        known.append(number)
    return known.index(number)


@pytest.mark.parametrize("examples", [8, pytest.param(30, marks=pytest.mark.slow)])
def test_a_store_answers_as_the_reference_does(url: str, examples: int) -> None:
    machine: Any = lambda: Machine(url)  # noqa: E731
    few = settings(
        max_examples=examples, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(machine, settings=few)
