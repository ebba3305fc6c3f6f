"""Intervals: laws that hold for any counts, and numbers of the papers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.core.interval import (
    Rate,
    corrected,
    detectable,
    difference,
    expanded,
    newcombe,
    ratio,
    ratio_score,
    tail_probability,
    wilson,
)

counts = st.integers(1, 10_000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))


@given(counts)
def test_wilson_holds_the_rate_and_stays_within_zero_and_one(count: tuple[int, int]) -> None:
    hits, trials = count
    low, high = wilson(hits, trials, 0.95)
    assert 0 <= low <= hits / trials <= high <= 1
    assert high > low


@given(counts)
def test_wilson_mirrors(count: tuple[int, int]) -> None:
    hits, trials = count
    low, high = wilson(hits, trials, 0.95)
    assert wilson(trials - hits, trials, 0.95) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_newcombe_as_published() -> None:
    # Newcombe (1998), table II: 56/70 - 48/80 by method 10 is 0.0524 to 0.3339.
    first, second = wilson(56, 70, 0.95), wilson(48, 80, 0.95)
    assert newcombe(first, 56 / 70, second, 48 / 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    # and 9/10 - 3/10 is 0.1705 to 0.8090.
    first, second = wilson(9, 10, 0.95), wilson(3, 10, 0.95)
    assert newcombe(first, 0.9, second, 0.3) == pytest.approx((0.1705, 0.8090), abs=5e-5)


def test_the_ratio_interval_as_published() -> None:
    # Koopman (1984), p. 515: 36/40 against 16/80 is 2.94 to 7.15.
    assert ratio_score(36, 40, 16, 80, 0.95) == pytest.approx((2.94, 7.15), abs=6e-3)


@given(counts, counts)
def test_swapping_the_sides_of_a_ratio_inverts_its_interval(first: tuple[int, int], second: tuple[int, int]) -> None:
    if first[0] == second[0] == 0:
        return
    low, high = ratio_score(*first, *second, 0.95)
    mirrored = ratio_score(*second, *first, 0.95)
    assert (1 / high if high else math.inf) == pytest.approx(mirrored[0], rel=1e-6, abs=1e-9)
    assert (1 / low if low else math.inf) == pytest.approx(mirrored[1], rel=1e-6)


@given(counts, counts)
def test_swapping_the_sides_of_a_gap_flips_it(first: tuple[int, int], second: tuple[int, int]) -> None:
    one, two = (Rate(np.asarray(hits), np.asarray(trials)) for hits, trials in (first, second))
    there, back = difference(one, two), difference(two, one)
    assert float(there.value) == -float(back.value)
    assert there.bounds is not None
    assert back.bounds is not None
    low, high = there.bounds(0.95)
    assert back.bounds(0.95) == pytest.approx((-high, -low), abs=1e-12)


@given(counts, counts)
def test_the_p_value_agrees_with_the_interval(first: tuple[int, int], second: tuple[int, int]) -> None:
    one, two = (Rate(np.asarray(hits), np.asarray(trials)) for hits, trials in (first, second))
    estimate = difference(one, two)
    assert estimate.bounds is not None
    low, high = estimate.bounds(0.95)
    p = tail_probability(float(estimate.value), (low, high), 0.95, 0.0, logarithmic=False)
    if min(abs(low), abs(high)) > 1e-9:
        assert (p < 0.05) == (not low <= 0 <= high)


def test_a_ratio_of_nothing_is_anything() -> None:
    assert ratio_score(0, 10, 0, 10, 0.95) == (0.0, math.inf)
    low, high = ratio_score(0, 10, 5, 10, 0.95)
    assert low == 0
    assert 0 < high < 1


def test_arrays_of_draws_give_arrays_of_values() -> None:
    draws = Rate(np.array([1.0, 2.0, 0.0]), np.array([10.0, 10.0, 0.0]))
    assert np.isnan(ratio(draws, draws).value[2])
    assert difference(draws, draws).value[:2].tolist() == [0.0, 0.0]


def test_corrections_of_the_papers() -> None:
    values = [0.01, 0.04, 0.03, 0.005]
    assert corrected(values, "holm") == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert corrected(values, "benjamini-hochberg") == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert corrected(values, "none") == values
    assert corrected([], "holm") == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_corrections_never_make_a_p_value_smaller_and_keep_the_order(values: list[float]) -> None:
    for method in ("holm", "benjamini-hochberg"):
        found = corrected(values, method)
        assert all(new >= old - 1e-12 for old, new in zip(values, found, strict=True))
        order = np.argsort(values, kind="stable")
        assert (np.diff(np.array(found)[order]) >= -1e-12).all()


def test_the_detectable_gap_is_the_gap_that_power_analysis_gives() -> None:
    # 2.8 standard errors: 80% power at the 5% level.
    assert detectable((-0.196, 0.196), 0.95, logarithmic=False) == pytest.approx(0.2802, abs=1e-3)
    assert detectable((0.0, math.inf), 0.95, logarithmic=True) is None


def test_few_units_widen_the_level_as_students_quantile_does() -> None:
    # t(0.975, 19) = 2.0930; widened by sqrt(20/19) it is 2.1474, which the normal distribution reaches at 0.96824.
    assert expanded(0.95, 20) == pytest.approx(0.96824, abs=1e-4)
    assert expanded(0.95, 10**7) == pytest.approx(0.95, abs=1e-6)
    assert expanded(0.95, 2) == 0.95
