"""Constraints: their text, their violation against a count by hand, and what they refuse."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.core.confusion import Confusion
from evenhand.core.constraint import Constraint
from evenhand.core.errors import SpecError

NAMES = ("demographic-parity", "equal-opportunity", "equalized-odds", "predictive-equality")
FORMS = ("difference", "ratio", "least")
cells = st.lists(st.integers(0, 30), min_size=12, max_size=12).map(lambda each: np.array(each, float).reshape(3, 2, 2))


@given(st.sampled_from(NAMES), st.sampled_from(("", "-ratio")), st.integers(0, 100))
def test_the_text_is_read_back(name: str, form: str, bound: int) -> None:
    text = f"{name}{form}:{bound / 100:g}"
    assert str(Constraint.parse(text)) == text
    assert Constraint.parse(f" {text} ") == Constraint.parse(text)


@given(cells, st.sampled_from(NAMES))
def test_violations_are_those_of_all_pairs(counts: np.ndarray, name: str) -> None:
    confusion = Confusion(("a", "b", "c"), counts)
    apart, ratios = [0.0], [0.0]
    for rate in Constraint.parse(f"{name}:0.1").rates:
        known = [each for each in confusion.rate(rate).tolist() if not np.isnan(each)]
        apart += [abs(one - other) for one, other in itertools.product(known, known)]
        ratios += [1 - one / other for one, other in itertools.product(known, known) if other > 0]
    assert Constraint.parse(f"{name}:0.1").violation(confusion) == pytest.approx(max(apart))
    assert Constraint.parse(f"{name}-ratio:0.8").violation(confusion) == pytest.approx(max(ratios))


def test_a_rate_that_no_group_has_breaks_nothing() -> None:
    nobody = Confusion(("a", "b"), np.array([[[3.0, 1.0], [0, 0]], [[1.0, 3.0], [0, 0]]]))
    for text in ("equal-opportunity:0.1", "equal-opportunity-ratio:0.8", "equal-opportunity-least:0.8"):
        assert Constraint.parse(text).violation(nobody) == 0
    assert Constraint.parse("equalized-odds:0.1").violation(nobody) == 0.5


def test_draws_have_a_violation_each_and_least_speaks_of_the_lowest() -> None:
    confusion = Confusion(("a", "b"), np.array([[[20.0, 5.0], [10, 30]], [[30.0, 5.0], [20, 20]]]))
    assert Constraint.parse("equal-opportunity-least:0.6").violation(confusion) == pytest.approx(0.5)
    assert Constraint.parse("equal-opportunity-least:0.6").allowed == pytest.approx(0.4)
    drawn = Constraint.parse("equalized-odds:0.1").violation(confusion.drawn(50, seed=1))
    assert drawn.shape == (50,)
    assert drawn.mean() == pytest.approx(0.25, abs=0.1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("equalized odds", "is no constraint; write equalized-odds:0.05"),
        ("equalised-odds:0.1", "No constraint is called 'equalised-odds'. Did you mean 'equalized-odds'?"),
        ("equalized-odds:low", "The bound 'low' of equalized-odds is no number"),
        ("equalized-odds:2", "The bound of equalized-odds is 2; it must lie between 0 and 1"),
        ("equalized-odds:nan", "must lie between 0 and 1"),
        ("equalized-odds-least:0.5", "nobody wants more false positives"),
    ],
)
def test_texts_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        Constraint.parse(text)
    assert message in str(raised.value)
