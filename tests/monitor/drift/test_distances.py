"""Distances of histograms: laws, known numbers, and what sampling alone makes of them."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import kolmogorov
from scipy.stats import chi2, ncx2, norm

from evenhand.monitor.drift import distances
from evenhand.monitor.drift.distances import js_distance, ks_distance, pooled, psi, sankaran

pairs = st.integers(2, 12).flatmap(
    lambda size: st.tuples(*(st.lists(st.integers(0, 500), min_size=size, max_size=size),) * 2)
)
MEASURES = [js_distance, ks_distance, psi]


def arrays(pair: tuple[list[int], list[int]]) -> tuple[np.ndarray, np.ndarray]:
    assume(sum(pair[0]) and sum(pair[1]))
    return np.array(pair[0]), np.array(pair[1])


@pytest.mark.parametrize("measure", MEASURES)
@given(pair=pairs)
def test_distances_are_symmetric_not_negative_and_zero_for_equals(measure, pair) -> None:  # type: ignore[no-untyped-def]
    first, second = arrays(pair)
    assert measure(first, second) == pytest.approx(measure(second, first), abs=1e-12)
    assert measure(first, second) >= -1e-12
    assert measure(first, first) == pytest.approx(0, abs=1e-7)


@given(pair=pairs, times=st.integers(2, 50), seed=st.integers(0, 99))
def test_distances_know_neither_scale_nor_the_order_of_bins(pair, times, seed) -> None:  # type: ignore[no-untyped-def]
    first, second = arrays(pair)
    order = np.random.default_rng(seed).permutation(len(first))
    assert js_distance(first * times, second) == pytest.approx(js_distance(first, second), abs=1e-7)
    assert js_distance(first[order], second[order]) == pytest.approx(js_distance(first, second), abs=1e-7)
    assert psi(first[order], second[order]) == pytest.approx(psi(first, second), abs=1e-9)
    assert ks_distance(first * times, second) == pytest.approx(ks_distance(first, second), abs=1e-12)


@given(pair=pairs, third=st.data())
def test_the_jensen_shannon_distance_obeys_the_triangle(pair, third) -> None:  # type: ignore[no-untyped-def]
    first, second = arrays(pair)
    other = np.array(third.draw(st.lists(st.integers(0, 500), min_size=len(first), max_size=len(first))))
    assume(other.sum())
    assert js_distance(first, second) <= js_distance(first, other) + js_distance(other, second) + 1e-7


@given(pair=pairs)
def test_counting_rare_bins_as_one_loses_no_row_and_adds_no_distance(pair) -> None:  # type: ignore[no-untyped-def]
    first, second = arrays(pair)
    a, b = pooled(first, second)
    assert (a.sum(), b.sum()) == (first.sum(), second.sum())
    assert js_distance(a, b) <= js_distance(first, second) + 1e-7


def test_known_numbers() -> None:
    assert js_distance(np.array([5, 0]), np.array([0, 9])) == 1.0
    # ((1 - 0.75 log2 3 / 2) - ...) of (1, 0) and (1/2, 1/2): 0.5 log2(4/3) + 0.25 (log2(2/3) + 1) bits.
    bits = 0.5 * math.log2(4 / 3) + 0.25 * math.log2(2 / 3) + 0.25 * math.log2(2)
    assert js_distance(np.array([8, 0]), np.array([4, 4])) == pytest.approx(math.sqrt(bits))
    many = 10**9
    found = psi(np.array([5, 5]) * many, np.array([6, 4]) * many)
    assert found == pytest.approx(-0.1 * math.log(5 / 6) + 0.1 * math.log(5 / 4), rel=1e-6)
    assert ks_distance(np.array([4, 4, 2]), np.array([2, 1, 7])) == pytest.approx(0.5)


def test_the_base_is_two() -> None:
    scipy = pytest.importorskip("scipy.spatial.distance")
    first, second = np.array([10, 20, 70]), np.array([30, 30, 40])
    assert js_distance(first, second) == pytest.approx(scipy.jensenshannon(first, second, base=2))


@pytest.mark.parametrize("degrees", [1, 3, 11, 30])
@pytest.mark.parametrize("noncentrality", [0, 1, 20, 500])
def test_sankaran_is_the_noncentral_chi_square(degrees: int, noncentrality: float) -> None:
    law = ncx2(degrees, noncentrality) if noncentrality else chi2(degrees)
    for z in (-1.0, 0.0, 1.0, 2.0, 3.0, 4.0):
        error = sankaran(float(law.isf(norm.sf(z))), degrees, noncentrality) - z
        assert -0.3 < error < 0.06 if z >= 2 else abs(error) < 0.15  # rather too careful than too bold


def test_kolmogorovs_law() -> None:
    for at in (0.02, 0.05, 0.1):
        expected = kolmogorov(at * math.sqrt(1000 * 2000 / 3000))
        assert distances.ks_probability(at, 1000, 2000) == pytest.approx(expected, abs=0.03)


def test_expected_noise_is_what_sampling_makes() -> None:
    random = np.random.default_rng(4)
    shares = random.dirichlet(np.full(12, 5.0))
    draws = [(random.multinomial(2_000, shares), random.multinomial(5_000, shares)) for _ in range(400)]
    root = math.sqrt(np.mean([js_distance(*pair) ** 2 for pair in draws]))
    assert root == pytest.approx(distances.expected_js_distance(2_000, 5_000, 12), rel=0.05)


def test_the_baseline_lies_within_its_radius() -> None:
    random = np.random.default_rng(5)
    shares = random.dirichlet(np.full(12, 5.0))
    radius = distances.baseline_radius(3_000, 12, 0.05)
    exact = np.round(shares * 10**9).astype(np.int64)
    outside = np.mean([js_distance(random.multinomial(3_000, shares), exact) > radius for _ in range(2_000)])
    assert outside == pytest.approx(0.05, abs=0.02)
