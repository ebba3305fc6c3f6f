"""Routes of sessions: a browser's way in by a key or a one-time address, and out."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from evenhand.server.problems import Refused, problems
from evenhand.server.security.access import Caller, Onlooker, address_of, by_key, check_rate
from evenhand.server.security.opening import end_session, open_session
from evenhand.server.security.origins import check_origin
from evenhand.server.security.sessions import COOKIE
from evenhand.server.services import services_of
from evenhand.server.strict_json import StrictRoute

router = APIRouter(tags=["session"], route_class=StrictRoute, responses=problems())


class Login(BaseModel):
    """An API key, in exchange for a session."""

    model_config = ConfigDict(extra="forbid")
    key: str = Field(min_length=8, max_length=200)


class Who(BaseModel):
    """Who asks, and what they may do."""

    name: str = Field(examples=["key scoring service"])
    scopes: list[str] = Field(examples=[["submit"]])


@router.get("/api/session", summary="Who I am")
def me(caller: Onlooker) -> Who:
    """The holder of the key or session."""
    return Who(name=caller.name, scopes=sorted(caller.scopes))


@router.post("/api/session", summary="Begin a session with a key")
def begin(request: Request, wanted: Login, response: Response) -> Who:
    """Sets a cookie that scripts cannot read."""
    services = services_of(request)
    caller = by_key(services, wanted.key, address_of(request))
    open_session(request, response, services, caller)
    return Who(name=caller.name, scopes=sorted(caller.scopes))


@router.delete("/api/session", status_code=204, summary="End the session")
def end(request: Request) -> Response:
    """Its cookie is removed here, and opens nothing wherever else it is."""
    if COOKIE in request.cookies:
        check_origin(request)
    response = Response(status_code=204)
    end_session(request, response, services_of(request))
    return response


@router.get("/open", status_code=303, summary="Begin a session with a one-time token", response_model=None)
def opened(request: Request, token: Annotated[str, Query(max_length=200)]) -> Response:
    """The address that the server prints when it starts on one's own machine; it works once."""
    services = services_of(request)
    if not services.tokens.used(token):
        check_rate(services, f"refused {address_of(request)}", services.settings.rates.refused)
        raise Refused(401, "This address was used before; restart the server for another, or sign in with a key.")
    response = RedirectResponse("/", status_code=303)
    open_session(request, response, services, Caller("local", frozenset({"read", "submit", "admin"})))
    return response
