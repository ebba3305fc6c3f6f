"""What a monitor measured over time: lines of points, one a window, out of the outcomes of its runs."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from evenhand.core.finding import Interval
from evenhand.core.outcome import Drift, DriftVerdict, Kind, Outcome
from evenhand.core.window import moment
from evenhand.renderers import figures

Measured = Literal["value", "distance"]
_Window = tuple[datetime, datetime, int]  # from, until, rows


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
    share: bool = False  # written in percent

    def written(self, number: float | None) -> str:
        """A value of this line as people read it."""
        return figures.percent(number) if self.share else figures.value(number)

    @property
    def since(self) -> Point | None:
        """The window in which the drift that the latest window with a value shows began; None where it shows none."""
        first = None
        for point in reversed(self.points):
            if point.verdict == "drift":
                first = point
            elif point.value is not None:  # a window without a value neither ends a drift nor begins one
                break
        return first

    @property
    def drift_words(self) -> str:
        """Since when it drifts, or when it last did; nothing where it never did."""
        if self.since is not None:
            return f"drifts since {self.since.when}"
        if not self.drifted:
            return ""
        windows = figures.several(len(self.drifted), "window")
        return f"drifted {f'in {windows}, last' if len(self.drifted) > 1 else 'once,'} {self.drifted[-1].when}"

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
        spread = f"values from {self.written(min(values))} to {self.written(max(values))}" if values else "no values"
        drifts = figures.several(len(self.drifted), "window") + " drifted" if self.drifted else "no window drifted"
        windows = figures.several(len(self.points), "window")
        return f"{windows}, {spread}, {self.reference_words}; {drifts}. The table below says every number."


def when(start: datetime, end: datetime) -> str:
    """A window as people say it."""
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    whole = first.time() == last.time() == datetime.min.time()
    if whole and (last - first).days == 1:
        return day(first)
    if whole:
        return f"{day(first)} to {day(last - timedelta(days=1))}"  # the day at whose midnight it ends is not in it
    if first.date() == last.date():
        return f"{hour(first)} to {last:%H:%M}"
    return f"{hour(first)} to {hour(last)}"


def lines(outcomes: Iterable[Outcome]) -> tuple[Line, ...]:
    """One line for each thing compared, those that drifted latest first, then by kind and name."""
    ordered = sorted(outcomes, key=lambda outcome: (outcome.start, outcome.end))
    windows = [(moment(outcome.start), moment(outcome.end), outcome.rows) for outcome in ordered]
    found: dict[tuple[str, str, str], dict[int, Drift]] = {}
    for place, outcome in enumerate(ordered):
        for drift in outcome.drifts:
            found.setdefault((drift.kind, drift.about, drift.metric), {})[place] = drift
    made = [_line(windows, drifts) for (kind, _, _), drifts in found.items() if kind != "failure"]
    return tuple(sorted(made, key=_rank))


def _rank(line: Line) -> tuple[float, str, str, str]:
    latest = max((point.end.timestamp() for point in line.drifted), default=0.0)
    return (-latest, line.kind, line.about, line.metric)


def _line(windows: Sequence[_Window], drifts: Mapping[int, Drift]) -> Line:
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
        points=tuple(_point(windows[place], drifts.get(place), measured) for place in range(min(drifts), len(windows))),
    )


def _reference_of(drift: Drift, measured: Measured) -> float | None:
    return drift.baseline if measured == "value" else drift.limit


def _point(window: _Window, drift: Drift | None, measured: Measured) -> Point:
    start, end, rows = window
    if drift is None:
        return Point(start, end, None, None, rows, "undefined")
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


def hour(at: datetime) -> str:
    """A moment as people write it, to the minute."""
    return f"{day(at)}, {at.astimezone(UTC):%H:%M}"


def ticked(start: datetime, end: datetime) -> str:
    """A window below an axis: the day it begins, and for a short one the hour too."""
    long = end - start >= timedelta(days=1)
    return day(start) if long else f"{start.astimezone(UTC).day} {start.astimezone(UTC):%b %H:%M}"
