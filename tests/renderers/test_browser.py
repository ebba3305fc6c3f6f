"""The page in a real browser: nothing runs, nothing leaves, everything fits, reads and can be reached."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from evenhand.core.report import Report
from evenhand.core.visible import visible
from evenhand.renderers import embedded, html
from tests.renderers.chromium import chromium, visiting
from tests.renderers.extremes import HOSTILE, REPORTS, hostile, large
from tests.renderers.reports import binary

pytestmark = pytest.mark.browser

OPEN_ALL = "document.querySelectorAll('details').forEach(part => { part.open = true })"
# Elements outside of a container that scrolls by itself and that stick out of the window.
SPILLED = """() => [...document.querySelectorAll('body *')].filter(element =>
    element.getBoundingClientRect().right > innerWidth + 1 && !element.closest('.x, .hide, .skip, svg')
).map(element => element.outerHTML.slice(0, 120))"""
# Text with less contrast to the colour behind it than WCAG asks of small text.
PALE = """() => {
  const linear = part => part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => [r, g, b].map(part => linear(part / 255))
    .reduce((sum, part, place) => sum + part * [.2126, .7152, .0722][place], 0);
  const colour = text => text.match(/[\\d.]+/g).map(Number);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
  };
  const contrast = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + .05) / (low + .05);
  };
  const pale = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('script, style')) continue;
    const style = getComputedStyle(element), drawn = element.closest('svg');
    let back = behind(drawn ? drawn.parentElement : element);
    if (drawn && element.matches('.t')) back = colour(getComputedStyle(
      [...drawn.querySelectorAll('rect')].find(part => part.classList.contains(element.classList[1]))).fill);
    const ratio = contrast(colour(drawn ? style.fill : style.color), back);
    if (ratio < 4.5) pale.push(`${ratio.toFixed(2)}: ${element.outerHTML.slice(0, 90)}`);
  }
  return pale;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def saved(folder: Path, report: Report, against: Report | None = None) -> Path:
    file = folder / "report.html"
    file.write_text(html.render(report, against=against), "utf-8")
    return file


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_names_run_nothing_fetch_nothing_and_show_literally(
    browser: Browser, tmp_path: Path, number: int
) -> None:
    text = HOSTILE[number]
    file = saved(tmp_path, hostile(text), hostile("<b>earlier</b>"))
    with visiting(browser, file) as visit:
        visit.page.evaluate(OPEN_ALL)
        visit.page.wait_for_function("!document.querySelector('.explore').hidden")
        assert visit.requests == [file.as_uri()]
        assert (visit.dialogs, visit.messages, visit.stopped) == ([], [], [])
        assert visit.page.evaluate(
            "[window.marked === undefined, document.scripts.length, document.images.length]"
        ) == [
            True,
            2,
            0,
        ]
        assert visit.page.evaluate("document.querySelector('h1').textContent") == visible(text)
        assert visit.page.evaluate("document.title") == " ".join(visible(text).split())
        assert visible(text) in visit.page.evaluate("document.querySelector('.facet h2').textContent")


def test_the_policy_stops_what_is_not_ours(browser: Browser, tmp_path: Path) -> None:
    """The tests above mean something only if the policy is alive: here names do become markup, by force."""
    file = saved(tmp_path, binary())
    evil = "<script>window.marked = 1</script><img src=https://example.org/x.png onerror='window.marked = 1'>"
    file.write_text(file.read_text("utf-8").replace("<header>", evil + "<header>"), "utf-8")
    with visiting(browser, file) as visit:
        assert visit.page.evaluate("window.marked === undefined")
        assert "inline" in visit.stopped
        assert "https://example.org/x.png" in visit.stopped


@pytest.mark.parametrize("name", [*sorted(REPORTS), "long names"])
def test_a_phone_never_scrolls_sideways(browser: Browser, tmp_path: Path, name: str) -> None:
    report = hostile("n" * 300) if name == "long names" else REPORTS[name]()
    with visiting(browser, saved(tmp_path, report, binary()), width=360) as visit:
        visit.page.evaluate(OPEN_ALL)
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 360
        assert visit.page.evaluate(SPILLED) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["binary", "multiclass", "regression", "tiny"])
def test_all_text_stands_out_from_what_is_behind_it(
    browser: Browser, tmp_path: Path, name: str, scheme: Literal["light", "dark"]
) -> None:
    with visiting(browser, saved(tmp_path, REPORTS[name](), binary()), scheme=scheme) as visit:
        visit.page.evaluate(OPEN_ALL)
        assert visit.page.evaluate(PALE) == []


