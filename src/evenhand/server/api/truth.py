"""Routes of truth: labels that arrive later, joined to predictions by id."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from evenhand.server.api.capture import Accepted, BatchId, accepted, body_of
from evenhand.server.api.monitors import capturing_monitor
from evenhand.server.api.types import MonitorName
from evenhand.server.bodies import table_in
from evenhand.server.captures import Receipt
from evenhand.server.problems import problems
from evenhand.server.security.access import Submitter
from evenhand.server.services import services_of

router = APIRouter(prefix="/api/monitors", tags=["capture"], responses=problems(404, 415))


@router.post("/{name}/truth", summary="Capture labels", openapi_extra=body_of({"id": "a-1", "repaid": "yes"}))
async def truth(request: Request, name: MonitorName, caller: Submitter, batch: BatchId = None) -> Accepted:  # noqa: ARG001
    """Each record has the id of a prediction, which may still be to come, and the label."""
    services = services_of(request)
    monitor = await capturing_monitor(services, name)
    table = await table_in(request, services)

    def keep() -> Receipt:
        return services.captures.accept_truth(monitor, table(), batch_id=batch)

    return accepted(await run_in_threadpool(keep))
