"""Routes of outcomes: what the windows of a monitor showed."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from evenhand.core.outcome import Outcome
from evenhand.server.api.monitors import known_monitor
from evenhand.server.api.types import Moment, MonitorName, Most
from evenhand.server.problems import Refused, problems
from evenhand.server.security.access import Reader
from evenhand.server.services import services_of
from evenhand.server.strict_json import StrictRoute

router = APIRouter(prefix="/api/monitors", tags=["outcomes"], route_class=StrictRoute, responses=problems(404))


@router.get("/{name}/outcomes", summary="The outcomes of a monitor's windows", response_model=list[Outcome])
def outcomes(
    request: Request,
    name: MonitorName,
    caller: Reader,  # noqa: ARG001
    since: Annotated[Moment | None, Query(description="Windows that begin then or later.")] = None,
    most: Annotated[Most, Query(description="The latest so many.")] = 100,
) -> Response:
    """In the order of windows, without their reports."""
    services = services_of(request)
    known_monitor(services, name)
    found = services.store.outcomes(name, since=since, most=most)
    return _json("[" + ",".join(each.model_dump_json() for each in found) + "]")


@router.get("/{name}/outcome", summary="The outcome of one window, with its report", response_model=Outcome)
def outcome(
    request: Request,
    name: MonitorName,
    caller: Reader,  # noqa: ARG001
    start: Annotated[Moment, Query(description="When the window begins.")],
    end: Annotated[Moment, Query(description="When it ends.")],
) -> Response:
    """The window is named by its two ends."""
    services = services_of(request)
    known_monitor(services, name)
    found = services.store.outcome(name, start, end)
    if found is None:
        raise Refused(404, f"No outcome of {name!r} for that window; run it, or list the outcomes.")
    return _json(found.model_dump_json())


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")
