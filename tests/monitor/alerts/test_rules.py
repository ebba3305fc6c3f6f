"""Laws of which drifts are told: N in a row, once, with a cool-down, and once more when they end."""

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.monitor import Monitor
from evenhand.core.outcome import Outcome
from evenhand.core.store import Store, StoredAlert
from evenhand.core.window import Window
from evenhand.monitor.alerts import failed, notify
from evenhand.stores import open_store
from tests.monitor.alerts.conftest import DAY, FIRST, after, channel, drift, fine, queued, watched, window


def ran(outcome: Outcome, monitor: Monitor, store: Store, day: int) -> list[StoredAlert]:
    store.put_outcome(outcome)
    return notify(outcome, monitor, store, after(day))


def test_a_drift_is_told_and_its_end_is_told_once(store: Store) -> None:
    monitor = watched(store, channel())
    [opened] = ran(window(0, drift()), monitor, store, 0)
    assert (opened.state, opened.windows, opened.first) == ("open", 1, FIRST + DAY)
    [message] = queued(store)
    assert [entry["state"] for entry in message["entries"]] == ["firing"]
    [ended] = ran(window(1, fine()), monitor, store, 1)
    assert (ended.id, ended.state) == (opened.id, "recovered")
    assert ran(window(2, fine()), monitor, store, 2) == []
    assert [entry["state"] for message in queued(store) for entry in message["entries"]] == ["recovered"]


def test_no_drift_tells_nobody(store: Store) -> None:
    monitor = watched(store, channel())
    assert ran(window(0, fine()), monitor, store, 0) == []
    assert queued(store) == []


@pytest.mark.parametrize("verdict", ["too little data", "waiting for labels", "undefined"])
def test_what_is_not_decided_neither_opens_nor_ends(store: Store, verdict: str) -> None:
    monitor = watched(store, channel())
    assert ran(window(0, drift(verdict=verdict)), monitor, store, 0) == []
    ran(window(1, drift()), monitor, store, 1)
    assert ran(window(2, drift(verdict=verdict)), monitor, store, 2) == []
    assert [alert.state for alert in store.alerts(monitor="loans")] == ["open"]


def test_each_channel_counts_its_own_windows_in_a_row(store: Store) -> None:
    monitor = watched(store, channel(cooldown="52w"), channel(address="https://b.example", after=3, cooldown="52w"))
    told = []
    for day in range(5):
        ran(window(day, drift()), monitor, store, day)
        told.append(len(queued(store)))
    assert told == [1, 0, 1, 0, 0]


def test_a_window_without_drift_begins_the_row_again(store: Store) -> None:
    monitor = watched(store, channel(after=2))
    for day in range(10):
        ran(window(day, drift() if day % 2 else fine()), monitor, store, day)
    assert queued(store) == []


def test_a_cooldown_counts_for_the_same_drift_and_no_other(store: Store) -> None:
    monitor = watched(store, channel(cooldown="3d"))
    told = []
    for day in range(6):
        others = [drift("TE sex=Female")] if day == 1 else []
        ran(window(day, drift(), *others), monitor, store, day)
        told.append([entry["about"] for message in queued(store) for entry in message["entries"]])
    assert told == [["DI sex=Female"], ["TE sex=Female"], [], ["DI sex=Female"], [], []]


def test_many_drifts_are_one_message(store: Store) -> None:
    monitor = watched(store, channel())
    ran(window(0, *(drift(f"column {number}") for number in range(120))), monitor, store, 0)
    [message] = queued(store)
    assert (len(message["entries"]), message["left_out"]) == (100, 20)
    ran(window(1, *(drift(f"column {number}") for number in range(120))), monitor, store, 0)
    assert queued(store) == []  # those left out are counted as told


def test_only_the_kinds_a_channel_listens_to(store: Store) -> None:
    monitor = watched(store, channel(about=["data"]))
    ran(window(0, drift(), drift("age", kind="data")), monitor, store, 0)
    assert [entry["about"] for message in queued(store) for entry in message["entries"]] == ["age"]


