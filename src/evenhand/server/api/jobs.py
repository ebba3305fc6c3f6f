"""Routes of jobs: run a window, see how far it is, cancel it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from evenhand.core.store import Job, JobState
from evenhand.server.api.monitors import known_monitor
from evenhand.server.api.types import Most, Number
from evenhand.server.problems import Refused, problems
from evenhand.server.security.access import Reader, Submitter
from evenhand.server.services import services_of
from evenhand.server.strict_json import StrictRoute

router = APIRouter(prefix="/api/jobs", tags=["jobs"], route_class=StrictRoute, responses=problems())
_LOOKED = 1_000


class Run(BaseModel):
    """A window of a monitor to look at."""

    model_config = ConfigDict(extra="forbid")
    monitor: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", examples=["loans"])
    window: str = Field(max_length=80, description="Its beginning, or BEGIN/END.", examples=["2026-11-20"])


@router.get("", summary="Jobs, latest first")
def jobs(
    request: Request,
    caller: Reader,  # noqa: ARG001
    state: Annotated[list[JobState] | None, Query(description="In these states.", max_length=5)] = None,
    most: Annotated[Most, Query(description="At most so many.")] = 100,
) -> list[Job]:
    """With progress, and the reason of those that failed."""
    return list(services_of(request).store.jobs(states=tuple(state or ()), most=most))


@router.post("", status_code=202, summary="Run a window of a monitor", responses=problems(404))
def start(request: Request, caller: Submitter, wanted: Run) -> Job:
    """One that waits or runs already is returned instead."""
    from evenhand.monitor.jobs import queue_run
    from evenhand.monitor.schedule import window_of

    services = services_of(request)
    monitor = known_monitor(services, wanted.monitor)
    try:
        window = window_of(wanted.window, monitor.windows)
    except OverflowError:
        raise Refused(422, "The window lies beyond the years that are kept.") from None
    job = queue_run(services.store, monitor.name, window)
    services.store.note(caller.name, "asked for a run", f"{monitor.name} {window}")
    return job


@router.get("/{number}", summary="How far a job is", responses=problems(404))
def job(request: Request, number: Number, caller: Reader) -> Job:  # noqa: ARG001
    """Its state, progress from 0 to 1, stage, and in the end its result or error."""
    return _known(request, number)


@router.post("/{number}/cancel", summary="Ask that a job stops", responses=problems(404, 409))
def cancel(request: Request, number: Number, caller: Submitter) -> Job:
    """What it has found so far is dropped; the last good outcome stays."""
    known = _known(request, number)
    if known.state in ("done", "failed", "cancelled"):
        raise Refused(409, f"Job {number} has ended already: {known.state}.")
    store = services_of(request).store
    store.cancel(number)
    store.note(caller.name, "cancelled a job", str(number))
    return _known(request, number)


def _known(request: Request, number: int) -> Job:
    found = next((each for each in services_of(request).store.jobs(most=_LOOKED) if each.id == number), None)
    if found is None:
        raise Refused(404, f"There is no job {number} among the latest {_LOOKED:,}.")
    return found
