"""Every page by keyboard alone: all there is to do is reached, in reading order, and one sees where one is."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.renderers.chromium import chromium
from tests.server.pages.looking import PAGES, Look, looking
from tests.server.pages.months import a_month
from tests.server.pages.serving import Served, serving

pytestmark = pytest.mark.browser
# Of radio buttons with one name the arrow keys choose; the one that is chosen is a stop.
STOPS = (
    "[...document.querySelectorAll('a[href],button,input:not([type=hidden],[hidden]),select,summary,[contenteditable]')]"
    ".filter(part => part.checkVisibility() && !(part.type === 'radio' && !part.checked))"
    ".forEach((part, place) => part.dataset.stop = place)"
)
HERE = """(() => {
    const part = document.activeElement, look = getComputedStyle(part), mark = part.querySelector('.tm');
    const seen = mark ? parseFloat(getComputedStyle(mark).strokeWidth) >= 3
        : look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) >= 2;
    const box = part.getBoundingClientRect();
    return [part.dataset.stop ?? null, seen, box.bottom > 0 && box.top < innerHeight];
})()"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(a_month()) as running:
        yield running


def walked(page: Page) -> list[int]:
    """The stops that Tab comes by, each seen and on the screen."""
    page.evaluate(STOPS)
    number, found = page.evaluate("document.querySelectorAll('[data-stop]').length"), []
    for _ in range(number):
        page.keyboard.press("Tab")
        stop, seen, shown = page.evaluate(HERE)
        assert (seen, shown) == (True, True), f"stop {stop} is not seen"
        found.append(int(stop))
    return found


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", sorted(PAGES))
def test_tab_comes_by_everything_in_the_order_of_the_page(
    browser: Browser, served: Served, name: str, scheme: str
) -> None:
    look = Look(scheme="dark" if scheme == "dark" else "light", scopes=() if name == "sign in" else ("admin",))
    with looking(browser, served, PAGES[name], look) as visit:
        found = walked(visit.page)
        assert found == list(range(len(found)))


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_first_stop_leads_past_what_every_page_repeats(browser: Browser, served: Served, name: str) -> None:
    with looking(browser, served, PAGES[name]) as visit:
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the content"
        visit.page.keyboard.press("Enter")
        assert visit.page.evaluate("document.activeElement.id") == "content"


def test_escape_closes_a_list_and_loses_nothing(browser: Browser, served: Served) -> None:
    with looking(browser, served, PAGES["monitor"]) as visit:
        visit.page.get_by_label("Kind").focus()
        for key in ("Space", "ArrowDown", "Escape"):
            visit.page.keyboard.press(key)
        assert visit.page.evaluate("document.activeElement.id") == "kind"
        assert visit.page.url == served.address + PAGES["monitor"]
