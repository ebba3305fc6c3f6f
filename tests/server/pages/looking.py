"""A browser that looks at pages of a server: signed in, and keeping account of everything a page tries."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser

from tests.renderers.chromium import Visit
from tests.server.pages.serving import Served

WINDOW = "start=2026-11-20T00:00:00%2B00:00&end=2026-11-21T00:00:00%2B00:00"
PAGES = {
    "overview": "/",
    "monitor": "/monitors/loans",
    "monitor without windows": "/monitors/quiet",
    "window": f"/monitors/loans/window?{WINDOW}",
    "reports": "/reports",
    "history": "/reports/1/history",
    "comparison": "/reports/compare?earlier=1&later=2",
    "alerts": "/alerts?all=true",
    "jobs": "/jobs",
    "settings": "/settings",
    "log": "/log",
    "sign in": "/sign-in",
    "not found": "/monitors/nothing",
}


@dataclass(frozen=True)
class Look:
    """How somebody looks at pages."""

    width: int = 1100
    scheme: Literal["light", "dark"] = "light"
    script: bool = True
    scopes: tuple[Literal["read", "submit", "admin"], ...] = ("admin",)


LIGHT, DARK, PHONE, PLAIN = Look(), Look(scheme="dark"), Look(width=360), Look(script=False)


@contextmanager
def looking(browser: Browser, served: Served, path: str, look: Look = LIGHT) -> Iterator[Visit]:
    """One page, open, for somebody with these scopes; nobody is signed in without any."""
    context = browser.new_context(
        viewport={"width": look.width, "height": 900}, color_scheme=look.scheme, java_script_enabled=look.script
    )
    try:
        if look.scopes:
            session = served.sessions.begin("ann", *look.scopes)
            context.add_cookies([{"name": "session", "value": session, "url": served.address}])
        visit = Visit(context.new_page())
        visit.watch()
        visit.page.goto(served.address + path)
        yield visit
    finally:
        context.close()


def axe() -> str:
    """The script of axe-core, as axe-playwright-python carries it."""
    found = sorted(Path(str(files("axe_playwright_python"))).rglob("axe*.js"))
    return found[0].read_text("utf-8")
