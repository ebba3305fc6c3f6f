"""OpenTelemetry metrics: gauges in OTLP over HTTP as JSON, written by hand, so that nothing need be installed."""

import math
from typing import Any

from evenhand.core.monitor import Alert
from evenhand.monitor.alerts.addresses import Reach
from evenhand.monitor.alerts.message import Entry, Message
from evenhand.monitor.alerts.posting import post

NUMBERS = ("value", "baseline", "distance", "limit", "evidence")


def payload(told: Message) -> dict[str, Any]:
    """An ExportMetricsServiceRequest with one gauge a number."""
    at = str(int(told.ended.timestamp()) * 1_000_000_000)
    gauges = [_gauge(f"evenhand.{name}", _points(told, name, at)) for name in NUMBERS]
    drifted = [_point(_attributes(one), float(one.drifted), at) for one in told.entries]
    counts = [_gauge(f"evenhand.{name}", [_point([], float(getattr(told, name)), at)]) for name in ("rows", "labelled")]
    service = _attribute("service.name", "evenhand")
    return {
        "resourceMetrics": [{
            "resource": {"attributes": [service, _attribute("evenhand.monitor", told.monitor)]},
            "scopeMetrics": [{
                "scope": {"name": "evenhand.monitor"},
                "metrics": [*(each for each in gauges if each["gauge"]["dataPoints"]),
                            _gauge("evenhand.drift", drifted), *counts],
            }],
        }]
    }  # fmt: skip


def _gauge(name: str, points: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "unit": "1", "gauge": {"dataPoints": points}}


def _points(told: Message, name: str, at: str) -> list[dict[str, Any]]:
    found = ((one, getattr(one, name)) for one in told.entries)
    return [_point(_attributes(one), number, at) for one, number in found if number is not None]


def _point(attributes: list[dict[str, Any]], number: float, at: str) -> dict[str, Any]:
    return {"attributes": attributes, "timeUnixNano": at, "asDouble": _written(number)}


def _written(number: float) -> float | str:
    """JSON has no infinities; protobuf's JSON writes them as text."""
    if math.isnan(number):
        return "NaN"
    return number if math.isfinite(number) else ("Infinity" if number > 0 else "-Infinity")


def _attributes(one: Entry) -> list[dict[str, Any]]:
    named = ("kind", "about", "metric", "facet", "group", "column")
    return [_attribute(name, str(text)) for name in named if (text := getattr(one, name))]


def _attribute(name: str, text: str) -> dict[str, Any]:
    return {"key": name, "value": {"stringValue": text}}


def send(told: Message, channel: Alert, reach: Reach) -> None:
    """Post it to a collector's /v1/metrics; raises NotDelivered."""
    post(channel, payload(told), reach)
