"""What one sees first: is anything wrong, since when, for whom, and what to do; and the first step where all is empty."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from playwright.sync_api import Browser

from evenhand.core.outcome import Outcome
from evenhand.server.pages.standing import drifting_since, last_drift, tally
from tests.renderers.chromium import chromium
from tests.renderers.test_browser import OPEN_ALL
from tests.server.pages.looking import DARK, PAGES, PHONE, Look, axe, looking
from tests.server.pages.memory import Memory
from tests.server.pages.months import DAYS, FIRST, a_month, monitor, outcome
from tests.server.pages.serving import Served, serving
from tests.server.pages.test_looks import heard

STEPS = {
    "/": ("evenhand monitor add loans.yaml", "put_report("),
    "/reports": ("put_report(",),
    "/alerts": ("No alert waits for an answer.",),
    "/jobs": ("evenhand monitor run loans --due",),
    "/settings": ("There is no key yet.", "env:EVENHAND_SLACK", "evenhand monitor add loans.yaml"),
    "/log": ("Nobody did anything yet.",),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def text(served: Served, path: str) -> str:
    session = served.sessions.begin("ann", "admin")
    answer = httpx.get(served.address + path, cookies={"session": session})
    assert answer.status_code == 200
    return " ".join(answer.text.replace("<bdi>", "").replace("</bdi>", "").split())


def test_the_overview_says_what_is_wrong_since_when_and_for_whom() -> None:
    with serving(a_month()) as served:
        page = text(served, "/")
    answer = page.split('<section class="answer p"')[1].split("</section>")[0]
    assert "1 monitor of 3 drifts." in answer
    assert "loans</a> since 14 Nov 2026" in answer and "sex=Female is selected 22.1% less often" in answer
    assert 'href="/alerts">Answer 1 open alert</a>' in answer
    assert page.index("loans</a></h3>") < page.index("hiring</a></h3>"), "what drifts comes first"


def test_a_quiet_overview_says_so() -> None:
    memory = a_month()
    memory.raised.clear()
    memory.found = {key: found for key, found in memory.found.items() if key[0] == "hiring"}
    with serving(memory) as served:
        assert "Nothing is wrong." in text(served, "/")


def test_a_monitor_says_since_when() -> None:
    with serving(a_month()) as served:
        assert "Drift since 14 Nov 2026.</h2>" in text(served, "/monitors/loans")
        assert "Drift since 15 Nov 2026 or earlier.</h2>" in text(served, "/monitors/loans?windows=5")
        hiring = text(served, "/monitors/hiring")
    assert "No drift is shown.</h2>" in hiring and "The last window that drifted is" in hiring
    assert "3 Nov 2026</a>" in hiring


def window(day: int, status: str) -> Outcome:
    return outcome(day).model_copy(update={"status": status})


@pytest.mark.parametrize(
    ("statuses", "began", "last"),
    [
        ([], None, None),
        (["fine"], None, None),
        (["drift", "fine"], None, 0),
        (["fine", "drift"], 1, 1),
        (["drift", "fine", "drift", "no data", "drift"], 2, 4),
        (["drift", "no data"], None, 0),
        (["drift", "drift"], 0, 1),
    ],
)
def test_a_drift_begins_where_its_windows_do(statuses: list[str], began: int | None, last: int | None) -> None:
    outcomes = [window(day, status) for day, status in enumerate(statuses)]
    assert drifting_since(outcomes) == (None if began is None else FIRST + timedelta(days=began))
    assert last_drift(outcomes) == (None if last is None else outcomes[last])


def test_comparisons_are_counted_the_serious_ones_first() -> None:
    found = tally(outcome(DAYS - 1))
    assert found == [("drift", 1), ("waiting for labels", 1), ("no drift shown", 4)]


@pytest.mark.browser
@pytest.mark.parametrize("look", [DARK, PHONE], ids=["dark", "phone"])
@pytest.mark.parametrize("path", sorted(STEPS))
def test_where_nothing_is_the_next_step_is_said(browser: Browser, path: str, look: Look) -> None:
    with serving(Memory()) as served, looking(browser, served, path, look) as visit:
        heard(visit.page)
        shown = " ".join(visit.page.inner_text("main").split())
        assert [step for step in STEPS[path] if step not in shown] == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") == look.width
        visit.page.evaluate(axe())
        found = visit.page.evaluate("axe.run().then(result => result.violations)")
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


@pytest.mark.browser
def test_a_monitor_is_a_readable_paper(browser: Browser) -> None:
    """Charts and tables stay, what one can only press goes, and all windows are there."""
    with serving(a_month()) as served, looking(browser, served, PAGES["monitor"]) as visit:
        page = visit.page
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 690, "height": 1000})  # what A4 leaves
        shown = "[...document.querySelectorAll('button,select,nav,.act')].filter(part => part.checkVisibility()).length"
        assert page.evaluate(shown) == 0
        assert page.evaluate("document.documentElement.scrollWidth") == 690
        assert page.locator(".panels svg.tl").evaluate_all("all => all.every(one => one.checkVisibility())")
        assert page.get_by_role("link", name="22 Oct 2026").is_visible()
        paper = page.pdf(prefer_css_page_size=True)
        assert paper.startswith(b"%PDF") and 2 <= paper.count(b"/Type /Page\n") <= 6


@pytest.mark.browser
@pytest.mark.parametrize("hours", [1, 24 * 7])
def test_windows_of_any_length_are_dated(browser: Browser, hours: int) -> None:
    memory, length = Memory(), timedelta(hours=hours)
    memory.put_monitor(monitor())
    for place in range(40):
        start = FIRST + place * length
        times = {"start": start.isoformat(), "end": (start + length).isoformat()}
        memory.put_outcome(outcome(place % DAYS).model_copy(update=times))
    with serving(memory) as served, looking(browser, served, PAGES["monitor"]) as visit:
        visit.page.evaluate(OPEN_ALL)
        dates = visit.page.locator(".panels figure").first.locator("svg text[text-anchor=end]").text_content()
        assert dates == ("23 Oct 15:00" if hours == 1 else "22 Jul 2027")
