"""What people do on pages: by mouse or keyboard, with and without script."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page

from tests.renderers.chromium import chromium
from tests.server.pages.looking import LIGHT, PAGES, PLAIN, Look, looking
from tests.server.pages.months import a_month
from tests.server.pages.serving import Served, serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(a_month()) as running:
        yield running


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent"))


def tabbed_to(page: Page, text: str, most: int = 60) -> None:
    """Press Tab until what has the focus begins with this."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if focused(page).strip().startswith(text):
            return
    pytest.fail(f"Tab does not reach {text!r}")


@pytest.mark.parametrize("look", [LIGHT, PLAIN], ids=["script", "no script"])
def test_an_alert_is_acknowledged_by_keyboard(browser: Browser, served: Served, look: Look) -> None:
    with looking(browser, served, "/alerts", look) as visit:
        tabbed_to(visit.page, "Acknowledge")
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_url("**/alerts#alert-4")
        assert visit.page.locator("#alert-4").inner_text().count("acknowledged") == 1
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate("document.activeElement.closest('article').id") == "alert-4", (
            "one goes on from there"
        )
    assert served.memory.alerts()[0].state == "acknowledged"
    assert served.memory.log()[0][1:] == ("ann", "alert acknowledged", "4")


@pytest.mark.parametrize("look", [LIGHT, PLAIN], ids=["script", "no script"])
def test_an_alert_is_snoozed(browser: Browser, served: Served, look: Look) -> None:
    with looking(browser, served, "/alerts", look) as visit:
        first = visit.page.locator("article").first
        first.get_by_label("Quiet for").select_option("1w")
        first.get_by_role("button", name="Snooze").click()
        visit.page.wait_for_url("**/alerts#alert-4")
        assert "snoozed until" in visit.page.locator("#alert-4").inner_text()
    found = served.memory.alerts()[0]
    assert found.state == "snoozed" and found.snoozed_until is not None


def test_who_may_only_read_sees_no_buttons(browser: Browser, served: Served) -> None:
    with looking(browser, served, "/alerts", Look(scopes=("read",))) as visit:
        assert visit.page.locator("main button").count() == 0
        assert visit.page.locator("nav a").all_inner_texts() == ["Overview", "Reports", "Bounties", "Alerts", "Jobs"]


def test_the_keyboard_goes_from_a_drift_to_its_window(browser: Browser, served: Served) -> None:
    with looking(browser, served, PAGES["monitor"]) as visit:
        page = visit.page
        page.keyboard.press("Tab")
        assert focused(page) == "Skip to the content"
        page.keyboard.press("Enter")
        tabbed_to(page, "14 Nov 2026: ")
        assert page.evaluate("getComputedStyle(document.activeElement.querySelector('.tm')).strokeWidth") == "5px"
        page.keyboard.press("Enter")
        page.wait_for_url("**/window?**")
        assert page.locator("h1").inner_text() == "14 Nov 2026"


def test_lines_are_chosen_without_script(browser: Browser, served: Served) -> None:
    with looking(browser, served, PAGES["monitor"], PLAIN) as visit:
        page = visit.page
        assert page.locator(".panels figure").count() == 6
        page.get_by_label("Kind").select_option("data")
        page.get_by_role("button", name="Show").click()
        assert page.locator("figure h3").all_inner_texts() == ["income", "age", "hours"]
        page.get_by_label("About").select_option(label="age")
        page.get_by_role("combobox", name="Windows").select_option("14")
        page.get_by_role("button", name="Show").click()
        assert page.locator("figure h3").all_inner_texts() == ["age"]
        page.locator("figure summary").click()
        assert page.locator(".panels figure tbody tr").count() == 7
        page.get_by_role("link", name="All 14 windows of this line").click()
        assert page.locator(".panels figure tbody tr").count() == 14
        assert page.locator("figure h3").all_inner_texts() == ["age"]
        page.get_by_role("link", name="earlier windows").click()
        assert page.locator(".panels figure tbody tr").first.inner_text().startswith("6 Nov 2026")
        page.get_by_role("link", name="later windows").click()
        assert page.locator(".panels figure tbody tr").first.inner_text().startswith("20 Nov 2026")


def test_progress_appears_by_itself_and_keeps_the_focus(browser: Browser, served: Served) -> None:
    with looking(browser, served, "/jobs") as visit:
        page = visit.page
        page.locator("#cancel-3").focus()
        # What is announced is the same element before and after, and speaks only when its words change.
        page.evaluate("document.querySelector('[role=status]').mine = true")
        served.memory.work[2] = replace(served.memory.work[2], progress=0.7, stage="nearly there")
        page.get_by_text("nearly there").wait_for(timeout=10_000)
        assert page.locator("progress").get_attribute("value") == "70"
        assert page.evaluate("document.activeElement.id") == "cancel-3"
        served.memory.work[2:] = [replace(job, state="done") for job in served.memory.work[2:]]
        page.get_by_text("Nothing is left to do.").wait_for(timeout=10_000)
        assert page.evaluate("document.querySelector('[role=status]').mine") is True
        seen = len(visit.requests)
        page.wait_for_timeout(5_000)
        assert len(visit.requests) == seen, "nothing goes on any more, and yet the page asks"
        assert (visit.messages, visit.stopped) == ([], [])


