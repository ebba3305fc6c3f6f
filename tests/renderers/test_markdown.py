"""The Markdown text, read back by a Markdown parser: names of the data never become markup."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from evenhand.core.visible import visible
from evenhand.renderers import markdown
from tests.renderers.extremes import HOSTILE, REPORTS, hostile, large
from tests.renderers.reports import binary, tiny

OURS = {"<details><summary>All measures</summary>\n", "</details>\n"}


def tokens(text: str) -> list[tuple[str, str]]:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    flat = [token for block in parser.parse(text) for token in (block, *(block.children or ()))]
    return [(token.type, token.content) for token in flat]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_becomes_markup(text: str) -> None:
    harmless = [kind for kind, _ in tokens(markdown.render(hostile("harmless")))]
    found = tokens(markdown.render(hostile(text)))
    # A reference to a character is a token of its own, inside the text.
    kept = [kind for kind, _ in found if kind not in ("text", "text_special")]
    assert kept == [kind for kind in harmless if kind not in ("text", "text_special")]
    assert {content for kind, content in found if kind == "html_block"} <= OURS
    assert not {"link_open", "image", "html_inline", "code_inline"} & set(kept)


@given(st.text(max_size=40))
def test_any_text_reads_back_as_itself(text: str) -> None:
    shown = markdown.plain(text)
    blocks = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(shown)
    words = "".join(child.content for block in blocks for child in block.children or ())
    assert words == visible(text).strip()
    assert {child.type for block in blocks for child in block.children or ()} <= {"text", "text_special"}
    assert [block.type for block in blocks] in ([], ["paragraph_open", "inline", "paragraph_close"])


@pytest.mark.parametrize("text", ["https://example.org", "www.example.org", "me@example.org", "a|b"])
def test_nothing_that_github_links_or_splits_is_left(text: str) -> None:
    assert not re.search(r"://|www\.|@|\|", markdown.plain(text))


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_every_row_of_a_table_has_as_many_cells_as_its_head(name: str) -> None:
    widths: list[int] = []
    for line in markdown.render(REPORTS[name]()).splitlines():
        if not line.startswith("|"):
            widths = []
            continue
        widths.append(line.count("|"))
        assert len(set(widths)) == 1


def test_the_order_is_that_of_the_page() -> None:
    headings = re.findall("^## (.*)$", markdown.render(binary(), against=tiny()), re.MULTILINE)
    assert headings == [
        "▲ At least one difference between groups is past its threshold.",
        "What changed",
        "What stands out",
        "Where the data cannot tell",
        "Facet: sex",
        "Facet: race",
        "Crossing: race × sex",
        "What the measures mean",
        "What is missing, and what to know",
        "What was asked",
        "Where the numbers come from",
    ]


def test_values_stand_with_their_verdicts() -> None:
    text = markdown.render(binary())
    assert "| DPPL | 0.195 ▲ | −0.195 ▲ |" in text
    assert "**24** ▲ past threshold" in text


def test_long_tables_are_cut_and_say_so() -> None:
    text = markdown.render(large(facets=1, groups=60, metrics=1))
    assert "And 20 more." in text
