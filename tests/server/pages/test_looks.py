"""Every page in a real browser, light, dark and on a phone: it fits, stands out, and can be followed by ear."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page

from tests.renderers.chromium import chromium
from tests.renderers.test_browser import OPEN_ALL, PALE, SPILLED
from tests.server.pages.looking import DARK, LIGHT, PAGES, PHONE, Look, axe, looking
from tests.server.pages.months import a_month
from tests.server.pages.serving import Served, serving

# Names and descriptions of drawings are read out and never drawn.
SILENT = "document.querySelectorAll('svg title, svg desc').forEach(text => text.remove())"
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(a_month()) as running:
        yield running


@pytest.mark.parametrize("look", [LIGHT, DARK, PHONE], ids=["light", "dark", "phone"])
@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_fits_and_stands_out(browser: Browser, served: Served, name: str, look: Look) -> None:
    with looking(browser, served, PAGES[name], look) as visit:
        visit.page.evaluate(OPEN_ALL)
        assert visit.page.evaluate("document.documentElement.scrollWidth") == look.width
        assert visit.page.evaluate(SPILLED) == []
        visit.page.evaluate(SILENT)
        assert visit.page.evaluate(PALE) == []
        assert (visit.dialogs, visit.stopped) == ([], [])
        assert [text for text in visit.messages if "404" not in text] == []
        assert all(request.startswith((served.address, "data:")) for request in visit.requests)


def heard(page: Page) -> None:
    """What a screen reader needs of every page."""
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(title => Number(title.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert [page.locator(tag).count() for tag in ("main", "body > header", "body > footer")] == [1, 1, 1]
    assert page.locator("table:not(:has(> caption)), th:not([scope]), section:not([aria-labelledby])").count() == 0
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert len(ids) == len(set(ids))
    referred = "[...document.querySelectorAll('[aria-labelledby],[aria-describedby]')].flatMap(part => ['labelledby','describedby'].map(kind => part.getAttribute('aria-' + kind)).filter(Boolean))"
    assert set(page.evaluate(referred)) <= set(ids)
    unnamed = "[...document.querySelectorAll('input:not([type=hidden],[hidden]),select')].filter(part => !part.labels.length && !part.ariaLabel).length"
    assert page.evaluate(unnamed) == 0
    assert page.locator("[style], [onclick], [onload], [onsubmit]").count() == 0


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_can_be_followed_by_ear(browser: Browser, served: Served, name: str) -> None:
    with looking(browser, served, PAGES[name]) as visit:
        heard(visit.page)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_axe_finds_nothing(browser: Browser, served: Served, name: str) -> None:
    with looking(browser, served, PAGES[name]) as visit:
        visit.page.evaluate(OPEN_ALL)
        visit.page.evaluate(axe())
        found = visit.page.evaluate("axe.run().then(result => result.violations)")
        assert [(each["id"], each["nodes"][0]["html"][:200], len(each["nodes"])) for each in found] == []


def test_light_and_dark_differ(browser: Browser, served: Served) -> None:
    colours = set()
    for look in (LIGHT, DARK):
        with looking(browser, served, "/", look) as visit:
            colours.add(visit.page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
    assert len(colours) == 2


def test_the_monitor_page_is_light(served: Served, browser: Browser) -> None:
    with looking(browser, served, PAGES["monitor"]) as visit:
        assert len(visit.page.content().encode()) < 200_000
