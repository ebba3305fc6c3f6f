"""Counting: the errors of all questions sum to delta, and nothing underflows."""

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.certificates.counting import Counting, normal_quantile
from evenhand.core.certificate import Spent
from evenhand.core.errors import SpecError


def spent(accepted: int, budget: int) -> Spent:
    return Spent(accepted=accepted, budget=budget, accept_at_most=20, number=1)


@pytest.mark.parametrize("budget", [1, 2, 5, 10])
def test_a_kept_fold_meets_no_more_questions_than_are_counted(budget: int) -> None:
    # A question is known by the verdicts before it: every string of fewer than U verdicts is one that may be asked.
    asked = [bits for length in range(budget) for bits in product((0, 1), repeat=length)]
    for accepted in range(budget):
        there_are = sum(sum(bits) == accepted for bits in asked)
        counted = math.exp(Counting(delta=0.05).log_questions(spent(accepted, budget)))
        assert there_are == math.comb(budget, accepted + 1)
        assert there_are <= counted * (1 + 1e-9)
        assert accepted + 1 > max(budget // 2, 1) or counted <= there_are * (1 + 1e-9)


@given(st.integers(1, 10**9), st.floats(1e-6, 0.99), st.booleans())
def test_errors_of_all_questions_sum_to_delta(budget: int, delta: float, fresh: bool) -> None:
    counting = Counting(delta=delta, fresh_folds=fresh)
    each = [
        math.exp(counting.log_questions(spent(k, budget)) + counting.log_error(spent(k, budget))) for k in range(100)
    ]
    assert sum(each) == pytest.approx(delta * 100 / 101, rel=1e-9)


def test_nothing_underflows() -> None:
    log_error = Counting(delta=0.01).log_error(spent(1000, 10**9))
    assert math.exp(log_error) == 0
    assert log_error == pytest.approx(
        math.log(0.01) - math.log(1001 * 1002) - 1001 * math.log(1e9) + math.lgamma(1002), rel=1e-4
    )
    # The tail of a normal variable is about exp(-z^2/2)/(z sqrt(2 pi)).
    z = normal_quantile(log_error)
    assert -z * z / 2 - math.log(z * math.sqrt(2 * math.pi)) == pytest.approx(log_error, rel=1e-6)


def test_quantile_is_the_familiar_one() -> None:
    assert normal_quantile(math.log(0.025)) == pytest.approx(1.959964, abs=1e-6)


@pytest.mark.parametrize(("accepted", "budget"), [(-1, 10), (0, 0)])
def test_impossible_spending_is_refused(accepted: int, budget: int) -> None:
    with pytest.raises(SpecError, match=f"Nobody can have accepted {accepted} of {budget}; a budget is at least 1"):
        Counting(delta=0.05).log_error(spent(accepted, budget))
