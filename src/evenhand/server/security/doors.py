"""Doors: how pages see who is there — sessions, tokens of forms, signing in and out."""

import hmac
import secrets
from typing import Any

from fastapi import Request, Response

from evenhand.server.pages.visitors import Visitor
from evenhand.server.problems import Refused
from evenhand.server.security.access import Caller, address_of, by_key, by_session
from evenhand.server.security.opening import end_session, kept_safe, open_session
from evenhand.server.security.origins import check_origin
from evenhand.server.security.sessions import COOKIE
from evenhand.server.services import Services, services_of

VISIT = "evenhand_visit"  # a cookie for the form that signs in
SIGN_ON = "/sign-on"


class Doors:
    """The security of this server, as pages ask for it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def visitor(self, request: Request) -> Visitor | None:
        """Who has the session; None for strangers."""
        caller = _caller(request)
        if caller is None:
            return None
        return Visitor(caller.name, caller.scopes, self._token(request.cookies[COOKIE]), caller.key)

    def genuine(self, request: Request, token: str) -> bool:
        """Whether a form with this token is from a page that we made for this browser."""
        tied = request.cookies.get(COOKIE) if _caller(request) is not None else request.cookies.get(VISIT)
        if not tied:
            return False
        try:
            check_origin(request)
        except Refused:
            return False
        return hmac.compare_digest(self._token(tied).encode(), token.encode("utf-8", "replace"))

    def sign_in(self, request: Request, response: Response, key: str) -> bool:
        """Open a session by a key; False where it opens nothing."""
        try:
            caller = by_key(self._services, key, address_of(request))
        except Refused as error:
            if error.status == 401:
                return False
            raise
        open_session(request, response, self._services, caller)
        response.delete_cookie(VISIT, **kept_safe(request, self._services))
        return True

    def sign_out(self, request: Request, response: Response) -> None:
        """End the session, and take its cookie back."""
        end_session(request, response, self._services)

    def anonymous_token(self, request: Request, response: Response) -> str:
        """A token for the form that signs in."""
        visit = request.cookies.get(VISIT, "")
        if len(visit) < 20:
            visit = secrets.token_urlsafe(24)
            response.set_cookie(VISIT, visit, max_age=3600, **kept_safe(request, self._services))
        return self._token(visit)

    @property
    def elsewhere(self) -> str | None:
        """Where to sign in with OpenID Connect."""
        return SIGN_ON if self._services.settings.openid is not None else None

    def _token(self, tied: str) -> str:
        return self._services.sessions.form_token(tied)


def _caller(request: Request) -> Caller | None:
    known: dict[str, Any] = request.scope.setdefault("state", {})
    if "evenhand_caller" not in known:
        cookie = request.cookies.get(COOKIE)
        known["evenhand_caller"] = by_session(services_of(request), cookie) if cookie else None
    found: Caller | None = known["evenhand_caller"]
    return found
