"""Alerts from the outcome to their receivers: what each is documented to read, and what a dead server left is sent."""

import json
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evenhand.core.monitor import Alert
from evenhand.core.store import Store
from evenhand.monitor.alerts import Reach, Sent, deliver_due, notify
from evenhand.stores.store import SQLStore
from tests.monitor.alerts.conftest import DAY, Receiver, after, channel, drift, fine, watched, window
from tests.monitor.alerts.test_mail import Start, certificate, hosted, mailing

__all__ = ["certificate", "hosted"]  # fixtures

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def story(store: Store, hook: Alert, reach: Reach) -> None:
    """A day with two drifts, and one on which one of them has recovered, each told as it happens."""
    monitor = watched(store, hook.model_copy(update={"cooldown": 7 * DAY}))
    days = [window(0, drift(), drift("TE sex=Female", metric="TE")), window(1, fine(), drift("TE sex=Female"))]
    for day, outcome in enumerate(days):
        store.put_outcome(outcome)
        notify(outcome, monitor, store, after(day))
        assert deliver_due(store, {}, after(day), reach=reach) == Sent(delivered=1)


def is_version_four(payload: Any) -> None:
    """Checks the fields that Prometheus documents of <webhook_config>, their types and their values."""
    kinds = {"version": str, "groupKey": str, "truncatedAlerts": int, "status": str, "receiver": str,
             "groupLabels": dict, "commonLabels": dict, "commonAnnotations": dict, "externalURL": str, "alerts": list,
             }  # fmt: skip
    assert {name: type(value) for name, value in payload.items()} == kinds
    assert payload["version"] == "4"
    assert payload["alerts"]
    for alert in payload["alerts"]:
        assert set(alert) == {
            "status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint",
        }  # fmt: skip
        assert alert["status"] in ("firing", "resolved")
        assert _RFC3339.fullmatch(alert["startsAt"])
        assert _RFC3339.fullmatch(alert["endsAt"])
        assert re.fullmatch("[0-9a-f]{16}", alert["fingerprint"])
        for pairs in (alert["labels"], alert["annotations"]):
            assert all(
                re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name) and type(text) is str for name, text in pairs.items()
            )
        # What is common is of every alert, and a group is told by labels that all have.
        assert payload["commonLabels"].items() <= alert["labels"].items()
        assert payload["commonAnnotations"].items() <= alert["annotations"].items()
    assert payload["groupLabels"].items() <= payload["commonLabels"].items()
    firing = any(alert["status"] == "firing" for alert in payload["alerts"])
    assert payload["status"] == ("firing" if firing else "resolved")


def test_alertmanagers_receivers_get_the_documented_fields(store: Store, receiver: Receiver, reach: Reach) -> None:
    story(store, channel("alertmanager", receiver.url, runbook="https://wiki.example/drift"), reach)
    first, second = receiver.documents
    for payload in (first, second):
        is_version_four(payload)
        assert payload["commonLabels"]["alertname"] == "EvenhandDrift"
        assert payload["commonAnnotations"]["runbook_url"] == "https://wiki.example/drift"
    assert (first["status"], len(first["alerts"])) == ("firing", 2)
    assert first["commonLabels"]["facet"] == "sex"
    assert "metric" not in first["commonLabels"]
    assert (second["status"], len(second["alerts"])) == ("resolved", 1)  # TE goes on, within its cool-down
    assert second["alerts"][0]["fingerprint"] == first["alerts"][0]["fingerprint"]
    assert second["alerts"][0]["startsAt"] == first["alerts"][0]["startsAt"] < second["alerts"][0]["endsAt"]


def test_a_webhook_gets_what_fired_and_what_recovered(store: Store, receiver: Receiver, reach: Reach) -> None:
    story(store, channel(address=receiver.url), reach)
    told = [[(entry["about"], entry["state"]) for entry in each["entries"]] for each in receiver.documents]
    assert told == [
        [("DI sex=Female", "firing"), ("TE sex=Female", "firing")],
        [("DI sex=Female", "recovered")],
    ]
    assert len({headers["Idempotency-Key"] for headers in receiver.headers}) == 2


def test_slack_gets_one_text_for_each(store: Store, receiver: Receiver, reach: Reach) -> None:
    story(store, channel("slack", receiver.url), reach)
    first, second = (each["text"].split("\n")[0] for each in receiver.documents)
    assert (first, second) == ("*loans:\u200b 2 drifts*", "*loans:\u200b 1 recovered*")


