"""Errors as pages: what was wrong in plain words, and where to go from here."""

from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import Scope

from evenhand.core.errors import DataError, EvenhandError
from evenhand.server.pages.places import place
from evenhand.server.pages.templates_of import back, page
from evenhand.server.pages.visitors import local
from evenhand.server.problems import Refused

_TITLES = {
    400: "That makes no sense here",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    408: "That took too long",
    413: "Too much at once",
    429: "Too many requests",
    500: "Something broke here",
}
_ADVICE = {
    401: "Sessions end after a while, and when the server says so; sign in and try again.",
    403: "Whoever runs this server can give a key that may do more: Settings, Keys.",
    404: "It may have been removed or renamed since the link was made; the overview names what there is.",
    408: "Send it again, or in smaller parts.",
    413: "Send it in smaller parts; the limits are in the server's settings file, under sizes.",
    429: "Wait a minute, then load the page again.",
    500: "Nothing was changed half-way. The server's log has the details for whoever runs it.",
}


def sorry(status: int, reason: str) -> Response:
    """The page of an error."""
    title = _TITLES.get(status, HTTPStatus(status).phrase)
    advice = _ADVICE.get(status, "Go back, correct it and send it again.")
    return page("sorry.html", None, status, title=title, reason=reason, advice=advice, signs_in=status == 401)


def answer(request: Request, error: Exception) -> Response:
    """The page of something that was raised on purpose."""
    match error:
        case Refused():
            shown = sorry(error.status, error.detail)
            shown.headers.update(error.headers)
            return shown
        case RequestValidationError():
            return sorry(400, _first(error.errors()))
        case EvenhandError():
            return sorry(404 if isinstance(error, DataError) else 400, str(error))
        case _:
            return sorry(500, f"The page {request.url.path} could not be made.")


def to_sign_in(request: Request) -> Response:
    """Where somebody goes who has to sign in: there and back again, or told so where a form would be lost."""
    if request.method != "GET" or "HX-Request" in request.headers:
        return sorry(401, "The session has ended.")
    query = f"?{request.url.query}" if request.url.query else ""
    return back(place("/sign-in", next=local(request.url.path + query)))


def wants_page(scope: Scope) -> bool:
    """Whether a browser that shows pages asks, and not a program that reads the API."""
    return not scope["path"].startswith("/api") and "text/html" in Headers(scope=scope).get("accept", "")


class Elsewhere(APIRoute):
    """Whatever a browser asks for that is nowhere."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Only for browsers: programs get the answers of the API."""
        if scope["type"] != "http" or not wants_page(scope):
            return Match.NONE, {}
        return super().matches(scope)


def nowhere(request: Request) -> Response:
    """The page of a place that is none."""
    return sorry(404, f"There is no page at {request.url.path[:200]}.")


def _first(errors: Any) -> str:
    error = errors[0]
    return f"{' '.join(map(str, error['loc'][1:]))}: {error['msg']}."
