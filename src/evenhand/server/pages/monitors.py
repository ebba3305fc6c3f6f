"""The page of a monitor: whether it drifts and since when, its lines over time, how much truth is known."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from evenhand.core.monitor import Monitor
from evenhand.core.outcome import Outcome
from evenhand.core.window import moment
from evenhand.renderers import timelines
from evenhand.renderers.timelines import Line, Point
from evenhand.server.pages import places, standing
from evenhand.server.pages.shell import House, brief, page
from evenhand.server.pages.subjects import measure, subject
from evenhand.server.pages.visitors import visitor

LENGTHS = (14, 30, 90, 365)  # how many windows one may choose to see
MOST_POINTS, MOST_CHARTS = 720, 12  # of all charts on a page, so that it stays light
MOST_NUMBERS, MOST_ROWS, MOST_WORDS = 7, 31, 12  # rows below each chart, of windows, and of comparisons in words
KINDS = ("bias", "data", "attributions", "performance")
Shown = Literal["bias", "data", "attributions", "performance", "all"]


class Chosen(BaseModel):
    """Which lines the page draws: of a kind, a facet or column, or one alone; of which windows, from which line on."""

    model_config = ConfigDict(frozen=True)
    kind: Shown = "all"
    of: str = ""
    line: str = ""
    windows: int = 30
    skip: int = 0
    past: int = 0

    def holds(self, line: Line) -> bool:
        """Whether a line is among them."""
        if self.line:
            return self.line == key(line)
        return self.kind in ("all", line.kind) and self.of in ("", places.short(topic(line)))

    @property
    def charts(self) -> int:
        """How many charts fit on a page."""
        return max(min(MOST_CHARTS, MOST_POINTS // self.windows), 2)

    def query(self, **changed: object) -> dict[str, object]:
        """The query of the same choice, with some of it changed; what is as usual is left out."""
        given = self.model_dump() | changed
        return {name: value for name, value in given.items() if value != Chosen.model_fields[name].default}


def topic(line: Line) -> str:
    """What a line is about, as people look for it: a facet or a column."""
    return line.facet or line.column or line.about


def key(line: Line) -> str:
    """A short name of a line, for addresses."""
    return places.short("\n".join((line.kind, line.about, line.metric)))


def add(routes: APIRouter, house: House) -> None:
    """The page of a monitor."""

    @routes.get("/monitors/{name}")
    def monitor(request: Request, name: str, asked: Annotated[Chosen, Query()]) -> Response:
        who = visitor(house.access, request, "read")
        watched, chosen = house.store.monitor(name), _bounded(asked)
        outcomes = house.store.outcomes(name, most=chosen.windows + chosen.skip + 1)
        shown = (outcomes[: len(outcomes) - chosen.skip] or outcomes[:1])[-chosen.windows :]
        alerts = house.store.alerts(monitor=name, states=("open", "acknowledged", "snoozed"))
        return page(
            "monitor.html", who, monitor=watched, chosen=chosen, alerts=alerts, runbooks=_runbooks(watched),
            whole=len(outcomes) <= chosen.windows + chosen.skip,
            link=lambda point: places.of_window(name, point.start, point.end),
            here=lambda **changed: places.of_monitor(name, **chosen.query(**changed)),
            **_drawn(shown, chosen), **_said(outcomes),
        )  # fmt: skip


def _bounded(asked: Chosen) -> Chosen:
    windows = min(max(asked.windows, 1), 1000)
    skip = min(max(asked.skip, 0), 1000 - windows)
    return asked.model_copy(update={"windows": windows, "skip": skip, "past": max(asked.past, 0)})


def _drawn(outcomes: Sequence[Outcome], chosen: Chosen) -> dict[str, Any]:
    """What the part over time shows."""
    found = timelines.lines(outcomes)
    held = [line for line in found if chosen.holds(line)]
    past = min(chosen.past, max(len(held) - 1, 0))
    return {
        "lines": [(key(line), _brief(line)) for line in held[past : past + chosen.charts]],
        "held": len(held),
        "past": past,
        "topics": topics(found),
        "kinds": [kind for kind in KINDS if any(line.kind == kind for line in found)],
        "truth": truth(outcomes),
        "shown": _span(outcomes),
        "outcomes": outcomes[-MOST_ROWS:],
        "lengths": LENGTHS,
        "most_numbers": len(outcomes) if chosen.line else MOST_NUMBERS,
    }


def _span(outcomes: Sequence[Outcome]) -> str:
    """From when to when the windows lie."""
    if not outcomes:
        return ""
    return timelines.when(moment(outcomes[0].start), moment(outcomes[-1].end))


def _said(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What the latest window says, and since when."""
    latest = outcomes[-1] if outcomes else None
    return {
        "latest": latest,
        "first": moment(outcomes[0].start) if outcomes else None,
        "since": standing.drifting_since(outcomes),
        "before": standing.last_drift(outcomes),
        "words": standing.serious_first(latest.drifts)[:MOST_WORDS] if latest else [],
        "tally": standing.tally(latest) if latest else [],
    }


def _runbooks(monitor: Monitor) -> list[str]:
    return list(dict.fromkeys(alert.runbook for alert in monitor.alerts if alert.runbook))


def _brief(line: Line) -> Line:
    return replace(line, about=brief(subject(line.kind, line.about)), metric=brief(measure(line.metric)))


def topics(lines: Sequence[Line]) -> list[tuple[str, str]]:
    """The facets and columns there are, each with its short name."""
    return [(places.short(text), text) for text in sorted({topic(line) for line in lines})]


def truth(outcomes: Sequence[Outcome]) -> Line:
    """The share of labels known in each window, as a line."""
    points = tuple(
        Point(
            start=moment(outcome.start),
            end=moment(outcome.end),
            value=outcome.labelled / outcome.rows if outcome.rows else None,
            interval=None,
            rows=outcome.rows,
            verdict="no drift shown" if outcome.rows else "undefined",
        )
        for outcome in outcomes
    )
    return Line(
        "performance", "labels known", "Share of truth", None, None, None, "value", None, None, points, share=True
    )
