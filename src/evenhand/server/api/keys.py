"""Routes of API keys: list, make, revoke."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from evenhand.core.store import Key
from evenhand.server.api.types import Line, Moment, Number
from evenhand.server.problems import Refused, problems
from evenhand.server.security.access import Admin
from evenhand.server.services import services_of
from evenhand.server.settings import Scope
from evenhand.server.strict_json import StrictRoute

router = APIRouter(prefix="/api/keys", tags=["keys"], route_class=StrictRoute, responses=problems())


class NewKey(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid")
    name: Line = Field(examples=["scoring service"])
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)] = Field(examples=[["submit"]])
    expires: Moment | None = Field(default=None, description="By default never.")


class MadeKey(BaseModel):
    """A key that was made, and its text, which is shown this once."""

    key: Key
    text: str = Field(description="Send it in the header X-API-Key.")


@router.get("", summary="All keys")
def keys(request: Request, caller: Admin) -> list[Key]:  # noqa: ARG001
    """Without their texts, which nobody keeps."""
    return list(services_of(request).store.keys())


@router.post("", status_code=201, summary="Make a key")
def make(request: Request, caller: Admin, wanted: NewKey) -> MadeKey:
    """Its text is in this answer and nowhere else."""
    if wanted.expires is not None and wanted.expires <= datetime.now(UTC):
        raise Refused(422, "expires lies in the past; give a time to come.")
    services = services_of(request)
    key, text = services.store.add_key(wanted.name, tuple(dict.fromkeys(wanted.scopes)), wanted.expires)
    services.keys.forget()
    services.store.note(caller.name, "made a key", f"{key.id} {key.name}")
    return MadeKey(key=key, text=text)


@router.delete("/{number}", status_code=204, summary="Revoke a key", responses=problems(404))
def revoke(request: Request, number: Number, caller: Admin) -> Response:
    """It, and the sessions that came from it, open nothing any more."""
    services = services_of(request)
    known = services.store.keys()
    if number not in {key.id for key in known}:
        raise Refused(404, f"There is no key {number}.")
    services.store.revoke(number)
    services.keys.forget()
    services.store.note(caller.name, "revoked a key", str(number))
    return Response(status_code=204)