def collected(payload: Any) -> dict[tuple[str, str], float]:
    """What a collector reads of OTLP's JSON: name and `about` of each point; refuses fields that the protocol lacks."""
    found = {}
    assert set(payload) == {"resourceMetrics"}
    for resource in payload["resourceMetrics"]:
        assert set(resource) == {"resource", "scopeMetrics"}
        attributes_of(resource["resource"]["attributes"])
        for scope in resource["scopeMetrics"]:
            assert set(scope) == {"scope", "metrics"}
            for metric in scope["metrics"]:
                assert set(metric) == {"name", "unit", "gauge"}
                for point in metric["gauge"]["dataPoints"]:
                    assert set(point) == {"attributes", "timeUnixNano", "asDouble"}
                    assert re.fullmatch(r"\d{19}", point["timeUnixNano"])  # 64 bits are text in protobuf's JSON
                    names = attributes_of(point["attributes"])
                    found[metric["name"], names.get("about", "")] = float(point["asDouble"])
    return found


def attributes_of(pairs: Any) -> dict[str, str]:
    assert all(set(pair) == {"key", "value"} and set(pair["value"]) == {"stringValue"} for pair in pairs)
    found = {pair["key"]: pair["value"]["stringValue"] for pair in pairs}
    assert len(found) == len(pairs)
    return found


def test_a_collector_gets_the_numbers_of_every_window(store: Store, receiver: Receiver, reach: Reach) -> None:
    story(store, channel("opentelemetry", receiver.url + "/v1/metrics"), reach)
    first, second = map(collected, receiver.documents)
    assert receiver.paths == ["/v1/metrics"] * 2
    assert first["evenhand.value", "DI sex=Female"] == 0.7
    assert [each["evenhand.drift", "DI sex=Female"] for each in (first, second)] == [1.0, 0.0]
    assert first["evenhand.rows", ""] == 1000


def test_mail_says_both(store: Store, hosted: Start) -> None:
    mailbox, port = hosted(False)
    story(store, mailing(port, tls="none"), Reach(hosts=frozenset({f"127.0.0.1:{port}"}), seconds=5.0))
    assert [mail["Subject"] for _, mail in mailbox.mails] == ["loans: 2 drifts", "loans: 1 recovered"]
    assert "Recovered: DI sex=Female" in mailbox.mails[1][1].get_content()


def test_a_program_gets_each_once(store: Store, tmp_path: Path) -> None:
    place = tmp_path / "got"
    story(store, channel("command", f"/usr/bin/tee -a {place}"), Reach(programs=frozenset({"/usr/bin/tee"})))
    decoder, text, states = json.JSONDecoder(), place.read_text(), []
    while text:
        document, end = decoder.raw_decode(text)
        states.append([entry["state"] for entry in document["entries"]])
        text = text[end:]
    assert states == [["firing", "firing"], ["recovered"]]


QUEUES = """
import os, sys
from datetime import datetime
from evenhand.core.outcome import Outcome
from evenhand.monitor.alerts import notify
from evenhand.stores import open_store
store = open_store(sys.argv[1])
outcome = Outcome.model_validate_json(sys.stdin.read())
store.put_outcome(outcome)
notify(outcome, store.monitor("loans"), store, datetime.fromisoformat(sys.argv[2]))
os._exit(9)  # dies before it sends
"""


def test_what_a_dead_server_had_queued_is_sent_as_it_was(
    store: SQLStore, tmp_path: Path, receiver: Receiver, reach: Reach
) -> None:
    monitor = watched(store, channel(address=receiver.url, cooldown="52w"))
    command = [sys.executable, "-c", QUEUES, f"sqlite:///{tmp_path / 'store.db'}", after(0).isoformat()]
    died = subprocess.run(command, input=window(0, drift()).model_dump_json(), text=True, check=False)
    assert died.returncode == 9
    [queued] = store.deliveries()
    # The window is run again, by another, and later ones follow: what was queued stays what it was.
    for day, outcome in enumerate([window(0, drift()), window(1, drift(reading="DI fell further."))]):
        store.put_outcome(outcome)
        notify(outcome, monitor, store, after(day))
    assert deliver_due(store, {}, after(3), reach=reach) == Sent(delivered=1)
    assert deliver_due(store, {}, after(3) + DAY, reach=reach) == Sent()
    assert [body.decode() for body in receiver.bodies] == [queued.payload]


@pytest.mark.parametrize("days", [2, 4])
def test_what_goes_on_is_told_again_after_its_cool_down(
    store: Store, receiver: Receiver, reach: Reach, days: int
) -> None:
    monitor = watched(store, channel(address=receiver.url, cooldown=timedelta(days=days)))
    sent: list[datetime] = []
    for day in range(9):
        outcome = window(day, drift())
        store.put_outcome(outcome)
        notify(outcome, monitor, store, after(day))
        if deliver_due(store, {}, after(day), reach=reach).delivered:
            sent.append(after(day))
    assert sent == [after(day) for day in range(0, 9, days)]
