"""The inbox of alerts: what drifted and is not settled, with what can be done about it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from evenhand.core.monitor import span
from evenhand.core.store import AlertState
from evenhand.server.pages.shell import House, back, page
from evenhand.server.pages.visitors import sender, visitor

UNSETTLED: tuple[AlertState, ...] = ("open", "acknowledged", "snoozed")
SNOOZES = (("1d", "a day"), ("3d", "3 days"), ("1w", "a week"), ("4w", "4 weeks"))
_LONGEST = timedelta(days=366)


def add(routes: APIRouter, house: House) -> None:
    """The inbox and its two answers."""

    @routes.get("/alerts")
    def inbox(request: Request, all: bool = False) -> Response:  # noqa: A002
        who = visitor(house.access, request, "read")
        found = house.store.alerts(states=() if all else UNSETTLED)
        return page("alerts.html", who, alerts=found, all=all, snoozes=SNOOZES)

    @routes.post("/alerts/{number}/acknowledge")
    def acknowledge(request: Request, number: int, token: Annotated[str, Form()] = "") -> Response:
        who = sender(house.access, request, "submit", token)
        house.store.set_alert(number, "acknowledged", by=who.name)
        house.store.note(who.name, "acknowledged alert", str(number))
        return back("/alerts")

    @routes.post("/alerts/{number}/snooze")
    def snooze(
        request: Request, number: int, token: Annotated[str, Form()] = "", length: Annotated[str, Form()] = "1d"
    ) -> Response:
        who = sender(house.access, request, "submit", token)
        until = datetime.now(UTC) + min(span(length), _LONGEST)
        house.store.set_alert(number, "snoozed", until=until, by=who.name)
        house.store.note(who.name, f"snoozed alert until {until:%Y-%m-%d %H:%M} UTC", str(number))
        return back("/alerts")