def test_few_rows_tell_nobody_and_end_nothing(store: Store) -> None:
    monitor = watched(store, channel(least=500))
    assert ran(window(0, drift(), rows=499), monitor, store, 0) == []
    ran(window(1, drift(), rows=500), monitor, store, 1)
    assert ran(window(2, fine(), rows=499), monitor, store, 2) == []
    assert len(queued(store)) == 1


def test_acknowledged_is_told_no_more_but_its_end_is(store: Store) -> None:
    monitor = watched(store, channel())
    [alert] = ran(window(0, drift()), monitor, store, 0)
    store.set_alert(alert.id, "acknowledged")
    queued(store)
    for day in range(1, 9):
        [alert] = ran(window(day, drift()), monitor, store, day)
    assert (alert.state, alert.windows) == ("acknowledged", 9)
    assert queued(store) == []
    ran(window(9, fine()), monitor, store, 9)
    assert [entry["state"] for message in queued(store) for entry in message["entries"]] == ["recovered"]


def test_snoozed_is_silent_until_then_even_if_it_flaps(store: Store) -> None:
    monitor = watched(store, channel())
    [alert] = ran(window(0, drift()), monitor, store, 0)
    queued(store)
    store.set_alert(alert.id, "snoozed", until=after(5))
    for day in range(1, 5):
        ran(window(day, fine() if day % 2 else drift()), monitor, store, day)
    assert queued(store) == []
    ran(window(6, drift()), monitor, store, 6)
    assert len(queued(store)) == 1


def test_the_end_of_what_was_not_told_is_not_told(store: Store) -> None:
    monitor = watched(store, channel(after=2))
    ran(window(0, drift()), monitor, store, 0)
    [ended] = ran(window(1, fine()), monitor, store, 1)
    assert ended.state == "recovered"
    assert queued(store) == []


def test_running_a_window_again_changes_nothing(store: Store) -> None:
    monitor = watched(store, channel(after=2))
    for _ in range(3):
        [alert] = ran(window(0, drift()), monitor, store, 0)
    assert alert.windows == 1
    assert queued(store) == []


def test_a_run_that_died_before_it_told_tells_when_run_again(store: Store) -> None:
    monitor = watched(store, channel())
    store.raise_alert("loans", "bias", "DI sex=Female", "DI sex=Female fell.", FIRST + DAY)
    [alert] = ran(window(0, drift()), monitor, store, 0)
    assert alert.windows == 1
    assert len(queued(store)) == 1


def test_a_window_run_again_with_more_labels_may_end_its_alert(store: Store) -> None:
    monitor = watched(store, channel())
    ran(window(0, drift()), monitor, store, 0)
    [ended] = ran(window(0, fine()), monitor, store, 0)
    assert ended.state == "recovered"
    assert ran(window(0, drift()), monitor, store, 0) == []


def test_late_labels_of_an_old_window_do_not_speak_for_later_ones(store: Store) -> None:
    monitor = watched(store, channel())
    ran(window(5, drift()), monitor, store, 5)
    assert ran(window(2, fine()), monitor, store, 6) == []
    ran(window(6, fine()), monitor, store, 6)
    assert ran(window(3, drift()), monitor, store, 7) == []
    assert [alert.state for alert in store.alerts(monitor="loans")] == ["recovered"]


def test_late_labels_of_an_old_window_open_nothing_where_a_later_one_is_fine(store: Store) -> None:
    monitor = watched(store, channel())
    ran(window(6, fine()), monitor, store, 6)
    assert ran(window(3, drift()), monitor, store, 7) == []


def test_late_labels_of_the_latest_window_that_has_any_are_told(store: Store) -> None:
    monitor = watched(store, channel())
    ran(window(5, drift(verdict="waiting for labels")), monitor, store, 5)
    [alert] = ran(window(2, drift()), monitor, store, 6)
    assert alert.state == "open"


