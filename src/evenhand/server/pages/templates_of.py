"""Templates of pages: how they are found and filled, and headers that allow nothing but our own files."""

import hashlib
import re
from functools import cache
from pathlib import Path

from fastapi import Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from evenhand.core.errors import DataError
from evenhand.core.visible import visible
from evenhand.renderers import figures, timelines, verdicts
from evenhand.server.pages import signs
from evenhand.server.pages.places import place
from evenhand.server.pages.visitors import Visitor

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


def part(template: str, **names: object) -> Markup:
    """A part of a page, which may be kept and put into several."""
    return Markup(_environment().get_template(template).render(names))  # noqa: S704 - the template escapes


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
            (
                _REPORT / "report.css",
                _REPORT / "timelines.css",
                _HERE / "static/pages.css",
                _HERE / "static/bounties.css",
            ),
            "text/css; charset=utf-8",
        ),
        "htmx.js": ((_HERE / "static/htmx.min.js",), "text/javascript; charset=utf-8"),
    }
    if name not in files:
        raise DataError(f"There is no file {name!r}; there are {', '.join(sorted(files))}.")
    places, kind = files[name]
    data = b"\n".join(file.read_bytes() for file in places)
    return data, hashlib.sha256(data).hexdigest(), kind
