"""Prometheus' text exposition of a store: the latest window of every monitor, and its alerts."""

import math
from collections import Counter
from collections.abc import Iterator

from evenhand.core.outcome import Drift, Outcome
from evenhand.core.store import AlertState, Store
from evenhand.core.window import moment
from evenhand.monitor.alerts.message import named

MOST_SERIES = 2_000  # drifts of one monitor; names in the data must not fill a Prometheus server
STATES: tuple[AlertState, ...] = ("open", "acknowledged", "snoozed", "recovered")
_HELP = {
    "evenhand_value": "What was measured in the latest window.",
    "evenhand_baseline": "The same in the baseline.",
    "evenhand_distance": "How far the window is from the baseline.",
    "evenhand_limit": "The distance that is still fine.",
    "evenhand_evidence": "The factor by which the data speak for a change.",
    "evenhand_drift": "1 where a drift is shown.",
    "evenhand_window_rows": "Rows of the latest window.",
    "evenhand_window_labelled_rows": "Rows of the latest window whose label is known.",
    "evenhand_window_end_timestamp_seconds": "When the latest window ended.",
    "evenhand_series_left_out": "Comparisons not listed because there are too many.",
    "evenhand_alerts": "Alerts by state.",
}
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Sample = tuple[str, dict[str, str], float]


def metrics_text(store: Store) -> str:
    """What /metrics answers (text/plain; version=0.0.4); raises EvenhandError where the store does."""
    samples: dict[str, list[str]] = {name: [] for name in _HELP}
    for monitor in store.monitors():
        for name, labels, number in _samples(store, monitor):
            samples[name].append(f"{name}{_labels(labels)} {_number(number)}")
    return "".join(_family(name, found) for name, found in samples.items() if found)


def _family(name: str, found: list[str]) -> str:
    return "\n".join([f"# HELP {name} {_HELP[name]}", f"# TYPE {name} gauge", *found]) + "\n"


def _samples(store: Store, monitor: str) -> Iterator[Sample]:
    states = Counter(alert.state for alert in store.alerts(monitor=monitor))
    for state in STATES:
        yield "evenhand_alerts", {"monitor": monitor, "state": state}, states[state]
    latest = store.outcomes(monitor, most=1)
    if latest:
        yield from _window(latest[-1])


def _window(outcome: Outcome) -> Iterator[Sample]:
    monitor = {"monitor": outcome.monitor}
    yield "evenhand_window_rows", monitor, outcome.rows
    yield "evenhand_window_labelled_rows", monitor, outcome.labelled
    yield "evenhand_window_end_timestamp_seconds", monitor, moment(outcome.end).timestamp()
    yield "evenhand_series_left_out", monitor, max(0, len(outcome.drifts) - MOST_SERIES)
    shown: set[tuple[str, ...]] = set()
    for drift in outcome.drifts[:MOST_SERIES]:
        labels = {**monitor, **_names(drift)}
        if tuple(labels.values()) not in shown:  # Prometheus refuses a page that has a series twice
            shown.add(tuple(labels.values()))
            yield from _drift(drift, labels)


def _drift(drift: Drift, labels: dict[str, str]) -> Iterator[Sample]:
    for name in ("value", "baseline", "distance", "limit", "evidence"):
        number = getattr(drift, name)
        if number is not None:
            yield f"evenhand_{name}", labels, number
    yield "evenhand_drift", labels, drift.verdict == "drift"


def _names(drift: Drift) -> dict[str, str]:
    names = ("kind", "about", "metric", "facet", "group", "column")
    return {name: named(getattr(drift, name) or "") for name in names}


def _labels(labels: dict[str, str]) -> str:
    inside = ",".join(f'{name}="{text.translate(_ESCAPED)}"' for name, text in labels.items())
    return f"{{{inside}}}"


def _number(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    return repr(float(number))
