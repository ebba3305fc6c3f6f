"""The contract over both databases: alerts and the messages about them."""

from datetime import timedelta

import pytest

from evenhand import DataError, SpecError
from evenhand.stores.store import SQLStore
from tests.stores.making import DAY, START, monitor

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _monitors(store: SQLStore) -> None:
    store.put_monitor(monitor("loans"))
    store.put_monitor(monitor("other"))


def test_an_alert_counts_windows_until_it_recovers(store: SQLStore) -> None:
    first = store.raise_alert("loans", "bias", "DI of a", "fell", START)
    assert (first.state, first.windows, first.first, first.last) == ("open", 1, START, START)
    assert (first.told, first.told_by, first.snoozed_until) == (None, {}, None)
    again = store.raise_alert("loans", "bias", "DI of a", "fell, said again", START)
    assert (again.id, again.windows, again.reading) == (first.id, 1, "fell, said again")
    second = store.raise_alert("loans", "bias", "DI of a", "fell more", START + DAY)
    assert (second.id, second.windows, second.first, second.last) == (first.id, 2, START, START + DAY)
    late = store.raise_alert("loans", "bias", "DI of a", "old", START)
    assert (late.windows, late.last, late.reading) == (2, START + DAY, "fell more")
    assert store.set_alert(first.id, "recovered").state == "recovered"
    new = store.raise_alert("loans", "bias", "DI of a", "fell", START + 2 * DAY)
    assert new.id > first.id
    assert (new.windows, new.state) == (1, "open")


def test_alerts_are_one_for_each_monitor_kind_and_subject(store: SQLStore) -> None:
    about = "x" * 100_000
    raised = [
        store.raise_alert(name, kind, text, "r", START + number * DAY)
        for number, (name, kind, text) in enumerate(
            [("loans", "bias", about), ("loans", "data", about), ("other", "bias", about), ("loans", "bias", "y")]
        )
    ]
    assert len({alert.id for alert in raised}) == 4
    assert [alert.id for alert in store.alerts()] == [alert.id for alert in reversed(raised)]
    assert [alert.monitor for alert in store.alerts(monitor="other")] == ["other"]
    store.set_alert(raised[0].id, "acknowledged")
    assert [alert.id for alert in store.alerts(states=["acknowledged", "snoozed"])] == [raised[0].id]


def test_a_state_stays_while_windows_are_noted(store: SQLStore) -> None:
    alert = store.raise_alert("loans", "bias", "x", "r", START)
    snoozed = store.set_alert(alert.id, "snoozed", until=START + DAY, by="ann")
    assert (snoozed.state, snoozed.snoozed_until) == ("snoozed", START + DAY)
    assert store.raise_alert("loans", "bias", "x", "r", START + 3 * DAY).state == "snoozed"
    assert store.set_alert(alert.id, "acknowledged", by="bob").snoozed_until is None
    store.set_alert(alert.id, "recovered")
    assert [row[1:] for row in store.log()] == [
        ("bob", "alert acknowledged", str(alert.id)), ("ann", "alert snoozed", str(alert.id)),
    ]  # fmt: skip


def test_states_that_make_no_sense_are_said(store: SQLStore) -> None:
    alert = store.raise_alert("loans", "bias", "x", "r", START)
    with pytest.raises(SpecError, match=r"^'gone' is no state of an alert; there are: open, acknowledged, snoozed, "):
        store.set_alert(alert.id, "gone")  # type: ignore[arg-type]
    for state, until in (("snoozed", None), ("open", START)):
        with pytest.raises(
            SpecError, match=r"^An alert is snoozed until a time; give `until` with 'snoozed', and only"
        ):
            store.set_alert(alert.id, state, until=until)  # type: ignore[arg-type]
    store.set_alert(alert.id, "recovered")
    with pytest.raises(DataError, match=rf"^Alert {alert.id} has recovered; if it drifts again, a new alert is opened"):
        store.set_alert(alert.id, "open")
    with pytest.raises(DataError, match=r"^No alert 77 in the store\.$"):
        store.set_alert(77, "open")


def test_a_message_is_queued_once_and_tells_of_its_alerts(store: SQLStore) -> None:
    one, two = (store.raise_alert("loans", "bias", about, "r", START) for about in "ab")
    sent = store.queue_delivery(one.id, 3, "hello", START, also=[two.id])
    assert (sent.state, sent.attempts, sent.next_try, sent.error) == ("waiting", 0, START, None)
    assert store.queue_delivery(one.id, 3, "hello", START + DAY) == sent
    for alert in store.alerts():
        assert (alert.told, alert.told_by) == (START, {3: START})
    store.queue_delivery(one.id, 4, "hello", START + DAY)
    store.queue_delivery(one.id, 3, "bye", START + 2 * DAY)
    told = next(alert for alert in store.alerts() if alert.id == one.id)
    assert (told.told, told.told_by) == (START + 2 * DAY, {3: START + 2 * DAY, 4: START + DAY})
    nobody = store.queue_delivery(None, 0, "metrics", START)
    assert store.queue_delivery(None, 0, "metrics", START) == nobody
    assert (nobody.alert, len(store.deliveries()), len(store.deliveries(one.id))) == (None, 4, 3)
    with pytest.raises(DataError, match=r"^No alert 77 in the store\.$"):
        store.queue_delivery(one.id, 5, "x", START, also=[77])
    assert len(store.deliveries()) == 4


def test_a_due_message_is_handed_to_one_for_a_minute(store: SQLStore) -> None:
    late = store.queue_delivery(None, 0, "late", START + DAY)
    soon = store.queue_delivery(None, 0, "soon", START)
    assert store.due_deliveries(START - SECOND) == []
    assert store.due_deliveries(START) == [soon]
    assert store.due_deliveries(START + 59 * SECOND) == []
    assert store.due_deliveries(START + 60 * SECOND) == [soon]
    assert store.due_deliveries(START + DAY, most=1) == [soon]
    assert store.due_deliveries(START + DAY) == [late]


def test_a_message_is_tried_until_it_arrives_or_is_given_up(store: SQLStore) -> None:
    one, two = (store.queue_delivery(None, 0, text, START) for text in ("one", "two"))
    store.due_deliveries(START)
    store.settle_delivery(one.id, error="refused", next_try=START + 5 * SECOND, at=START)
    store.settle_delivery(two.id, error=None, next_try=None, at=START + SECOND)
    assert store.due_deliveries(START + 4 * SECOND) == []
    (again,) = store.due_deliveries(START + 5 * SECOND)
    assert (again.id, again.attempts, again.error, again.state) == (one.id, 1, "refused", "waiting")
    store.settle_delivery(one.id, error="refused\0", next_try=None, at=START + DAY)
    store.settle_delivery(one.id, error=None, next_try=None, at=START + DAY)  # too late: it was given up
    assert store.due_deliveries(START + 9 * DAY) == []
    found = [(each.id, each.state, each.attempts, each.error) for each in store.deliveries()]
    assert found == [(two.id, "delivered", 1, None), (one.id, "given up", 2, "refused\ufffd")]
    with pytest.raises(DataError, match=r"^No delivery 77 in the store\.$"):
        store.settle_delivery(77, error=None, next_try=None, at=START)
