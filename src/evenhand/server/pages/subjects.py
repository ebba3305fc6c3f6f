"""Subjects: what a comparison or an alert is about, in the words of people instead of the names that runs keep."""

from functools import cache

from evenhand.core.store import StoredAlert
from evenhand.metrics import registered

_BETWEEN = " | "  # parts of what a drift is about: metric, facet, group, and whom it is compared with


def subject(kind: str, about: str) -> str:
    """Whom or what a comparison is about: a group against the rest, a column; otherwise as it was."""
    parts = about.split(_BETWEEN)
    if kind == "bias" and len(parts) in (4, 5) and parts[0] in _names():
        return ", ".join([f"{parts[2]} against {parts[3]}", *parts[4:]])
    if kind == "performance" and len(parts) == 4 and parts[3] == "estimated":
        return parts[2]
    return about


def measure(metric: str) -> str:
    """The name of a metric; what is none of ours stays as it was."""
    return _names().get(metric, metric)


def headline(alert: StoredAlert) -> str:
    """What an alert is about: the metric, and whom it concerns."""
    whom, parts = subject(alert.kind, alert.about), alert.about.split(_BETWEEN)
    if whom == alert.about:
        return whom
    estimated = ", estimated" if parts[-1] == "estimated" else ""
    name = measure(parts[0])
    return f"{name[:1].upper()}{name[1:]}: {whom}{estimated}"


@cache
def _names() -> dict[str, str]:
    return {metric: found.name for metric, found in registered().items()}
