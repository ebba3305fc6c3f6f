"""Routes of capture: predictions as they happen, one or many, as JSON or as files."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from evenhand.server.api.monitors import capturing_monitor
from evenhand.server.api.types import MonitorName
from evenhand.server.bodies import UPLOADS, table_in
from evenhand.server.captures import Receipt
from evenhand.server.problems import problems
from evenhand.server.security.access import Submitter
from evenhand.server.services import services_of

router = APIRouter(prefix="/api/monitors", tags=["capture"], responses=problems(404, 415))

_RECORD = {"id": "a-1", "time": "2026-11-20T13:00:00Z", "sex": "female", "income": 41000, "granted": "yes"}
_VALUE = {"type": ["string", "number", "boolean", "null"]}
_ROW = {"type": "object", "minProperties": 1, "additionalProperties": _VALUE}
_BATCH = {"type": "array", "items": _ROW, "minItems": 1}
_NAMED = {"type": "object", "properties": {"records": _BATCH}, "required": ["records"], "additionalProperties": False}


def body_of(example: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI description of a body of records."""
    examples = {"one": {"value": example}, "many": {"value": {"records": [example]}}}
    content: dict[str, Any] = {"application/json": {"schema": {"anyOf": [_NAMED, _BATCH, _ROW]}, "examples": examples}}
    content |= {kind: {"schema": {"type": "string", "format": "binary"}} for kind in UPLOADS}
    return {"requestBody": {"required": True, "content": content}}


class Accepted(BaseModel):
    """What became of a batch; it is on the disk."""

    accepted: int = Field(description="Records that are new.", examples=[1])
    duplicates: int = Field(description="Records whose id was there before; the first one counts.", examples=[0])


BatchId = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[A-Za-z0-9._:-]{1,100}$",
        description="A name for the batch: sent twice, it counts once.",
    ),
]


@router.post("/{name}/predictions", summary="Capture predictions", openapi_extra=body_of(_RECORD))
async def predictions(request: Request, name: MonitorName, caller: Submitter, batch: BatchId = None) -> Accepted:  # noqa: ARG001
    """One record, a batch as JSON, or a file of Parquet, Arrow or JSON Lines; each record has an id and a time."""
    services = services_of(request)
    monitor = await capturing_monitor(services, name)
    table = await table_in(request, services)

    def keep() -> Receipt:
        return services.captures.accept(monitor, table(), batch_id=batch)

    return accepted(await run_in_threadpool(keep))


def accepted(receipt: Receipt) -> Accepted:
    """The answer for a receipt."""
    return Accepted(accepted=receipt.accepted, duplicates=receipt.duplicates)
