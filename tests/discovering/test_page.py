"""The page of a discovery: whatever names and values the data hold, they stay text."""

import json
import re
from html.parser import HTMLParser

from hypothesis import example, given, settings
from hypothesis import strategies as st

import evenhand as eh
from evenhand.core.finding import Interval
from evenhand.core.subgroup import Discovery, Question, Subgroup
from evenhand.renderers.discovered import render_discovery

HOSTILE = (
    "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"><svg onload=alert(1)>", "<!--", "]]>",
    "javascript:alert(1)", "{{ 7*7 }}", "{% raw %}", "</title><b>", "\u2028</style>", "&lt;script&gt;", "\u202eevil",
)  # fmt: skip
texts = st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=12))


class Tags(HTMLParser):
    """Every element with the names of its attributes, in order; and all text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def discovery(name: str, value: str) -> Discovery:
    """A discovery in which every text comes from the data."""
    group = str(eh.Group.of(name, value))
    found = Subgroup(
        group=group, found_by="lattice", rows=10, share=0.1, value=0.4, elsewhere=0.2, gap=0.2,
        interval=Interval(low=0.1, high=0.3, level=0.95, method="Newcombe"), audited=0.4, audited_elsewhere=0.2,
        p_value=0.01, also=(group, value), reading=f"Where {group}, {name}.",
    )  # fmt: skip
    return Discovery(
        question=Question(outcome="column", column=name), rows=100, columns=(name, value), searched=5, depth=1,
        least_rows=5, honest="halves", value=0.3, subgroups=(found,), minimum_detectable=0.1,
        notes=(f"{name} {value}",), seed=0, seconds=0.1,
    )  # fmt: skip


PLAIN = Tags(render_discovery(discovery("a", "b"), title="t", command="c"))


@settings(deadline=None, max_examples=60)
@given(texts, texts)
@example("<i>", "</script><script>alert(1)</script>")
def test_no_text_becomes_an_element_or_an_attribute(name: str, value: str) -> None:
    found = discovery(name, value)
    page = render_discovery(found, title=value, command=f"evenhand audit --facet {value}")
    assert Tags(page).tags == PLAIN.tags
    data = re.search(r'<script type="application/json" id="discovered">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    assert "<" not in data[1]
    assert Discovery.model_validate(json.loads(data[1])) == found
