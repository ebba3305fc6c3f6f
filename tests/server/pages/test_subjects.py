"""What things are about, in words: names that runs keep become sentences, and everything else stays as it is."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.core.store import StoredAlert
from evenhand.server.pages.subjects import headline, measure, subject

AT = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "about", "whom", "said"),
    [
        (
            "bias", "DPPL | sex | sex=Female | the rest", "sex=Female against the rest",
            "Difference in positive predictions: sex=Female against the rest",
        ),
        (
            "bias", "DPPL | sex | sex=Female | the rest | class a", "sex=Female against the rest, class a",
            "Difference in positive predictions: sex=Female against the rest, class a",
        ),
        ("performance", "recall | sex | sex=Female | estimated", "sex=Female", "Recall: sex=Female, estimated"),
        ("data", "income", "income", "income"),
        ("bias", "a | b | c | d", "a | b | c | d", "a | b | c | d"),
    ],
)  # fmt: skip
def test_names_of_runs_become_words(kind: str, about: str, whom: str, said: str) -> None:
    assert subject(kind, about) == whom
    assert headline(StoredAlert(1, "loans", kind, about, "open", AT, AT, 1, "r")) == said


@given(st.sampled_from(["data", "attributions", "failure"]), st.text())
def test_what_is_not_of_a_group_stays(kind: str, about: str) -> None:
    assert subject(kind, about) == about
    assert measure(f"{about}?") == f"{about}?"
