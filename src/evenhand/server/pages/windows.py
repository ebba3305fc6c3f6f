"""The page of one window of a monitor, and the report of that window."""

from fastapi import APIRouter, Request, Response

from evenhand.core.errors import DataError
from evenhand.core.outcome import Outcome
from evenhand.core.report import Report
from evenhand.core.window import moment
from evenhand.server.pages.alone import alone
from evenhand.server.pages.shell import House, page
from evenhand.server.pages.standing import serious_first, tally
from evenhand.server.pages.visitors import visitor


def add(routes: APIRouter, house: House) -> None:
    """The page of a window, and its report."""

    @routes.get("/monitors/{name}/window")
    def window(request: Request, name: str, start: str, end: str) -> Response:
        who = visitor(house.access, request, "read")
        found = _outcome(house, name, start, end)
        drifts = serious_first(found.drifts)
        return page("window.html", who, outcome=found, drifts=drifts, tally=tally(found))

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
        raise DataError("No report is kept of this window; its page says why.")
    return outcome.report
