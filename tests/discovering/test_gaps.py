"""Gaps: the tests are the known ones, and dependent rows widen them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evenhand.core.interval import newcombe, wilson
from evenhand.core.items import Target
from evenhand.discovering.gaps import Gap, gap


def of_counts(hits: int, rows: int, other_hits: int, others: int) -> Gap:
    values = np.concatenate([np.arange(rows) < hits, np.arange(others) < other_hits]).astype(float)
    inside = np.arange(rows + others) < rows
    return gap(Target(values, np.ones(len(values), bool)), inside, ~inside)


@settings(deadline=None, max_examples=80)
@given(st.integers(2, 60), st.integers(2, 200), st.data())
def test_rates_are_compared_by_fishers_test(rows: int, others: int, data: st.DataObject) -> None:
    hits, other_hits = data.draw(st.integers(0, rows)), data.draw(st.integers(0, others))
    found = of_counts(hits, rows, other_hits, others)
    table = np.array([[hits, rows - hits], [other_hits, others - other_hits]])
    assert found.tail(1) == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue, abs=1e-9)
    assert found.tail(-1) == pytest.approx(stats.fisher_exact(table, alternative="less").pvalue, abs=1e-9)
    bounds = newcombe(wilson(hits, rows, 0.95), hits / rows, wilson(other_hits, others, 0.95), other_hits / others)
    assert found.bounds(stats.norm.ppf(0.975)) == pytest.approx(bounds, abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-100, 100), min_size=3, max_size=40), st.lists(st.floats(-100, 100), min_size=3, max_size=40))
def test_quantities_are_compared_by_welchs_test(first: list[float], second: list[float]) -> None:
    if np.var(first) < 1e-6 or np.var(second) < 1e-6:
        return
    values = np.array([*first, *second, 7.0])
    inside = np.arange(len(values)) < len(first)
    outside = ~inside & (np.arange(len(values)) < len(values) - 1)
    found = gap(Target(values, np.ones(len(values), bool)), inside, outside)
    known = stats.ttest_ind(first, second, equal_var=False)
    welch = replace(found, every=None)
    assert 2 * min(welch.tail(1), welch.tail(-1)) == pytest.approx(known.pvalue, abs=1e-9)
    for direction in (1, -1):
        assert welch.tail(direction) <= found.tail(direction) <= 1
    between = known.confidence_interval(0.95)
    assert found.bounds(stats.norm.ppf(0.975)) == pytest.approx((between.low, between.high), rel=1e-6, abs=1e-9)


def test_copies_of_rows_add_nothing_where_they_are_one_block() -> None:
    generator = np.random.default_rng(0)
    values = generator.random(400)
    inside = np.arange(400) < 100
    once = gap(Target(values, np.ones(400, bool)), inside, ~inside, np.arange(400))
    many = gap(
        Target(np.repeat(values, 9), np.ones(3_600, bool)), np.repeat(inside, 9), np.repeat(~inside, 9),
        np.repeat(np.arange(400), 9),
    )  # fmt: skip
    assert many.error == pytest.approx(once.error, rel=1e-9)
    assert many.tail(1) == pytest.approx(once.tail(1), rel=1e-9)
    apart = gap(Target(np.repeat(values, 9), np.ones(3_600, bool)), np.repeat(inside, 9), np.repeat(~inside, 9))
    assert apart.error == pytest.approx(once.error / 3, rel=0.02)


def test_a_single_row_says_nothing() -> None:
    found = gap(Target(np.array([1.0, 0.0, 0.0]), np.ones(3, bool)), np.arange(3) < 1, np.arange(3) >= 1)
    assert not found.known
    assert found.tail(1) == 1.0
    assert found.bounds(2.0) == (-math.inf, math.inf)
