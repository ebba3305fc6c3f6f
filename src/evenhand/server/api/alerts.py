"""Routes of alerts: what drifted, and what people say to it."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from evenhand.core.errors import DataError
from evenhand.core.store import AlertState, StoredAlert
from evenhand.server.api.types import Moment, Number
from evenhand.server.problems import Refused, problems
from evenhand.server.security.access import Caller, Reader, Submitter
from evenhand.server.services import services_of
from evenhand.server.strict_json import StrictRoute

router = APIRouter(prefix="/api/alerts", tags=["alerts"], route_class=StrictRoute, responses=problems())


class Snooze(BaseModel):
    """Until when nobody is told."""

    model_config = ConfigDict(extra="forbid")
    until: Moment = Field(examples=["2030-01-01T08:00:00Z"])


@router.get("", summary="Alerts, latest first")
def alerts(
    request: Request,
    caller: Reader,  # noqa: ARG001
    monitor: Annotated[
        str | None, Query(max_length=64, description="Of this monitor.", pattern=r"^[A-Za-z0-9._-]*$")
    ] = None,
    state: Annotated[list[AlertState] | None, Query(description="In these states.", max_length=4)] = None,
) -> list[StoredAlert]:
    """All, or those of a monitor or in some states."""
    return list(services_of(request).store.alerts(monitor=monitor or None, states=tuple(state or ())))


@router.post("/{number}/acknowledge", summary="Somebody looks at it", responses=problems(404, 409))
def acknowledge(request: Request, number: Number, caller: Submitter) -> StoredAlert:
    """It is not told again while it lasts."""
    return _set(request, number, "acknowledged", caller)


@router.post("/{number}/snooze", summary="Not now", responses=problems(404, 409))
def snooze(request: Request, number: Number, caller: Submitter, wanted: Snooze) -> StoredAlert:
    """It is not told before that time."""
    if wanted.until <= datetime.now(UTC):
        raise Refused(422, "until lies in the past; give a time to come.")
    return _set(request, number, "snoozed", caller, until=wanted.until)


def _set(
    request: Request, number: int, state: AlertState, caller: Caller, *, until: datetime | None = None
) -> StoredAlert:
    store = services_of(request).store
    known = next((alert for alert in store.alerts() if alert.id == number), None)
    if known is None:
        raise Refused(404, f"There is no alert {number}.")
    if known.state == "recovered":
        raise Refused(409, f"Alert {number} has recovered already.")
    try:
        return store.set_alert(number, state, until=until, by=caller.name)  # which writes the log too
    except DataError as error:
        raise Refused(404, str(error)) from None
