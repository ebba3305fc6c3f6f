"""Routes of the log: who did what."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from evenhand.server.api.types import Most
from evenhand.server.problems import problems
from evenhand.server.security.access import Admin
from evenhand.server.services import services_of

router = APIRouter(prefix="/api/log", tags=["log"], responses=problems())


class Entry(BaseModel):
    """One thing that somebody did."""

    at: datetime
    who: str
    what: str
    about: str


@router.get("", summary="Who did what, latest first")
def log(
    request: Request,
    caller: Admin,  # noqa: ARG001
    most: Annotated[Most, Query(description="At most so many.")] = 200,
) -> list[Entry]:
    """Everything that changed something, but the records themselves."""
    found = services_of(request).store.log(most=most)
    return [Entry(at=at, who=who, what=what, about=about) for at, who, what, about in found]
