"""Numbers as people read them, and text that hides nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.core.visible import visible
from evenhand.renderers import figures


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (0.0, "0%"),
        (1.0, "100%"),
        (0.123456, "12.3%"),
        (0.00456, "0.46%"),
        (0.00001, "< 0.01%"),
        (-0.00001, "> −0.01%"),
        (0.99991, "99.99%"),
        (-0.25, "−25.0%"),
        (None, "not defined"),
        (math.inf, "∞"),
    ],
)
def test_rates(rate: float | None, text: str) -> None:
    assert figures.percent(rate) == text


@pytest.mark.parametrize(
    ("rows", "text"),
    [(0, "0"), (7, "7"), (12345, "12,345"), (12.5, "12.5"), (12345.6, "12,346"), (-2, "−2"), (math.inf, "∞")],
)
def test_counts(rows: float, text: str) -> None:
    assert figures.count(rows) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.1234, "−0.123"),
        (0.00456, "0.0046"),
        (0.0000321, "3.2 × 10⁻⁵"),
        (12.345, "12.35"),
        (123.45, "123.5"),
        (12345.6, "12,346"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "not a number"),
        (None, "not defined"),
    ],
)
def test_values(number: float | None, text: str) -> None:
    assert figures.value(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_sign_of_a_value_is_never_lost(number: float) -> None:
    assert figures.value(number).startswith(figures.MINUS) == (number < 0)


@pytest.mark.parametrize(
    ("p_value", "text"), [(0.0004, "p < 0.001"), (0.0345, "p = 0.035"), (0.5, "p = 0.50"), (None, "")]
)
def test_probabilities(p_value: float | None, text: str) -> None:
    assert figures.probability(p_value) == text


@pytest.mark.parametrize(
    ("stamp", "text"),
    [
        ("2026-03-14T09:26:53+00:00", "14 March 2026, 09:26 UTC"),
        ("2026-03-14T09:26:53Z", "14 March 2026, 09:26 UTC"),
        ("long ago", "long ago"),
    ],
)
def test_moments(stamp: str, text: str) -> None:
    assert figures.moment(stamp) == text


def test_counted_nouns() -> None:
    assert [figures.several(number, "group") for number in (0, 1, 2000)] == ["0 groups", "1 group", "2,000 groups"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Straße 家族 عائلة é", "Straße 家族 عائلة é"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\u200bb\u00adc\ufeff", "a⟨U+200B⟩b⟨U+00AD⟩c⟨U+FEFF⟩"),
        ("nul\x00 line\n", "nul⟨U+0000⟩ line⟨U+000A⟩"),
        ("White\u00a0", "White⟨U+00A0⟩"),
        ("a\u2028b\u3164", "a⟨U+2028⟩b⟨U+3164⟩"),
        ("👩‍🔬", "👩‍🔬"),
        ("a\u200db", "a⟨U+200D⟩b"),
        ("\udc80", "⟨U+DC80⟩"),
    ],
)
def test_what_hides_is_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_shown_text_is_stable_and_can_always_be_encoded(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    shown.encode("utf-8")