@pytest.mark.parametrize("look", [LIGHT, PLAIN], ids=["script", "no script"])
def test_a_job_is_cancelled(browser: Browser, served: Served, look: Look) -> None:
    with looking(browser, served, "/jobs", look) as visit:
        visit.page.get_by_role("button", name="Cancel job 4").click()
        visit.page.locator("#cancel-4").wait_for(state="detached")
        assert "cancelled" in visit.page.locator("#job-4").inner_text()
    assert served.memory.log()[0][1:] == ("ann", "cancelled job", "4")


def test_a_failed_job_says_why_and_what_is_left(browser: Browser, served: Served) -> None:
    with looking(browser, served, "/jobs") as visit:
        told = visit.page.locator("#job-2").inner_text()
        assert "The model does not answer: 503." in told and "The last good state stays: 10 Nov 2026" in told
        visit.page.locator("#job-2 a").click()
        assert visit.page.locator("h1").inner_text() == "10 Nov 2026"


@pytest.mark.parametrize("look", [LIGHT, PLAIN], ids=["script", "no script"])
def test_a_key_is_made_and_shown_once(browser: Browser, served: Served, look: Look) -> None:
    with looking(browser, served, "/settings", look) as visit:
        page = visit.page
        page.get_by_label("Name").fill("nightly <b>loader</b>")
        page.get_by_label("read", exact=True).uncheck()
        page.get_by_label("submit").check()
        page.get_by_role("button", name="Make the key").click()
        text = page.get_by_label("The new key").input_value()
        key = served.memory.key_of(text)
        assert key is not None and (key.name, key.scopes) == ("nightly <b>loader</b>", ("submit",))
        page.goto(served.address + "/settings")
        assert text not in page.content() and key.prefix in page.content()
        page.get_by_role("button", name="Revoke key nightly <b>loader</b>").click()
        page.get_by_text("revoked", exact=True).wait_for()
        assert served.memory.key_of(text) is None
        page.goto(served.address + "/log")
        assert text not in page.content()


@pytest.mark.parametrize("look", [LIGHT, PLAIN], ids=["script", "no script"])
def test_records_are_kept_as_long_as_told(browser: Browser, served: Served, look: Look) -> None:
    with looking(browser, served, "/settings", look) as visit:
        visit.page.locator("#keep-2").fill("26w")
        visit.page.get_by_role("button", name="Save for loans").click()
        assert visit.page.locator("#keep-2").input_value() == "182d"
    kept = served.memory.monitor("loans").keep
    assert kept is not None and kept.days == 182


@pytest.mark.parametrize("look", [Look(scopes=()), Look(scopes=(), script=False)], ids=["script", "no script"])
def test_signing_in_leads_where_one_wanted_to_go(browser: Browser, served: Served, look: Look) -> None:
    _, text = served.memory.add_key("bea", ("read",), None)
    with looking(browser, served, "/monitors/loans?kind=data", look) as visit:
        page = visit.page
        assert page.locator("h1").inner_text() == "Sign in"
        page.get_by_label("API key").fill("wrong")
        page.keyboard.press("Enter")
        page.get_by_role("alert").wait_for()
        page.get_by_label("API key").fill(text)
        page.keyboard.press("Enter")
        page.wait_for_url("**/monitors/loans?kind=data")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/sign-in")
        page.goto(served.address + "/")
        assert page.locator("h1").inner_text() == "Sign in"


def test_a_report_is_a_page_of_its_own_under_its_own_policy(browser: Browser, served: Served) -> None:
    with looking(browser, served, PAGES["window"]) as visit:
        visit.page.get_by_role("link", name="The full report of this window").click()
        visit.page.wait_for_function("!document.querySelector('.explore').hidden")
        assert (visit.messages, visit.stopped, visit.dialogs) == ([], [], [])
        visit.page.evaluate(
            "document.body.append(Object.assign(document.createElement('script'), {text: 'window.x=1'}))"
        )
        assert visit.page.evaluate("[window.x === undefined, stopped]") == [
            True,
            ["inline"] * 2,
        ]  # by the header and by the page


@pytest.mark.parametrize("look", [LIGHT, PLAIN], ids=["script", "no script"])
def test_two_versions_are_compared(browser: Browser, served: Served, look: Look) -> None:
    with looking(browser, served, "/reports/2/history", look) as visit:
        visit.page.get_by_role("button", name="Compare the two chosen").click()
        assert visit.page.url.endswith("/reports/compare?later=2&earlier=1")
        assert visit.page.locator("#answer-title").inner_text().endswith("Nothing changed that matters.")
        assert "on the same data" in visit.page.locator("#changes").inner_text()
        visit.page.get_by_role("link", name="the later with what changed").click()
        assert visit.page.locator("h2", has_text="What changed").count() == 1
