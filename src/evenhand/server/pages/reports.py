"""Pages of reports: all by name, the history of one name, one report, and two side by side."""

from fastapi import APIRouter, Request, Response

from evenhand.core.errors import DataError
from evenhand.renderers.difference import difference
from evenhand.server.pages.alone import alone
from evenhand.server.pages.histories import Versions, histories
from evenhand.server.pages.shell import House, page
from evenhand.server.pages.visitors import visitor


def add(routes: APIRouter, house: House) -> None:
    """The pages of reports."""

    @routes.get("/reports")
    def everything(request: Request) -> Response:
        who = visitor(house.access, request, "read")
        return page("reports.html", who, histories=histories(house.store.reports()))

    @routes.get("/reports/compare")
    def compare(request: Request, earlier: int, later: int) -> Response:
        who = visitor(house.access, request, "read")
        before, after = house.store.report(earlier), house.store.report(later)
        changes = difference(before, after)
        return page("compare.html", who, report=after, changes=changes, earlier=earlier, later=later)

    @routes.get("/reports/{number}")
    def one(request: Request, number: int, against: int | None = None) -> Response:
        visitor(house.access, request, "read")
        before = house.store.report(against) if against is not None else None
        return alone(house.store.report(number), against=before)

    @routes.get("/reports/{number}/history")
    def history(request: Request, number: int) -> Response:
        who = visitor(house.access, request, "read")
        return page("history.html", who, history=_history(house, number))


def _history(house: House, number: int) -> Versions:
    for found in histories(house.store.reports()):
        if any(version.number == number for version in found.versions):
            return found
    raise DataError(f"There is no report {number}.")
