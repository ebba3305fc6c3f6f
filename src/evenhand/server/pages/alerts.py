"""The inbox of alerts: what drifted and is not settled, with what can be done about it."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from evenhand.core.monitor import span
from evenhand.core.store import AlertState, StoredAlert
from evenhand.server.pages.shell import House, back, page
from evenhand.server.pages.visitors import sender, visitor

UNSETTLED: tuple[AlertState, ...] = ("open", "acknowledged", "snoozed")
SNOOZES = (("1d", "a day"), ("3d", "3 days"), ("1w", "a week"), ("4w", "4 weeks"))
MOST_SHOWN = 100
_LONGEST = timedelta(days=366)


def add(routes: APIRouter, house: House) -> None:
    """The inbox and its two answers."""

    @routes.get("/alerts")
    def inbox(request: Request, all: bool = False, monitor: str | None = None, skip: int = 0) -> Response:  # noqa: A002
        who = visitor(house.access, request, "read")
        found = sorted(house.store.alerts(monitor=monitor, states=() if all else UNSETTLED), key=_first)
        skip = min(max(skip, 0), len(found))
        shown = found[skip : skip + MOST_SHOWN]
        known = set(house.store.monitors())
        watched = {name: house.store.monitor(name) for name in {alert.monitor for alert in shown} & known}
        return page(
            "alerts.html", who, alerts=shown, watched=watched, all=all, monitor=monitor, snoozes=SNOOZES,
            counts=Counter(alert.state for alert in found), skip=skip, most=MOST_SHOWN, found=len(found),
        )  # fmt: skip

    @routes.post("/alerts/{number}/acknowledge")
    def acknowledge(request: Request, number: int, token: Annotated[str, Form()] = "") -> Response:
        who = sender(house.access, request, "submit", token)
        house.store.set_alert(number, "acknowledged", by=who.name)
        return back(f"/alerts#alert-{number}")

    @routes.post("/alerts/{number}/snooze")
    def snooze(
        request: Request, number: int, token: Annotated[str, Form()] = "", length: Annotated[str, Form()] = "1d"
    ) -> Response:
        who = sender(house.access, request, "submit", token)
        until = datetime.now(UTC) + min(span(length), _LONGEST)
        house.store.set_alert(number, "snoozed", until=until, by=who.name)
        return back(f"/alerts#alert-{number}")


def _first(alert: StoredAlert) -> int:
    """What waits for an answer before what has one; otherwise as they were."""
    return ("open", "acknowledged", "snoozed", "recovered").index(alert.state)
