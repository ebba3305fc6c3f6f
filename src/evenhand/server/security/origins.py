"""Origins: requests that change something must come from our own pages, not from another site's."""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from evenhand.server.problems import Refused

SAFE = ("GET", "HEAD", "OPTIONS")


def check_origin(request: HTTPConnection) -> None:
    """Refuse (403) a request of a browser that changes something and does not come from this server's pages."""
    if request.scope["method"] in SAFE:
        return
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    if origin is None and site in ("same-origin", "none"):
        return
    if origin is None or origin == "null" or _place(origin) != request.headers.get("host", "").lower():
        raise Refused(403, "A request with a session must come from this server's own pages (Origin).")


def foreign(request: HTTPConnection) -> bool:
    """Whether a browser says that another site's page sends something that changes something."""
    origin = request.headers.get("origin")
    if request.scope["method"] in SAFE or origin is None:
        return False
    return _place(origin) != request.headers.get("host", "").lower()


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