def test_light_and_dark_differ(browser: Browser, tmp_path: Path) -> None:
    colours = []
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        with visiting(browser, saved(tmp_path, binary()), scheme=scheme) as visit:
            colours.append(visit.page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
    assert colours[0] != colours[1]


def test_without_script_the_page_is_complete(browser: Browser, tmp_path: Path) -> None:
    with visiting(browser, saved(tmp_path, binary()), script=False) as visit:
        page = visit.page
        assert page.locator(".explore").first.is_hidden()
        table = page.locator("details", has_text="What other thresholds would do").first
        table.locator("summary").click()
        assert "16.8%" in table.inner_text()
        for group in ("Female", "Male", "White", "Native"):
            assert page.locator(".rates th", has_text=group).first.is_visible()


def moved(page: Page, place: int) -> list[list[str]]:
    """The rates beside the first slider after it was put at a place."""
    slider = page.locator(".explore input").first
    slider.evaluate("(input, value) => { input.value = value; input.dispatchEvent(new Event('input')) }", str(place))
    rows = page.locator(".explore").first.locator("tbody tr")
    return [rows.nth(number).locator("td").all_inner_texts() for number in range(rows.count())]


def compressed(report: Report) -> str:
    """The page of a small report with the compressed form that only large ones have."""
    page = html.render(report)
    return page.replace(embedded.plain(report), embedded.packed(report))


@pytest.mark.parametrize("packed", [False, True])
def test_the_slider_counts_what_the_static_table_says(browser: Browser, tmp_path: Path, packed: bool) -> None:
    file = saved(tmp_path, binary())
    if packed:
        file.write_text(compressed(binary()), "utf-8")
    with visiting(browser, file) as visit:
        visit.page.wait_for_function("!document.querySelector('.explore').hidden")
        assert moved(visit.page, 0) == [["100.0%", "100.0%", "100.0%"]] * 2
        assert moved(visit.page, 100) == [["0.0%", "0.0%", "0.0%"]] * 2
        assert moved(visit.page, 50) == [["16.8%", "54.0%", "4.3%"], ["36.3%", "71.7%", "13.6%"]]
        assert moved(visit.page, 30) == [["30.5%", "83.2%", "12.9%"], ["46.8%", "89.7%", "19.3%"]]
        assert visit.page.locator(".explore output").first.inner_text() == "0.3"
        assert visit.messages == []


def test_the_slider_moves_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    with visiting(browser, saved(tmp_path, binary())) as visit:
        slider = visit.page.locator(".explore input").first
        slider.wait_for()
        slider.focus()
        visit.page.keyboard.press("ArrowRight")
        assert visit.page.locator(".explore output").first.inner_text() == "0.51"
        assert slider.get_attribute("aria-valuetext") == "threshold 0.51"


def test_the_keyboard_reaches_the_answer_and_unfolds_details(browser: Browser, tmp_path: Path) -> None:
    with visiting(browser, saved(tmp_path, binary())) as visit:
        page = visit.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the answer"
        assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        assert page.evaluate("location.hash") == "#answer"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('#stands-out') !== null")
        page.locator("summary").first.focus()
        page.keyboard.press("Enter")
        assert page.locator("details").first.get_attribute("open") is not None
        assert page.locator("[tabindex]").count() == 0


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_the_page_can_be_followed_by_ear(browser: Browser, tmp_path: Path, name: str) -> None:
    with visiting(browser, saved(tmp_path, REPORTS[name](), binary())) as visit:
        page = visit.page
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(title => Number(title.tagName[1]))")
        assert levels.count(1) == 1
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
        assert [page.locator(tag).count() for tag in ("main", "header", "footer", "nav")] == [1, 1, 1, 1]
        assert page.locator("table:not(:has(> caption))").count() == 0
        assert page.locator("th:not([scope])").count() == 0
        assert page.locator("section:not([aria-labelledby])").count() == 0
        assert page.evaluate(
            "[...document.querySelectorAll('[aria-labelledby]')].every(part => "
            "document.getElementById(part.getAttribute('aria-labelledby')))"
        )
        charts = page.evaluate("[...document.querySelectorAll('svg')].map(svg => [svg.role, svg.ariaLabel])")
        assert all(role == "img" and label for role, label in charts)
        identities = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
        assert len(identities) == len(set(identities))


def test_links_lead_somewhere(browser: Browser, tmp_path: Path) -> None:
    with visiting(browser, saved(tmp_path, large(facets=30, groups=3, metrics=3))) as visit:
        targets = visit.page.evaluate("[...document.links].map(link => link.getAttribute('href'))")
        assert len(targets) > 30
        assert all(visit.page.locator(target).count() == 1 for target in set(targets))


@pytest.mark.parametrize("script", [True, False])
def test_paper_shows_what_is_folded_and_hides_what_is_moved(browser: Browser, tmp_path: Path, script: bool) -> None:
    with visiting(browser, saved(tmp_path, binary()), script=script) as visit:
        visit.page.emulate_media(media="print")
        folded = visit.page.locator("details:not([open]) table")
        assert folded.count() > 10
        heights = [folded.nth(number).bounding_box() for number in range(folded.count())]
        assert all(box is not None and box["height"] > 20 for box in heights)
        assert visit.page.locator(".explore").first.is_hidden()
        assert visit.page.locator(".skip").is_hidden()
        assert visit.page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("report", [binary(), large(facets=2, groups=12, metrics=8)], ids=["crossed", "twelve groups"])
def test_paper_is_never_too_narrow(browser: Browser, tmp_path: Path, report: Report) -> None:
    """Where one table is wider than the sheet, the browser shrinks all of the text."""
    with visiting(browser, saved(tmp_path, report, binary()), width=687) as visit:
        visit.page.emulate_media(media="print")
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 687


def test_the_report_can_be_taken_out_of_the_page(browser: Browser, tmp_path: Path) -> None:
    with visiting(browser, saved(tmp_path, binary())) as visit:
        text = visit.page.evaluate("document.getElementById('report').textContent")
        assert Report.model_validate(json.loads(text)) == binary()
