"""What a monitor measured over time: lines of points, one a window, out of the outcomes of its runs."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from evenhand.core.finding import Interval
from evenhand.core.outcome import Drift, DriftVerdict, Kind, Outcome
from evenhand.core.window import moment
from evenhand.renderers import figures

Measured = Literal["value", "distance"]


@dataclass(frozen=True)
class Point:
    """What one window says; without a value there is a gap."""

    start: datetime
    end: datetime
    value: float | None
    interval: Interval | None
    rows: int
    verdict: DriftVerdict
    estimated: bool = False

    @property
    def when(self) -> str:
        """The window in words: a day, or from when to when."""
        return when(self.start, self.end)

    @property
    def words(self) -> str:
        """All of it in a sentence."""
        between = f" ({figures.interval(self.interval)})" if self.interval is not None else ""
        kind = ", estimated" if self.estimated else ""
        rows = figures.several(self.rows, "row")
        return f"{self.when}: {figures.value(self.value)}{between}{kind}, {rows}, {self.verdict}"


@dataclass(frozen=True)
class Line:
    """One thing that is compared with the baseline in every window; `reference` is the baseline or the limit."""

    kind: Kind
    about: str
    metric: str
    facet: str | None
    group: str | None
    column: str | None
    measured: Measured
    reference: float | None
    reference_interval: Interval | None
    points: tuple[Point, ...]

    @property
    def drifted(self) -> tuple[Point, ...]:
        """The windows that drifted."""
        return tuple(point for point in self.points if point.verdict == "drift")

    @property
    def reference_words(self) -> str:
        """What the dashed line is."""
        if self.reference is None:
            return "no baseline"
        return f"{'baseline' if self.measured == 'value' else 'limit'} {figures.value(self.reference)}"

    @property
    def words(self) -> str:
        """What the chart shows, for those who do not see it."""
        values = [point.value for point in self.points if point.value is not None and math.isfinite(point.value)]
        spread = f"values from {figures.value(min(values))} to {figures.value(max(values))}" if values else "no values"
        drifts = figures.several(len(self.drifted), "window") + " drifted" if self.drifted else "no window drifted"
        windows = figures.several(len(self.points), "window")
        return f"{windows}, {spread}, {self.reference_words}; {drifts}. The table below says every number."


def when(start: datetime, end: datetime) -> str:
    """A window as people say it."""
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    whole = first.time() == last.time() == datetime.min.time()
    if whole and (last - first).days == 1:
        return day(first)
    shown = day if whole else _hour
    return f"{shown(first)} to {shown(last)}"


def lines(outcomes: Iterable[Outcome]) -> tuple[Line, ...]:
    """One line for each thing compared, those that drifted latest first, then by kind and name."""
    ordered = sorted(outcomes, key=lambda outcome: (outcome.start, outcome.end))
    found: dict[tuple[str, str, str], dict[int, Drift]] = {}
    for place, outcome in enumerate(ordered):
        for drift in outcome.drifts:
            found.setdefault((drift.kind, drift.about, drift.metric), {})[place] = drift
    made = [_line(ordered, drifts) for (kind, _, _), drifts in found.items() if kind != "failure"]
    return tuple(sorted(made, key=_rank))


def _rank(line: Line) -> tuple[float, str, str, str]:
    latest = max((point.end.timestamp() for point in line.drifted), default=0.0)
    return (-latest, line.kind, line.about, line.metric)


def _line(outcomes: Sequence[Outcome], drifts: Mapping[int, Drift]) -> Line:
    latest = drifts[max(drifts)]
    measured: Measured = "value" if any(drift.value is not None for drift in drifts.values()) else "distance"
    # A window that waits for labels may not say what it would be compared with.
    said = [drift for drift in drifts.values() if _reference_of(drift, measured) is not None]
    known = said[-1] if said else latest
    return Line(
        kind=latest.kind,
        about=latest.about,
        metric=latest.metric,
        facet=latest.facet,
        group=latest.group,
        column=latest.column,
        measured=measured,
        reference=_reference_of(known, measured),
        reference_interval=known.baseline_interval if measured == "value" else None,
        points=tuple(
            _point(outcomes[place], drifts.get(place), measured) for place in range(min(drifts), len(outcomes))
        ),
    )


def _reference_of(drift: Drift, measured: Measured) -> float | None:
    return drift.baseline if measured == "value" else drift.limit


def _point(outcome: Outcome, drift: Drift | None, measured: Measured) -> Point:
    start, end = moment(outcome.start), moment(outcome.end)
    if drift is None:
        return Point(start, end, None, None, outcome.rows, "undefined")
    return Point(
        start=start,
        end=end,
        value=drift.value if measured == "value" else drift.distance,
        interval=drift.interval if measured == "value" else None,
        rows=drift.rows,
        verdict=drift.verdict,
        estimated=drift.estimated,
    )


def day(at: datetime) -> str:
    """A day as people write it."""
    return f"{at.astimezone(UTC).day} {at.astimezone(UTC):%b %Y}"


def _hour(at: datetime) -> str:
    return f"{at.astimezone(UTC).day} {at.astimezone(UTC):%b %Y %H:%M}"
