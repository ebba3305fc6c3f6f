"""Alertmanager's webhook payload, version 4: for every receiver that understands Prometheus' alerts."""

from typing import Any

from evenhand.core.monitor import Alert
from evenhand.monitor.alerts.addresses import Reach
from evenhand.monitor.alerts.message import Entry, Message
from evenhand.monitor.alerts.posting import post

NOT_ENDED = "0001-01-01T00:00:00Z"
_START, _PRIME, _ALL = 0xCBF29CE484222325, 0x100000001B3, 0xFFFFFFFFFFFFFFFF


def labels_of(told: Message, one: Entry) -> dict[str, str]:
    """What identifies an alert; no value is among them, so that an alert stays the same one while it goes on."""
    optional = {"metric": one.metric, "facet": one.facet, "group": one.group, "column": one.column}
    named = {"alertname": "EvenhandDrift", "monitor": told.monitor, "kind": one.kind, "about": one.about}
    if one.kind == "failure":
        named["alertname"] = "EvenhandRunFailed"
    return {**named, **{name: text for name, text in optional.items() if text}}


def fingerprint(labels: dict[str, str]) -> str:
    """Alertmanager's own fingerprint of labels: FNV-1a of sorted names and values, each ended by a byte 255."""
    found = _START
    for name, value in sorted(labels.items()):
        for byte in b"".join((name.encode(), b"\xff", value.encode(errors="replace"), b"\xff")):
            found = (found ^ byte) * _PRIME & _ALL
    return f"{found:016x}"


def _alert(told: Message, one: Entry) -> dict[str, Any]:
    labels = labels_of(told, one)
    annotations = {"summary": told.title, "description": one.reading}
    if told.runbook:
        annotations["runbook_url"] = told.runbook
    resolved = one.state == "recovered"
    return {
        "status": "resolved" if resolved else "firing", "labels": labels, "annotations": annotations,
        "startsAt": one.first or told.start, "endsAt": told.end if resolved else NOT_ENDED,
        "generatorURL": "", "fingerprint": fingerprint(labels),
    }  # fmt: skip


def payload(told: Message) -> dict[str, Any]:
    """The whole payload; it is firing where anything in it is."""
    alerts = [_alert(told, one) for one in told.entries if one.state != "measured"]
    return {
        "version": "4", "groupKey": f'{{}}:{{monitor="{told.monitor}"}}', "truncatedAlerts": told.left_out,
        "status": "firing" if told.firing else "resolved", "receiver": "evenhand",
        "groupLabels": {"monitor": told.monitor}, "commonLabels": _shared(alerts, "labels"),
        "commonAnnotations": _shared(alerts, "annotations"), "externalURL": "", "alerts": alerts,
    }  # fmt: skip


def _shared(alerts: list[dict[str, Any]], name: str) -> dict[str, str]:
    """What all alerts say alike: receivers make their titles of it."""
    found = [set(alert[name].items()) for alert in alerts]
    return dict(sorted(set.intersection(*found))) if found else {}


def send(told: Message, channel: Alert, reach: Reach) -> None:
    """Post it; raises NotDelivered."""
    post(channel, payload(told), reach)
