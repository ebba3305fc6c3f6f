"""A real Chromium for tests of pages: opens a page from a file and keeps account of everything it tries."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
# Runs before the page, outside of its policy; what the policy stops is reported to the document.
_WATCH = "window.stopped = []; document.addEventListener('securitypolicyviolation', e => stopped.push(e.blockedURI))"


@dataclass
class Visit:
    """An open page, and what happened since it was opened."""

    page: Page
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Keep account from now on."""
        self.page.on("request", self._request)
        self.page.on("console", self._message)
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.page.add_init_script(_WATCH)

    def _request(self, request: Request) -> None:
        self.requests.append(request.url)

    def _message(self, message: ConsoleMessage) -> None:
        self.messages.append(message.text)

    def _dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    @property
    def stopped(self) -> list[str]:
        """What the Content-Security-Policy had to stop."""
        return list(self.page.evaluate("window.stopped"))


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; where there is none the test is skipped, or fails if EVENHAND_REQUIRE_ALL=1."""
    place = os.environ.get("EVENHAND_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if place is None:
        reason = "Chromium is not installed; set EVENHAND_CHROMIUM to its place"
        if os.environ.get("EVENHAND_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=place, args=_ARGUMENTS.split())
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visiting(
    browser: Browser,
    file: Path,
    *,
    width: int = 1100,
    scheme: Literal["light", "dark"] = "light",
    script: bool = True,
) -> Iterator[Visit]:
    """One page in a context of its own, so that nothing is left for the next."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
    )
    try:
        visit = Visit(context.new_page())
        visit.watch()
        visit.page.goto(file.as_uri())
        yield visit
    finally:
        context.close()
