"""Opening a session: the cookie that a browser is given, and the note of it."""

from typing import Any

from fastapi import Request, Response

from evenhand.server.security.access import Caller, address_of
from evenhand.server.security.sessions import COOKIE
from evenhand.server.services import Services


def open_session(request: Request, response: Response, services: Services, caller: Caller) -> None:
    """Give a browser the cookie of a session, and note it."""
    content: dict[str, Any] = {"who": caller.name, "scopes": sorted(caller.scopes), "key": caller.key}
    response.set_cookie(
        COOKIE, services.sessions.signed(content), max_age=services.sessions.seconds,
        httponly=True, samesite="lax", secure=services.settings.secure or request.url.scheme == "https", path="/",
    )  # fmt: skip
    services.store.note(caller.name, "began a session", address_of(request))