def test_a_window_from_the_future_poisons_nothing(store: Store) -> None:
    monitor = watched(store, channel())
    poison = window(9_000, drift())
    store.put_outcome(poison)
    assert notify(poison, monitor, store, after(0)) == []
    assert len(ran(window(1, drift()), monitor, store, 1)) == 1


def test_a_failed_run_is_its_own_kind_and_ends_when_one_succeeds(store: Store) -> None:
    monitor = watched(store, channel(about=["failure"], least=10_000))
    lost = Window(FIRST, FIRST + DAY)
    [alert] = failed("No column 'age' in the data.", lost, monitor, store, after(0))
    assert (alert.kind, alert.about) == ("failure", "run")
    assert "No column 'age'" in alert.reading
    assert failed("Again.", lost, monitor, store, after(0))[0].windows == 1
    [ended] = ran(window(1, fine(), rows=3), monitor, store, 1)
    assert (ended.id, ended.state) == (alert.id, "recovered")
    assert [entry["state"] for message in queued(store) for entry in message["entries"]] == ["firing", "recovered"]


def test_measurements_go_to_cloudwatch_for_every_window(store: Store) -> None:
    monitor = watched(store, channel("cloudwatch", "eu-west-1"))
    for day in range(3):
        ran(window(day, fine()), monitor, store, day)
        notify(window(day, fine()), monitor, store, after(day))
    assert len(queued(store)) == 3


def test_without_channels_alerts_are_still_kept(store: Store) -> None:
    monitor = watched(store)
    ran(window(0, drift()), monitor, store, 0)
    assert [alert.about for alert in store.alerts(monitor="loans")] == ["DI sex=Female"]


def test_names_of_any_length_stay_distinct(store: Store) -> None:
    monitor = watched(store, channel())
    long = ["a" * 5_000_000 + "1", "a" * 5_000_000 + "2", "\ud800", "\u202e"]
    alerts = ran(window(0, *(drift(name, reading=name) for name in long if name != "\ud800")), monitor, store, 0)
    assert len({alert.about for alert in alerts}) == 3
    assert all(len(alert.about) <= 300 and len(alert.reading) <= 600 for alert in alerts)


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 4), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_messages_are_bounded_and_paired_whatever_comes(found: list[bool], needed: int, days: int) -> None:
    """A channel gets at most one message about a drift in each cool-down, and an end only after a beginning."""
    with TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'store.db'}")
        cooldown = timedelta(days=days) or timedelta(hours=1)
        monitor = watched(store, channel(after=needed, cooldown=cooldown))
        told: list[tuple[int, str]] = []
        for day, drifts in enumerate(found):
            outcome = window(day, drift() if drifts else fine())
            ran(outcome, monitor, store, day)
            told += [(day, entry["state"]) for message in queued(store) for entry in message["entries"]]
        fired = [day for day, state in told if state == "firing"]
        assert all(later - earlier >= days for earlier, later in pairwise(fired))
        assert all(all(found[day - needed + 1 : day + 1]) and day + 1 >= needed for day in fired)
        for place, (_, state) in enumerate(told):
            assert state == "firing" or (place > 0 and told[place - 1][1] == "firing")


@pytest.mark.slow
def test_a_year_of_flapping_gives_few_messages(store: Store) -> None:
    monitor = watched(store, channel(cooldown="7d"))
    count = 0
    for day in range(365):
        flapping = [(fine if (day + number) % 2 else drift)(f"column {number}") for number in range(5)]
        ran(window(day, *flapping), monitor, store, day)
        count += len(queued(store))
    assert 50 <= count <= 4 * 53  # of 912 alerts


def test_a_naive_clock_is_no_concern(store: Store) -> None:
    monitor = watched(store, channel())
    with pytest.raises(TypeError):
        notify(window(0, drift()), monitor, store, datetime(2026, 1, 3))
