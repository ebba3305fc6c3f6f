"""Routes of monitors: list, get, set, remove, and the baseline report that one is compared with."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from starlette.concurrency import run_in_threadpool

from evenhand.core.errors import DataError
from evenhand.core.monitor import Monitor
from evenhand.core.report import Report
from evenhand.server.api.types import MonitorName
from evenhand.server.bodies import whole
from evenhand.server.problems import Refused, problems
from evenhand.server.security.access import Admin, Reader
from evenhand.server.security.definitions import check_definition
from evenhand.server.services import Services, services_of
from evenhand.server.strict_json import StrictRoute, strict_json

router = APIRouter(prefix="/api/monitors", tags=["monitors"], route_class=StrictRoute, responses=problems())

EXAMPLE = {
    "name": "loans",
    "audit": {"label": "repaid", "positive": ["yes"], "facets": ["sex"], "predicted_label": "granted"},
    "baseline": "first 7",
    "schedule": "15 * * * *",
}


def known_monitor(services: Services, name: str) -> Monitor:
    """The monitor of this name; raises Refused (404)."""
    try:
        return services.store.monitor(name)
    except DataError as error:
        raise Refused(404, str(error)) from None


async def capturing_monitor(services: Services, name: str) -> Monitor:
    """The monitor that records come for, which may have been read a moment ago; raises Refused (404)."""
    found = services.definitions.at_hand(name)
    return found if found is not None else await run_in_threadpool(_read_anew, services, name)


def _read_anew(services: Services, name: str) -> Monitor:
    try:
        return services.definitions.read(name)
    except DataError as error:
        raise Refused(404, str(error)) from None


@router.get("", summary="The names of all monitors")
def names(request: Request, caller: Reader) -> Sequence[str]:  # noqa: ARG001
    """Sorted."""
    return list(services_of(request).store.monitors())


@router.get("/{name}", summary="A monitor's definition", responses=problems(404))
def definition(request: Request, name: MonitorName, caller: Reader) -> Monitor:  # noqa: ARG001
    """What `evenhand monitor add` reads."""
    return known_monitor(services_of(request), name)


@router.put("/{name}", summary="Add or replace a monitor")
def put(
    request: Request, name: MonitorName, caller: Admin, monitor: Annotated[Monitor, Body(examples=[EXAMPLE])]
) -> Monitor:
    """Files that it names must lie below the folders that the server allows; alerts by command are off by default."""
    services = services_of(request)
    if monitor.name != name:
        raise Refused(422, f"The path says {name!r} and the definition {monitor.name!r}; they must be the same.")
    check_definition(monitor, services.settings, services.home)
    services.store.put_monitor(monitor)
    services.definitions.forget(name)
    services.store.note(caller.name, "set a monitor", name)
    return monitor


@router.delete("/{name}", status_code=204, summary="Forget a monitor and its counts", responses=problems(404))
def remove(request: Request, name: MonitorName, caller: Admin) -> Response:
    """Captured records stay in their folder."""
    services = services_of(request)
    known_monitor(services, name)
    services.store.remove_monitor(name)
    services.definitions.forget(name)
    services.store.note(caller.name, "removed a monitor", name)
    return Response(status_code=204)


@router.put(
    "/{name}/baseline",
    summary="Compare windows with this report",
    responses=problems(404),
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def baseline(request: Request, name: MonitorName, caller: Admin) -> Monitor:
    """The body is a `report.json`; it is kept in the monitor's folder."""
    services = services_of(request)
    content = await whole(request, services.settings.sizes.report)
    return await run_in_threadpool(_keep_baseline, services, name, content, caller.name)


def _keep_baseline(services: Services, name: str, content: bytes, who: str) -> Monitor:
    monitor = known_monitor(services, name)
    strict_json(content)
    report = Report.from_json(content)
    folder = services.home / name / "baseline"
    folder.mkdir(parents=True, exist_ok=True)
    report.save(folder / "report.json")
    changed = monitor.model_copy(update={"baseline": str((folder / "report.json").resolve())})
    services.store.put_monitor(changed)
    services.definitions.forget(name)
    services.store.note(who, "set the baseline of a monitor", name)
    return changed
