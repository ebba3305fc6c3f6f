"""Thresholdout: answers from public rows, looks where they disagree, and a budget of looks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.core.errors import SpecError
from tests.certificates.drawing import of, of_labels, spending

LARGE = of_labels(20_000, 8000, 1000)


def test_public_rows_are_needed() -> None:
    for seen in (None, np.array([])):
        with pytest.raises(SpecError, match="compares with public rows, and there are none; give a public sample"):
            of("thresholdout").rule(LARGE, spending(), seen=seen)


def test_where_both_agree_the_answer_takes_no_look() -> None:
    ruling = of("thresholdout").rule(LARGE, spending(), seen=LARGE)
    assert ruling.accepted
    assert not ruling.looked


def test_what_was_fitted_to_the_public_rows_takes_a_look_and_is_refused() -> None:
    ruling = of("thresholdout").rule(of_labels(20_000, 4000, 4000), spending(), seen=np.ones(5000))
    assert not ruling.accepted
    assert ruling.looked


def test_when_no_look_is_left_nothing_is_accepted() -> None:
    accepted = [of("thresholdout").rule(LARGE, spending(looks=looks), seen=LARGE).accepted for looks in (0, 19, 20)]
    assert accepted == [True, True, False]


@given(st.integers(1, 1000), st.integers(0, 19), st.integers(0, 5))
def test_the_same_question_at_the_same_place_meets_the_same_chance(number: int, looks: int, seed: int) -> None:
    # Differences so close to the threshold that noise alone decides whether to look.
    checker, spent = of("thresholdout", seed=seed), spending(number=number, looks=looks)
    near = np.full(5000, 0.078)
    rulings = [checker.rule(near, spent, seen=np.zeros(5000)) for _ in range(2)]
    assert rulings[0] == rulings[1]


def test_other_numbers_and_seeds_meet_other_chance() -> None:
    def looks(seed: int, looks: int) -> list[bool]:
        checker = of("thresholdout", seed=seed)
        radius = float(of("thresholdout")._chance(spending(), 5000))  # type: ignore[attr-defined]
        near = np.full(5000, radius)
        return [checker.rule(near, spending(number=n, looks=looks), seen=np.zeros(5000)).looked for n in range(1, 60)]

    first = looks(0, 0)
    assert 5 < sum(first) < 55
    assert first != looks(1, 0)
    assert first != looks(0, 1)
