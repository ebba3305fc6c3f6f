"""Outcome: what a run of a monitor found in one window."""

from typing import Literal

from pydantic import Field

from evenhand.core.finding import Fact, Interval
from evenhand.core.report import Report

Kind = Literal["bias", "data", "attributions", "performance", "failure"]
DriftVerdict = Literal["drift", "no drift shown", "too little data", "waiting for labels", "undefined"]


class Drift(Fact):
    """One thing that was compared with the baseline.

    `about` is the text of what is compared, stable over windows: a metric, facet and group; a column, perhaps within a
    group; an output's importances. `distance` grows with the change and `limit` is what is still fine. `evidence` is
    the factor by which the data speak for a change (an e-value; 20 is about what p = 0.05 is worth), accumulated over
    windows where looks repeat. `score` says by how many standard errors this window alone lies past what is fine and
    what the baseline leaves open: repeated looks add these up. `estimated` marks what was made without labels.
    """

    kind: Kind
    about: str
    metric: str
    facet: str | None = None
    group: str | None = None
    column: str | None = None
    value: float | None = None
    baseline: float | None = None
    interval: Interval | None = None
    baseline_interval: Interval | None = None
    distance: float | None = None
    limit: float | None = None
    evidence: float | None = None
    score: float | None = None
    rows: int
    estimated: bool = False
    verdict: DriftVerdict
    reading: str = Field(description="One sentence in plain words.")


class Outcome(Fact):
    """A window of a monitor: how much came in, how much of the truth is known, the report and the drifts."""

    schema_version: Literal[1] = 1
    monitor: str
    start: str = Field(description="ISO 8601, UTC.")
    end: str
    rows: int
    labelled: int
    status: Literal["fine", "drift", "too little data", "no data"]
    drifts: tuple[Drift, ...] = ()
    report: Report | None = None
    notes: tuple[str, ...] = ()
    created: str = ""
    seconds: float = 0.0

    @property
    def drifted(self) -> tuple[Drift, ...]:
        """What drifted."""
        return tuple(drift for drift in self.drifts if drift.verdict == "drift")
