"""The page of a monitor — its lines over time, its latest drifts, how much truth is known — and that of one window."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Literal

from fastapi import APIRouter, Request, Response

from evenhand.core.errors import DataError
from evenhand.core.outcome import Outcome
from evenhand.core.report import Report
from evenhand.core.window import moment
from evenhand.renderers import timelines
from evenhand.renderers.timelines import Line, Point
from evenhand.server.pages import places
from evenhand.server.pages.alone import alone
from evenhand.server.pages.shell import House, brief, page
from evenhand.server.pages.visitors import visitor

MOST_CHARTS = 12
Shown = Literal["bias", "data", "attributions", "performance", "all"]


@dataclass(frozen=True)
class Chosen:
    """Which lines the page draws: of one kind, of one facet or column, over so many windows."""

    kind: Shown
    of: str | None
    windows: int

    def holds(self, line: Line) -> bool:
        """Whether a line is among them."""
        return self.kind in ("all", line.kind) and self.of in (None, places.short(topic(line)))


def topic(line: Line) -> str:
    """What a line is about, as people look for it: a facet or a column."""
    return line.facet or line.column or line.about


def add(routes: APIRouter, house: House) -> None:
    """The page of a monitor, of a window, and of the report of a window."""

    @routes.get("/monitors/{name}")
    def monitor(
        request: Request, name: str, kind: Shown = "all", of: str | None = None, windows: int = 30, every: bool = False
    ) -> Response:
        who = visitor(house.access, request, "read")
        watched = house.store.monitor(name)
        chosen = Chosen(kind, of or None, min(max(windows, 1), 1000))
        outcomes = list(house.store.outcomes(name, most=1000))[-chosen.windows :]
        found = timelines.lines(outcomes)
        drawn = [line for line in found if chosen.holds(line)]
        return page(
            "monitor.html",
            who,
            monitor=watched,
            outcomes=outcomes,
            latest=outcomes[-1] if outcomes else None,
            alerts=house.store.alerts(monitor=name, states=("open", "acknowledged", "snoozed")),
            lines=[_brief(line) for line in (drawn if every else drawn[:MOST_CHARTS])],
            more=0 if every else max(len(drawn) - MOST_CHARTS, 0),
            truth=truth(outcomes),
            topics=topics(found),
            kinds=[kind for kind in ("bias", "data", "attributions", "performance") if _any(found, kind)],
            chosen=chosen,
            link=lambda point: places.of_window(name, point.start, point.end),
        )

    @routes.get("/monitors/{name}/window")
    def window(request: Request, name: str, start: str, end: str) -> Response:
        who = visitor(house.access, request, "read")
        found = _outcome(house, name, start, end)
        return page("window.html", who, outcome=found, monitor=house.store.monitor(name))

    @routes.get("/monitors/{name}/window/report")
    def report(request: Request, name: str, start: str, end: str) -> Response:
        visitor(house.access, request, "read")
        return alone(_report(_outcome(house, name, start, end)))


def _outcome(house: House, name: str, start: str, end: str) -> Outcome:
    found = house.store.outcome(name, moment(start), moment(end))
    if found is None:
        raise DataError(f"Monitor {name!r} has no outcome of a window from {start!r} to {end!r}.")
    return found


def _report(outcome: Outcome) -> Report:
    if outcome.report is None:
        raise DataError("No report was made for this window; its page says why.")
    return outcome.report


def _brief(line: Line) -> Line:
    return replace(line, about=brief(line.about), metric=brief(line.metric))


def _any(lines: Sequence[Line], kind: str) -> bool:
    return any(line.kind == kind for line in lines)


def topics(lines: Sequence[Line]) -> list[tuple[str, str]]:
    """The facets and columns there are, each with its short name."""
    return [(places.short(text), text) for text in sorted({topic(line) for line in lines})]


def truth(outcomes: Sequence[Outcome]) -> Line:
    """The share of labels known in each window, as a line."""
    points = tuple(
        Point(
            start=moment(outcome.start).astimezone(UTC),
            end=moment(outcome.end).astimezone(UTC),
            value=outcome.labelled / outcome.rows if outcome.rows else None,
            interval=None,
            rows=outcome.rows,
            verdict="no drift shown",
        )
        for outcome in outcomes
    )
    return Line("performance", "labels known", "Share of truth", None, None, None, "value", None, None, points)
