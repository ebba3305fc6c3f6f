"""The shell of every page: templates, headers that allow nothing but our own files, errors as pages."""

import hashlib
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from evenhand.core.errors import DataError, EvenhandError
from evenhand.core.store import Store
from evenhand.core.visible import visible
from evenhand.renderers import figures, timelines, verdicts
from evenhand.server.pages import signs
from evenhand.server.pages.places import place
from evenhand.server.pages.visitors import Access, NotAllowed, SignInNeeded, Visitor, local

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # With no-referrer browsers send our own forms with `Origin: null`, which cannot be told from another site's.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MOST_SHOWN = 600  # characters of one text
_HERE = Path(__file__).parent
_REPORT = Path(figures.__file__).with_name("templates")


@dataclass(frozen=True)
class House:
    """What every page is made from."""

    store: Store
    access: Access


def page(template: str, who: Visitor | None, status: int = 200, **names: object) -> Response:
    """A page from one of our templates."""
    text = _environment().get_template(template).render(names | {"who": who})
    return HTMLResponse(text, status, headers=HEADERS)


def back(to: str) -> Response:
    """After a form: on to a page, so that reloading sends nothing twice."""
    return RedirectResponse(to, 303, headers=HEADERS)


def shown(text: object) -> object:
    """Text as it is shown: hidden characters spelled out, very long ones cut; our own markup stays."""
    if type(text) is not str:
        return text
    return brief(text)


def brief(text: str) -> str:
    """Text with its hidden characters spelled out, and cut where it is very long."""
    clear = visible(text[: MOST_SHOWN + 1])
    if len(clear) <= MOST_SHOWN:
        return clear
    # Not in the middle of a character that is spelled out.
    whole = re.sub("⟨[^⟩]*$", "", clear[:MOST_SHOWN])
    return f"{whole}… ({len(text):,} characters)"


@cache
def _environment() -> Environment:
    environment = Environment(
        # The part of a report that says what changed is the same here.
        loader=FileSystemLoader([_HERE / "templates", _REPORT]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=shown,
    )
    environment.globals.update(
        figures=figures,
        timelines=timelines,
        signs=verdicts.SIGNS,
        verdicts=verdicts,
        at=signs,
        place=lambda path, **query: Markup(escape(place(path, **query))),  # noqa: S704 - escaped here
        asset=lambda name: f"/static/{name}?v={static(name)[1][:12]}",
    )
    return environment


@cache
def static(name: str) -> tuple[bytes, str, str]:
    """One of our files: its bytes, their SHA-256 and its type; raises DataError for any other name."""
    files = {
        "evenhand.css": (
            (_REPORT / "report.css", _REPORT / "timelines.css", _HERE / "static/pages.css"),
            "text/css; charset=utf-8",
        ),
        "htmx.js": ((_HERE / "static/htmx.min.js",), "text/javascript; charset=utf-8"),
    }
    if name not in files:
        raise DataError(f"There is no file {name!r}; there are {', '.join(sorted(files))}.")
    places, kind = files[name]
    data = b"\n".join(file.read_bytes() for file in places)
    return data, hashlib.sha256(data).hexdigest(), kind


class PageRoute(APIRoute):
    """A route whose errors are pages too: sign in, not allowed, not found."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with what it raises on purpose turned into an answer."""
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handle(request)
            except SignInNeeded:
                return _to_sign_in(request)
            except NotAllowed as error:
                return _sorry(403, "Not allowed", str(error))
            except RequestValidationError as error:
                return _sorry(400, "That makes no sense here", _first(error.errors()))
            except EvenhandError as error:
                known = isinstance(error, DataError)
                return _sorry(404 if known else 400, "Not found" if known else "That makes no sense here", str(error))

        return answered


def _to_sign_in(request: Request) -> Response:
    if request.method != "GET" or "HX-Request" in request.headers:
        return _sorry(401, "Sign in first", "The session has ended; sign in and try again.")
    query = f"?{request.url.query}" if request.url.query else ""
    return back(place("/sign-in", next=local(request.url.path + query)))


def _sorry(status: int, title: str, reason: str) -> Response:
    return page("sorry.html", None, status, title=title, reason=reason)


def _first(errors: Any) -> str:
    error: Mapping[str, Any] = errors[0]
    return f"{' '.join(map(str, error['loc'][1:]))}: {error['msg']}."
