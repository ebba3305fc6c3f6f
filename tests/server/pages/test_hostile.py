"""Hostile names on every page: they run nothing, load nothing, and are shown as they are."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from evenhand.core.visible import visible
from tests.renderers.chromium import chromium
from tests.renderers.extremes import HOSTILE
from tests.server.pages.looking import LIGHT, PAGES, PHONE, looking
from tests.server.pages.months import hostile_month
from tests.server.pages.serving import serving

pytestmark = pytest.mark.browser
LONG = ("<b>" + "x" * 10_000, "\u202e" * 10_000, "word " * 2_000)
SHOWN = set(PAGES) - {"sign in", "not found", "monitor without windows", "overview"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.mark.parametrize(
    "text", [*LONG, *HOSTILE[:2], *(pytest.param(each, marks=pytest.mark.slow) for each in HOSTILE[2:])]
)
def test_hostile_names_run_nothing_and_show_literally(browser: Browser, text: str) -> None:
    start = " ".join(visible(text[:600]).split())[:200]
    with serving(hostile_month(text)) as served, looking(browser, served, "/") as visit:
        for name, path in PAGES.items():
            visit.page.goto(served.address + path)
            assert visit.page.evaluate("[window.marked === undefined, document.images.length]") == [True, 0]
            assert visit.page.evaluate("document.scripts.length") == 1
            assert (visit.dialogs, visit.stopped) == ([], [])
            assert len(visit.page.content()) < 400_000
            if name in SHOWN:
                assert start in visit.page.evaluate("document.body.textContent.replace(/ +/g, ' ')")
        assert all(request.startswith(served.address) for request in visit.requests if not request.startswith("data:"))
        assert [message for message in visit.messages if "404" not in message] == []


@pytest.mark.parametrize("text", LONG)
def test_long_names_never_scroll_a_phone_sideways(browser: Browser, text: str) -> None:
    with serving(hostile_month(text)) as served, looking(browser, served, "/", PHONE) as visit:
        for path in PAGES.values():
            visit.page.goto(served.address + path)
            assert (path, visit.page.evaluate("document.documentElement.scrollWidth")) == (path, 360)


def test_the_policy_stops_what_is_not_ours(browser: Browser) -> None:
    """The tests above mean something only if the policy is alive: here markup gets in, by force."""
    with serving(hostile_month("x")) as served, looking(browser, served, "/", LIGHT) as visit:
        visit.page.evaluate(
            "document.body.append(Object.assign(document.createElement('script'), {text: 'window.marked = 1'}),"
            "Object.assign(document.createElement('img'), {src: 'https://example.org/x.png'}))"
        )
        visit.page.wait_for_function("stopped.length >= 2")
        assert visit.page.evaluate("window.marked === undefined")
        assert set(visit.stopped) == {"inline", "https://example.org/x.png"}


def test_a_runbook_that_is_script_is_no_link(browser: Browser) -> None:
    text = "javascript:window.marked=1"
    with serving(hostile_month(text)) as served, looking(browser, served, "/settings") as visit:
        assert visit.page.locator("a[href^='javascript']").count() == 0
        assert visit.page.locator("td", has_text=text).count() >= 1
