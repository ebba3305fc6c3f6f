"""Dealing: the tail of a random deal, against all deals, a million of them, and the hypergeometric distribution."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evenhand.discovering.dealing import dealt_tail


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-20, 20), min_size=6, max_size=12), st.integers(2, 4), st.data())
def test_all_deals_of_a_few_values(values: list[int], rows: int, data: st.DataObject) -> None:
    sums = np.array([sum(some) for some in combinations(values, rows)])
    total = int(data.draw(st.sampled_from(sorted(set(sums.tolist())))))
    share = float((sums >= total).mean())
    found = dealt_tail(np.array(values, float), rows, float(total))
    # An approximation made for large groups; four values stray, and never by an order of magnitude.
    assert share / 5 <= found <= min(5 * share, 1.0) + 0.1


@pytest.mark.parametrize("power", [0.0, 1.0, 1.5])
@pytest.mark.parametrize("rows", [20, 200])
def test_skewed_values_in_both_tails(power: float, rows: int) -> None:
    generator = np.random.default_rng(0)
    values = generator.lognormal(0, power, 2_000) if power else generator.normal(size=2_000)
    draws = 60_000
    sums = np.array([generator.choice(values, rows, replace=False, shuffle=False).sum() for _ in range(draws)])
    for share in (0.001, 0.01, 0.1, 0.5):
        high, low = np.quantile(sums, 1 - share), np.quantile(sums, share)
        off = 5 * np.sqrt(share / draws) + 0.08 * share
        assert dealt_tail(values, rows, float(high)) == pytest.approx(share, abs=off)
        assert dealt_tail(-values, rows, float(-low)) == pytest.approx(share, abs=off)


@pytest.mark.parametrize(("rows", "hits", "every"), [(40, 5, 500), (40, 9, 500), (300, 30, 4_000), (300, 60, 4_000)])
def test_values_that_are_0_or_1_are_the_hypergeometric_distribution(rows: int, hits: int, every: int) -> None:
    values = (np.arange(every) < every // 10).astype(float)
    known = stats.hypergeom(every, every // 10, rows).sf(hits - 1)
    assert dealt_tail(values, rows, hits) == pytest.approx(known, rel=0.12)


def test_far_out_and_at_the_ends() -> None:
    values = np.random.default_rng(1).exponential(1, 5_000)
    ordered = np.sort(values)
    assert dealt_tail(values, 100, float(ordered[-100:].sum())) < 1e-100
    assert dealt_tail(values, 100, float(ordered[:100].sum())) == 1.0
    assert dealt_tail(values, 100, 1e9) == 0.0
    assert 1 / 120 <= dealt_tail(np.arange(10.0), 3, 24.0) < 0.02
    assert dealt_tail(np.ones(50), 5, 5.0) == 1.0
    assert dealt_tail(values, 5_000, float(values.sum())) == 1.0
    tails = [dealt_tail(values, 100, total) for total in np.linspace(60, 250, 80)]
    assert tails == sorted(tails, reverse=True)
    assert all(0 <= tail <= 1 for tail in tails)
