"""Opening a session: the cookie that a browser is given, and the note of it."""

from typing import Any, Literal, TypedDict

from fastapi import Request, Response

from evenhand.server.security.access import Caller, address_of
from evenhand.server.security.sessions import COOKIE
from evenhand.server.services import Services


class Safe(TypedDict):
    """The options of a cookie."""

    httponly: bool
    samesite: Literal["lax"]
    secure: bool
    path: str


def open_session(request: Request, response: Response, services: Services, caller: Caller) -> None:
    """Give a browser the cookie of a session, and note it."""
    content: dict[str, Any] = {"who": caller.name, "scopes": sorted(caller.scopes), "key": caller.key}
    response.set_cookie(
        COOKIE, services.sessions.signed(content), max_age=services.sessions.seconds, **kept_safe(request, services)
    )
    services.store.note(caller.name, "began a session", address_of(request))


def end_session(request: Request, response: Response, services: Services) -> None:
    """End the session of a browser, so that its cookie opens nothing any more wherever it was copied to; note it."""
    ended = services.sessions.end(request.cookies.get(COOKIE, ""))
    response.delete_cookie(COOKIE, **kept_safe(request, services))
    if ended is not None:
        services.store.note(str(ended["who"]), "ended a session", address_of(request))


def kept_safe(request: Request, services: Services, path: str = "/") -> Safe:
    """How cookies are set: out of reach of scripts and of other sites, and over TLS alone where that is there."""
    secure = services.settings.secure or request.url.scheme == "https"
    return {"httponly": True, "samesite": "lax", "secure": secure, "path": path}
