"""Routes of health and metrics: whether the server lives, whether its store answers, and numbers for Prometheus."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, Field

from evenhand.core.errors import EvenhandError
from evenhand.server.problems import Problem, problems
from evenhand.server.security.access import Reader
from evenhand.server.services import services_of

router = APIRouter(tags=["health"], responses=problems())


class Health(BaseModel):
    """The server lives."""

    status: str = Field(examples=["ok"])


@router.get("/health", summary="Whether the server lives")
async def health() -> Health:
    """Asks nothing of anyone."""
    return Health(status="ok")


@router.get(
    "/ready", summary="Whether the store answers", responses={503: {"model": Problem, "description": "Not now."}}
)
def ready(request: Request) -> Health:
    """For load balancers."""
    try:
        services_of(request).store.monitors()
    except EvenhandError:
        return JSONResponse({"detail": "The store does not answer."}, status_code=503)  # type: ignore[return-value]
    return Health(status="ok")


_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"description": "Metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}
}


@router.get("/metrics", summary="Numbers for Prometheus", response_model=None, responses=_TEXT)
def metrics(request: Request, caller: Reader) -> PlainTextResponse:  # noqa: ARG001
    """The text format 0.0.4."""
    from evenhand.monitor.alerts import metrics_text

    return PlainTextResponse(metrics_text(services_of(request).store), media_type="text/plain; version=0.0.4")
