"""What a run at the terminal tells: a real receiver on this machine, whom the settings name, and what is kept."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evenhand.cli.operating import operator
from evenhand.cli.places import Place
from evenhand.core.errors import SpecError
from evenhand.core.monitor import Monitor
from evenhand.core.outcome import Drift, Outcome
from evenhand.monitor.alerts import Reach, notify
from evenhand.stores import open_store
from evenhand.stores.store import SQLStore
from tests.monitor.alerts.conftest import Receiver, channel, drift, receiver, watched

__all__ = ["receiver"]  # a fixture
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(f"sqlite:///{tmp_path / 'evenhand.db'}", tmp_path / "monitors")


@pytest.fixture
def store(place: Place) -> Iterator[SQLStore]:
    with open_store(place.url) as opened:
        yield opened


def queued(store: SQLStore, monitor: Monitor, found: Drift | None = None) -> None:
    """A message that waits: a drift of yesterday."""
    end = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    outcome = Outcome(
        monitor=monitor.name, start=(end - DAY).isoformat(), end=end.isoformat(), rows=1000, labelled=0,
        status="drift", drifts=(found or drift(),),
    )  # fmt: skip
    store.put_outcome(outcome)
    assert notify(outcome, monitor, store, NOW)


def run(place: Place, **environment: str) -> subprocess.CompletedProcess[str]:
    """evenhand monitor run, with nothing due but what is to be told."""
    told = {
        **os.environ,
        "COLUMNS": "200",
        "PYTHONWARNINGS": "error",
        "EVENHAND_HOME": str(place.home.parent),
        **environment,
    }
    command = [sys.executable, "-c", "from evenhand.cli import main; main()", "monitor", "run", "loans", "--due"]
    return subprocess.run(
        [*command, "--store", place.url], capture_output=True, text=True, env=told, timeout=120, check=False
    )


def test_a_receiver_on_this_machine_is_told(store: SQLStore, place: Place, receiver: Receiver) -> None:
    queued(store, watched(store, channel(address=receiver.url)))
    done = run(place)
    assert (done.returncode, done.stderr) == (0, "")
    assert [each["entries"][0]["about"] for each in receiver.documents] == ["DI sex=Female"]
    assert [each.state for each in store.deliveries()] == ["delivered"]
    assert run(place).returncode == 0
    assert len(receiver.bodies) == 1


def test_an_address_from_the_environment_is_told(store: SQLStore, place: Place, receiver: Receiver) -> None:
    queued(store, watched(store, channel(address="env:EVENHAND_HOOK")))
    done = run(place, EVENHAND_HOOK=receiver.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(receiver.bodies) == 1


def test_what_does_not_arrive_is_said_in_one_line(store: SQLStore, place: Place, receiver: Receiver) -> None:
    receiver.answers = [(503, {})]
    queued(store, watched(store, channel(address=receiver.url)))
    done = run(place)
    assert done.returncode == 0
    assert done.stderr == (
        "evenhand: 1 message could not be sent and will be tried again by the next run or a server:"
        " The host answered 503.\n"
    )


def test_in_a_store_with_keys_only_the_settings_say_who_is_reached(
    store: SQLStore, place: Place, receiver: Receiver, tmp_path: Path
) -> None:
    store.add_key("somebody", ["submit"], None)
    queued(store, watched(store, channel(address=receiver.url)))
    refused = run(place)
    assert "The host is inside this network" in refused.stderr
    assert receiver.bodies == []
    queued(store, watched(store, channel(address=receiver.url, cooldown="1m")), drift("TE sex=Female"))
    settings = tmp_path / "settings.yaml"
    settings.write_text(json.dumps({"reach": [receiver.host]}))
    told = run(place, EVENHAND_SETTINGS=str(settings))
    assert (told.returncode, told.stderr) == (0, "")
    assert [each["entries"][0]["about"] for each in receiver.documents] == ["TE sex=Female"]


def test_settings_that_are_not_there_are_said(store: SQLStore, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_SETTINGS", "/nowhere/settings.yaml")
    with pytest.raises(SpecError, match=r"^Cannot read the settings '/nowhere/settings.yaml': "):
        operator(store, place)


def test_whom_ones_own_monitors_name_is_reached(store: SQLStore, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENHAND_SETTINGS", raising=False)
    monkeypatch.setenv("EVENHAND_MAIL", "mail.internal:587")
    watched(
        store,
        channel(address="https://alerts.internal/hook"),
        channel("smtp", "ada@example.org", options={"server": "env:EVENHAND_MAIL", "from": "e@example.org"}),
        channel("cloudwatch", "eu-west-1", options={"endpoint_url": "http://[::1]:4566"}),
        channel("command", "/usr/bin/notify --now"),
        channel(address="http://[broken"),
    )
    watched(store, channel(address="http://10.0.0.7:9093/"), name="other")
    reach = operator(store, place).reach()
    named = [("alerts.internal", 443), ("mail.internal", 587), ("::1", 4566), ("10.0.0.7", 9093)]
    assert all(reach.allows(*each) for each in named)
    assert not any(reach.allows(*each) for each in [("alerts.internal", 22), ("169.254.169.254", 80), ("ada", 443)])
    assert reach.programs == {"/usr/bin/notify"}
    shared = Place("postgresql://team@db/watch", place.home)
    assert operator(store, shared).reach() == Reach()


def test_a_run_forgets_what_is_long_over_where_it_may(
    store: SQLStore, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVENHAND_SETTINGS", raising=False)
    later = NOW + 100 * DAY

    def left_after(shown: Place) -> int:
        job = store.enqueue("count", {})
        assert store.lease("w", 60) is not None
        assert store.finish(job.id, "w")
        operator(store, shown).tidy(later)
        return len(store.jobs())

    assert left_after(place) == 0
    assert left_after(Place("postgresql://team@db/watch", place.home)) == 1, "others may keep it longer"
    settings = tmp_path / "settings.yaml"
    settings.write_text("retention: {jobs: 200d}\n")
    monkeypatch.setenv("EVENHAND_SETTINGS", str(settings))
    assert left_after(place) == 2
    settings.write_text("retention: {jobs: 99d}\n")
    assert left_after(place) == 0
