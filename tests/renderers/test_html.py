"""The page as text: its size, its policy, its report, its words. What a browser makes of it is in test_browser."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from evenhand.core.errors import UnreadableSource
from evenhand.core.report import Report
from evenhand.core.visible import visible
from evenhand.renderers import embedded, html
from tests.renderers.extremes import HOSTILE, REPORTS, hostile, large
from tests.renderers.reports import GROUPS, NOTES, binary, finding, multiclass, regression, tiny

SIZE = 300_000


class Elements(HTMLParser):
    """The start tags of a page with their attributes, and its text outside of style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._silent = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._silent = tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._silent = self._silent and tag not in ("style", "script")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.text += data


def inlined(page: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    assert found is not None
    return found[1]


def policy(page: str) -> dict[str, str]:
    metas = [attributes for tag, attributes in Elements(page).tags if tag == "meta"]
    text = next(meta["content"] for meta in metas if meta.get("http-equiv") == "Content-Security-Policy")
    assert text is not None
    return {part.split()[0]: " ".join(part.split()[1:]) for part in text.split(";")}


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_the_page_holds_an_equal_report(name: str) -> None:
    report = REPORTS[name]()
    assert embedded.report_in(html.render(report)) == report


@pytest.mark.parametrize("text", HOSTILE)
def test_the_report_in_the_page_survives_every_name(text: str) -> None:
    report = hostile(text)
    assert embedded.report_in(html.render(report)) == report
    assert not set(embedded.plain(report)) & set("<>&\u2028\u2029")


def test_the_report_in_a_small_page_is_json_that_any_tool_reads() -> None:
    block = re.search('<script type="application/json" id="report">(.*?)</script>', html.render(binary()), re.DOTALL)
    assert block is not None
    assert json.loads(block[1])["title"] == binary().title
    assert Report.from_json(block[1]) == binary()


def test_a_packed_report_reads_back() -> None:
    page = f'<script type="application/json" id="report">{embedded.packed(binary())}</script>'
    assert embedded.report_in(page) == binary()
    assert len(embedded.packed(binary())) < len(embedded.plain(binary())) / 2


def test_a_page_without_a_report_says_so() -> None:
    with pytest.raises(UnreadableSource, match=r"^This page holds no report of evenhand\.$"):
        embedded.report_in("<html></html>")


@pytest.mark.parametrize("body", ['{"encoding": "zlib+base64"}', '{"encoding": 1, "report": "!!"}', '{"encoding" oh'])
def test_a_damaged_packed_report_says_so(body: str) -> None:
    with pytest.raises(UnreadableSource, match=r"^The report in this page is damaged and cannot be unpacked\.$"):
        embedded.report_in(f'<script type="application/json" id="report">{body}</script>')


@pytest.mark.parametrize("make", [binary, multiclass, regression, tiny])
def test_a_page_is_small(make: Callable[[], Report]) -> None:
    assert len(html.render(make()).encode()) < SIZE


def test_a_table_of_thirty_columns_makes_a_page_below_the_limit() -> None:
    """Four facets of five groups and all 45 measures: what an audit of such a table asks."""
    assert len(html.render(large(facets=4, groups=5, metrics=45)).encode()) < SIZE


def test_a_very_large_report_shows_every_value_and_verdict_in_few_bytes() -> None:
    """30 facets of 5 groups with 45 measures: 6,750 findings, whose digits alone pass the limit."""
    report = large(facets=30, groups=5, metrics=45)
    page = html.render(report)
    assert embedded.report_in(page) == report
    around = len(page.encode()) - len(embedded.packed(report))
    assert around < 120 * len(report.findings)
    cells = re.findall(r'<td class="[pw]">[^<]', page)
    assert len(cells) == len(report.findings)


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_the_policy_allows_our_own_style_and_script_and_nothing_else(name: str) -> None:
    page = html.render(REPORTS[name]())
    rules = policy(page)
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        digest = base64.b64encode(hashlib.sha256(inlined(page, tag).encode()).digest()).decode()
        assert rules.pop(rule) == f"'sha256-{digest}'"
    assert rules == {"default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_becomes_an_element_or_an_attribute(text: str) -> None:
    harmless = [tag for tag, _ in Elements(html.render(hostile("harmless"))).tags]
    page = Elements(html.render(hostile(text)))
    assert [tag for tag, _ in page.tags] == harmless
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))
        assert "src" not in attributes


