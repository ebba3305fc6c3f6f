"""Sending: what fails is tried again with growing pauses, what dies is sent again, and errors hold no secrets."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.monitor import Monitor
from evenhand.core.store import Store
from evenhand.monitor.alerts import Reach, Sent, deliver_due, notify
from evenhand.monitor.alerts.posting import LONGEST_WAIT, waited
from evenhand.monitor.alerts.sending import FIRST_PAUSE, LONGEST_PAUSE, TRIES, pause
from evenhand.stores.store import SQLStore
from tests.monitor.alerts.conftest import Receiver, after, channel, drift, watched, window

NOW = after(0)


def told(store: Store, monitor: Monitor) -> dict[str, Monitor]:
    """One message is queued."""
    notify(window(0, drift()), monitor, store, NOW)
    return {monitor.name: monitor}


def test_a_message_arrives_once(store: Store, receiver: Receiver, reach: Reach) -> None:
    monitors = told(store, watched(store, channel(address=receiver.url)))
    assert deliver_due(store, monitors, NOW, reach=reach) == Sent(delivered=1)
    assert deliver_due(store, monitors, NOW + timedelta(days=1), reach=reach) == Sent()
    assert len(receiver.bodies) == 1


def test_a_server_that_fails_is_asked_again_until_it_answers(store: SQLStore, receiver: Receiver, reach: Reach) -> None:
    receiver.answers = [(503, {}), (500, {}), (429, {})]
    monitors = told(store, watched(store, channel(address=receiver.url)))
    times, at = [], NOW
    while deliver_due(store, monitors, at, reach=reach, jitter=lambda: 1.0) != Sent(delivered=1):
        times.append(at)
        at = store.deliveries()[0].next_try
        assert deliver_due(store, monitors, at - timedelta(seconds=1), reach=reach) == Sent()
    gaps = [round((later - earlier).total_seconds()) for earlier, later in zip(times, [*times[1:], at], strict=True)]
    assert gaps == [30, 60, 120]
    assert len(receiver.bodies) == 4
    assert len(set(receiver.bodies)) == 1


def test_it_gives_up_after_the_last_try(store: SQLStore, receiver: Receiver, reach: Reach) -> None:
    receiver.answers = [(503, {})] * 100
    monitors, at = told(store, watched(store, channel(address=receiver.url))), NOW
    while deliver_due(store, monitors, at, reach=reach) != Sent(given_up=1):
        at = store.deliveries()[0].next_try
    [delivery] = store.deliveries()
    assert (delivery.state, delivery.attempts, delivery.error) == ("given up", TRIES, "The host answered 503.")
    assert len(receiver.bodies) == TRIES


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_it_gives_up_at_once_where_trying_again_is_no_use(
    store: Store, receiver: Receiver, reach: Reach, status: int
) -> None:
    receiver.answers = [(status, {})]
    monitors = told(store, watched(store, channel(address=receiver.url)))
    assert deliver_due(store, monitors, NOW, reach=reach) == Sent(given_up=1)


def test_retry_after_is_kept(store: SQLStore, receiver: Receiver, reach: Reach) -> None:
    receiver.answers = [(429, {"Retry-After": "3600"})]
    monitors = told(store, watched(store, channel(address=receiver.url)))
    assert deliver_due(store, monitors, NOW, reach=reach) == Sent(postponed=1)
    assert store.deliveries()[0].next_try - NOW >= timedelta(hours=1)


@given(st.integers(0, 100), st.floats(0, 1), st.none() | st.floats(0, LONGEST_WAIT))
@settings(deadline=None)
def test_pauses_grow_and_stay_bounded(attempts: int, chance: float, asked: float | None) -> None:
    seconds = pause(attempts, asked, chance).total_seconds()
    assert seconds >= max(asked or 0.0, FIRST_PAUSE / 2) - 1e-6
    assert seconds <= max(asked or 0.0, LONGEST_PAUSE) + 1e-6
    assert pause(attempts, None, 1.0) >= pause(attempts, None, chance) >= pause(attempts, None, 0.0)


@given(st.text() | st.none())
@settings(deadline=None)
def test_any_retry_after_is_bounded(text: str | None) -> None:
    found = waited(text, datetime.now(UTC))
    assert found is None or 0 <= found <= LONGEST_WAIT


def test_retry_after_as_a_date() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert waited(format_datetime(now + timedelta(seconds=90), usegmt=True), now) == 90.0
    assert waited("soon", now) is None
    assert waited("99999999999999999999", now) == LONGEST_WAIT


SENDER = """
import sys
from datetime import datetime
from evenhand.monitor.alerts import Reach, deliver_due
from evenhand.stores import open_store
store = open_store(sys.argv[1])
monitors = {name: store.monitor(name) for name in store.monitors()}
deliver_due(store, monitors, datetime.fromisoformat(sys.argv[2]), reach=Reach(hosts=frozenset({"127.0.0.1"}), seconds=60))
"""


def test_a_sender_that_is_killed_after_sending_sends_the_same_alert_again(
    store: SQLStore, tmp_path: Path, receiver: Receiver, reach: Reach
) -> None:
    monitors = told(store, watched(store, channel("alertmanager", receiver.url)))
    receiver.answering.clear()
    place = f"sqlite:///{tmp_path / 'store.db'}"
    with subprocess.Popen([sys.executable, "-c", SENDER, place, NOW.isoformat()]) as sender:
        while not receiver.bodies:
            assert sender.poll() is None
            time.sleep(0.01)
        sender.kill()
    receiver.answering.set()
    assert deliver_due(store, monitors, NOW + timedelta(seconds=30), reach=reach) == Sent()  # still held by the dead
    assert deliver_due(store, monitors, NOW + timedelta(minutes=2), reach=reach) == Sent(delivered=1)
    first, second = receiver.documents
    assert first == second
    assert first["alerts"][0]["fingerprint"] == second["alerts"][0]["fingerprint"]


def test_a_channel_that_is_down_is_asked_once_however_much_waits(
    store: SQLStore, receiver: Receiver, reach: Reach
) -> None:
    receiver.answers = [(503, {})] * 100
    monitor = watched(store, channel(address=receiver.url))
    for number in range(30):
        notify(window(number, drift(f"column {number}")), monitor, store, after(number))
    assert deliver_due(store, {"loans": monitor}, after(30), reach=reach) == Sent(postponed=30)
    assert len(receiver.bodies) == 1


def test_a_channel_that_fails_stops_no_other(store: Store, receiver: Receiver, reach: Reach) -> None:
    channels = channel(address="http://127.0.0.1:1/"), channel("command", "/bin/true"), channel(address=receiver.url)
    monitors = told(store, watched(store, *channels))
    assert deliver_due(store, monitors, NOW, reach=reach) == Sent(delivered=1, postponed=2)


def test_a_channel_that_was_changed_gets_no_message_of_another(
    store: SQLStore, receiver: Receiver, reach: Reach
) -> None:
    before = watched(store, channel(address=receiver.url + "/legal"), channel(address=receiver.url + "/all"))
    told(store, before)
    swapped = {"loans": before.model_copy(update={"alerts": before.alerts[1:]})}
    assert deliver_due(store, swapped, NOW, reach=reach) == Sent(delivered=1, given_up=1)
    assert {delivery.error for delivery in store.deliveries()} == {
        None,
        "The channel was removed or changed after the message was queued.",
    }


def test_a_run_of_one_monitor_delivers_what_waits_for_others(store: Store, receiver: Receiver, reach: Reach) -> None:
    told(store, watched(store, channel(address=receiver.url)))
    assert deliver_due(store, {}, NOW, reach=reach) == Sent(delivered=1)


def test_a_monitor_that_is_gone_and_a_payload_of_another_kind(store: SQLStore) -> None:
    told(store, watched(store, channel()))
    payload = store.deliveries()[0].payload
    store.remove_monitor("loans")
    store.queue_delivery(None, 0, payload, NOW)
    store.queue_delivery(None, 0, '{"a": 1}', NOW)
    assert deliver_due(store, {}, NOW) == Sent(given_up=2)
    gone, other = sorted(str(delivery.error) for delivery in store.deliveries())
    assert gone.startswith("No monitor 'loans'"), gone
    assert other == "The delivery's payload is no message of this version."


def test_neither_errors_nor_payloads_hold_the_secret(
    store: SQLStore, receiver: Receiver, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", receiver.url + "/services/T0/hush-hush")
    monkeypatch.setenv("TOKEN", "Bearer hush-hush")
    receiver.answers = [(503, {})]
    hook = channel("slack", "env:HOOK", options={"authorization": "env:TOKEN"})
    monitors = told(store, watched(store, hook))
    assert deliver_due(store, monitors, NOW, reach=reach) == Sent(postponed=1)
    [delivery] = store.deliveries()
    assert "hush" not in delivery.payload + str(delivery.error)
    assert receiver.headers[0]["Authorization"] == "Bearer hush-hush"
    monkeypatch.setenv("TOKEN", "hush-hush\r\nX-Injected: 1")
    assert deliver_due(store, monitors, delivery.next_try, reach=reach) == Sent(postponed=1)
    assert "hush" not in str(store.deliveries()[0].error)
