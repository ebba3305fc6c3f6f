"""The page: what stands on it, what must not, and how it looks in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser

from evenhand.clarify.analysis import Analysis
from evenhand.clarify.pages.numbers import without_secrets
from evenhand.clarify.pages.page import page
from evenhand.clarify.pages.signs import reading, sign
from tests.clarify.pages import analyses
from tests.renderers.chromium import chromium, visiting
from tests.renderers.extremes import HOSTILE
from tests.renderers.test_browser import OPEN_ALL, PALE, SPILLED

MOST_BYTES = 200_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def saved(folder: Path, analysis: Analysis, title: str = "A title") -> Path:
    file = folder / "report.html"
    file.write_text(page(analysis, title=title), "utf-8")
    return file


def words(analysis: Analysis) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page(analysis, title="A title").split("</style>")[1]))


def test_the_disadvantaged_group_of_each_facet_stands_before_every_number() -> None:
    said = words(analyses.everyday())
    assert said.index("disadvantaged group d") < said.index("Bias metrics")
    for facet, value in (("Sex", "0"), ("Age", "(40, 90]"), ("Race", "White")):
        assert re.search(f"{facet} .{{0,60}}{re.escape(value)}", said[: said.index("On this page")])


def test_both_arithmetics_and_the_reason_are_shown() -> None:
    said = words(analyses.everyday())
    assert "The numbers are of the correct arithmetic." in said
    assert "0.298" in said and "−0.324" in said and "distances without scaling" in said


def test_errors_infinities_dropped_rows_and_notes_are_said() -> None:
    said = words(analyses.everyday())
    assert "Group variable is empty or not provided" in said
    assert "−∞" in said
    assert "17 rows were dropped" in said
    assert "583 missing values" in said
    assert "PDP can only be computed for numerical or categorical columns" in said
    assert "Facet group has no rows" in said


def test_ten_bars_for_each_label_and_the_rest_folded() -> None:
    shap = page(analyses.wide(), title="A title").split('id="shap"')[1].split("</section>")[0]
    first = shap.split("<h3>")[1]
    assert first.split("<details>")[0].count('scope="row"') == 10
    assert first.split("<details>")[1].count('scope="row"') == 50


def test_intervals_and_readings_of_the_report_are_used() -> None:
    analysis = analyses.reported()
    assert analysis.bias is not None and analysis.bias.report is not None
    facet = analysis.bias.report.findings[0].facet
    found = next(item for item in analysis.bias.report.findings if item.facet == facet and item.interval is not None)
    assert found.reading in words(analysis)


@pytest.mark.parametrize("name", sorted(analyses.ALL))
def test_a_usual_page_is_small_and_loads_nothing(name: str) -> None:
    text = page(analyses.ALL[name](), title="A title")
    assert len(text.encode()) < MOST_BYTES
    assert "<script" not in text and " style=" not in text
    assert not re.search(r"""(src|href)=["'](?!#|data:,)""", text)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_the_data_becomes_markup(text: str) -> None:
    """The page of a hostile text has the elements of the page of a harmless one, and no others."""
    tag = re.compile(r"<(/?[a-z][a-z0-9]*)(?=[\s>/])")
    hostile = page(analyses.hostile(text), title=text).split("</style>")[1]
    harmless = page(analyses.hostile("n"), title="n").split("</style>")[1]
    assert set(tag.findall(hostile)) == set(tag.findall(harmless))
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\x00]", hostile)
    assert "<img" not in hostile


SECRET = st.text("abcdefghijklmnop0123456789%~", min_size=12, max_size=20)


@given(SECRET, st.sampled_from(["https", "s3", "postgresql", "HTTP"]))
@settings(max_examples=50, deadline=None)
def test_secrets_in_addresses_are_not_shown(secret: str, scheme: str) -> None:
    address = f"{scheme}://user:{secret}@example.org/path?token={secret}#{secret}"
    shown = without_secrets(
        {"predictor": {"model_name": address, "custom_attributes": secret}, "x": [f"see {address}."]}
    )
    assert secret not in str(shown)
    assert "example.org/path" in str(shown)


def test_the_page_holds_no_secret() -> None:
    text = page(analyses.everyday(), title="A title")
    assert "models.example.org/invocations" in text
    assert not any(secret in text for secret in ("hunter2", "s3cr3t", "abcdef"))


def test_the_signs_that_point_the_other_way_say_so() -> None:
    assert "opposite" in sign("DCA", "correct") and "opposite" in sign("DCR", "compat")
    assert "less often" in reading("DPL", 0.1, "Sex = 0", "correct")
    assert "more often" in reading("DPL", -0.1, "Sex = 0", "correct")


def test_the_flip_test_reads_the_same_in_both_arithmetics() -> None:
    assert reading("FT", 0.3, "x", "correct") == reading("FT", -0.3, "x", "compat")


@pytest.mark.browser
@pytest.mark.parametrize("number", [0, 2, 3, 9, 12])
def test_hostile_names_run_nothing_and_fetch_nothing(browser: Browser, tmp_path: Path, number: int) -> None:
    file = saved(tmp_path, analyses.hostile(HOSTILE[number]), HOSTILE[number])
    with visiting(browser, file) as visit:
        visit.page.evaluate(OPEN_ALL)
        assert visit.requests == [file.as_uri()]
        assert (visit.dialogs, visit.messages, visit.stopped) == ([], [], [])
        assert visit.page.evaluate("[window.marked === undefined, document.scripts.length, document.images.length]") == [
            True, 0, 0,
        ]  # fmt: skip


@pytest.mark.browser
@pytest.mark.parametrize("name", sorted(analyses.ALL))
def test_the_page_can_be_followed_by_ear(browser: Browser, tmp_path: Path, name: str) -> None:
    with visiting(browser, saved(tmp_path, analyses.ALL[name]())) as visit:
        found = visit.page
        assert visit.messages == []
        assert found.locator("table:not(:has(> caption))").count() == 0
        assert found.locator("th:not([scope])").count() == 0
        charts = found.evaluate("[...document.querySelectorAll('svg')].map(svg => [svg.role, svg.ariaLabel])")
        assert all(role == "img" and label for role, label in charts)
        assert found.locator("svg.pic:not(:has(> title)), svg.pic:not(:has(> desc))").count() == 0
        identities = found.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
        assert len(identities) == len(set(identities))
        targets = set(found.evaluate("[...document.links].map(link => link.getAttribute('href'))"))
        assert targets and all(found.locator(target).count() == 1 for target in targets)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out(browser: Browser, tmp_path: Path, scheme: Literal["light", "dark"]) -> None:
    with visiting(browser, saved(tmp_path, analyses.everyday()), scheme=scheme) as visit:
        visit.page.evaluate(OPEN_ALL)
        # Titles and descriptions of pictures are heard, not seen.
        assert [pale for pale in visit.page.evaluate(PALE) if "<title>" not in pale and "<desc>" not in pale] == []


@pytest.mark.browser
@pytest.mark.parametrize("text", ["plain", "n" * 300])
def test_a_phone_never_scrolls_sideways(browser: Browser, tmp_path: Path, text: str) -> None:
    analysis = analyses.everyday() if text == "plain" else analyses.hostile(text)
    with visiting(browser, saved(tmp_path, analysis, text), width=360) as visit:
        visit.page.evaluate(OPEN_ALL)
        assert visit.page.evaluate(SPILLED) == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.browser
def test_paper_is_never_too_narrow(browser: Browser, tmp_path: Path) -> None:
    with visiting(browser, saved(tmp_path, analyses.everyday()), width=687) as visit:
        visit.page.emulate_media(media="print")
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 687