@pytest.mark.parametrize("text", HOSTILE)
def test_every_name_is_shown_as_it_is(text: str) -> None:
    page = Elements(html.render(hostile(text)))
    # Title, heading, label, score, facet, group, notes, source, model and more.
    assert page.text.count(visible(text).replace("\n", "")) > 30


def test_verdicts_come_first_and_in_words() -> None:
    text = Elements(html.render(binary())).text
    order = [
        "At least one difference between groups is past its threshold.",
        "Women are selected less often than men",
        "What stands out",
        "Where the data cannot tell",
        "At a glance",
        "Right and wrong decisions",
        "Where the facets cross",
        "What the measures mean",
        "What is missing, and what to know",
        "What was asked",
        "Where the numbers come from",
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("make", "headline"),
    [
        (multiclass, "Every difference that could be judged lies within its threshold."),
        (tiny, "Cannot tell: there is too little data to decide."),
        (regression, "Measured, not judged: no threshold was set."),
    ],
)
def test_each_verdict_has_its_headline(make: Callable[[], Report], headline: str) -> None:
    assert headline in Elements(html.render(make())).text


def test_what_has_no_value_says_why_and_what_is_infinite_says_so() -> None:
    text = Elements(html.render(tiny())).text
    assert "not defined: nobody of the group qualifies" in text
    assert "∞" in text


@pytest.mark.parametrize("name", ["binary", "multiclass", "regression", "tiny"])
def test_a_small_page_tells_every_reading(name: str) -> None:
    report = REPORTS[name]()
    text = Elements(html.render(report)).text
    assert all(found.reading in text for found in report.findings)


def test_what_stands_out_says_how_far_and_how_sure() -> None:
    text = re.sub(r"\s+", " ", Elements(html.render(binary())).text)
    assert "3.5 times what is acceptable · p = 0.002 after correction · 4,000 rows against 7,500" in text


def test_rates_stand_beside_their_intervals_and_rows() -> None:
    text = re.sub(r"\s+", " ", Elements(html.render(binary())).text)
    assert "Female16.8%15.6% to 17.9%4,000" in text


def test_classes_beyond_the_palette_are_counted_together() -> None:
    report = multiclass()
    many = {f"class {number}": float(100 - number) for number in range(12)}
    profiles = tuple(profile.model_copy(update={"labels": many}) for profile in report.profiles)
    text = Elements(html.render(report.model_copy(update={"profiles": profiles}))).text
    assert "other classes" in text


def test_all_pairs_say_what_each_group_is_compared_with() -> None:
    report = tiny()
    findings = tuple(finding(NOTES[0], GROUPS[0], 0.05, against=name) for name in ("team=Blue", "team=Green"))
    text = Elements(html.render(report.model_copy(update={"findings": findings}))).text
    assert "against team=Blue" in text
    assert "against team=Green" in text


def test_an_earlier_report_is_compared_at_the_top() -> None:
    earlier = binary()
    findings = tuple(found.model_copy(update={"verdict": "within"}) for found in earlier.findings[:10])
    page = html.render(binary(), against=earlier.model_copy(update={"findings": findings, "title": "Last year"}))
    text = Elements(page).text
    assert text.index("What changed") < text.index("What stands out")
    assert "Compared with Last year" in text
    assert "46 findings appeared" in text


def test_without_an_earlier_report_nothing_is_said_of_changes() -> None:
    assert "What changed" not in html.render(binary())
