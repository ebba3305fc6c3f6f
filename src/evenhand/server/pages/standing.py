"""Standing: what the latest windows of a monitor say together — since when it drifts, and how much of it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from evenhand.core.outcome import Drift, DriftVerdict, Outcome
from evenhand.core.window import moment

SERIOUS: tuple[DriftVerdict, ...] = (
    "drift", "waiting for labels", "too little data", "undefined", "no drift shown",
)  # fmt: skip


def drifting_since(outcomes: Sequence[Outcome]) -> datetime | None:
    """When the drift of the latest window began, as far as these windows tell; None where it shows none."""
    began = None
    for outcome in reversed(outcomes):
        if outcome.status == "drift":
            began = moment(outcome.start)
        elif outcome.status != "no data":  # a window without records ends no drift
            break
    return began if outcomes and outcomes[-1].status == "drift" else None


def last_drift(outcomes: Sequence[Outcome]) -> Outcome | None:
    """The latest window that drifted."""
    return next((outcome for outcome in reversed(outcomes) if outcome.status == "drift"), None)


def serious_first(drifts: Sequence[Drift]) -> list[Drift]:
    """Drifts before what waits, before what is fine; otherwise as they were."""
    return sorted(drifts, key=lambda drift: SERIOUS.index(drift.verdict))


def tally(outcome: Outcome) -> list[tuple[DriftVerdict, int]]:
    """How many comparisons came to each verdict, the serious ones first."""
    found = Counter(drift.verdict for drift in outcome.drifts)
    return [(verdict, found[verdict]) for verdict in SERIOUS if found[verdict]]
