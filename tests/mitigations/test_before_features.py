"""Laws of quantile repair and of the removal of correlation."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from evenhand.mitigations.before.correlation import CorrelationRemover
from evenhand.mitigations.before.quantile_repair import Common, QuantileRepair, fit_repair
from evenhand.mitigations.facets import facet_texts

Array = np.ndarray[Any, Any]
VALUES = st.one_of(st.integers(-3, 3).map(float), st.floats(-100, 100, width=32), st.just(np.nan))
ROWS = st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), VALUES), min_size=1, max_size=60)
COMMON = st.sampled_from(["median", "barycentre"])


def columns(rows: list[tuple[str | None, float]]) -> tuple[Array, Array]:
    facet, values = zip(*rows, strict=True)
    return facet_texts(np.array(facet, object), len(rows)), np.array(values, float)[:, None]


def ties(values: Array) -> float:
    """The largest share of equal values."""
    return float(np.unique(values, return_counts=True)[1].max() / len(values))


def distance(one: Array, other: Array) -> float:
    """Kolmogorov and Smirnov's: how far apart the shares of values up to any point are."""
    points = np.union1d(one, other)
    up_to = [np.searchsorted(np.sort(each), points, side="right") / len(each) for each in (one, other)]
    return float(np.abs(up_to[0] - up_to[1]).max())


def known(values: Array, groups: Array) -> dict[str, Array]:
    """The values of each group that has some."""
    found = {str(name): values[groups == name, 0] for name in np.unique(groups)}
    return {name: here[~np.isnan(here)] for name, here in found.items() if not np.isnan(here).all()}


@settings(deadline=None)
@given(ROWS, COMMON)
def test_every_group_has_the_same_distribution(rows: list[Any], common: Common) -> None:
    groups, values = columns(rows)
    moved = fit_repair(values, groups, common=common).of(values, groups)
    before, after = known(values, groups), known(moved, groups)
    for one in after:
        for other in after:
            apart = distance(after[one], after[other])
            # A group's ties stay together: half of the largest on each side is how far apart they can keep it.
            assert apart <= (ties(before[one]) + ties(before[other])) / 2 + 1e-9


@settings(deadline=None)
@given(ROWS, COMMON, st.sampled_from([0.0, 0.4, 1.0]))
def test_ranks_inside_a_group_are_kept(rows: list[Any], common: Common, amount: float) -> None:
    groups, values = columns(rows)
    moved = QuantileRepair(amount=amount, common=common).fit_transform(values, facet=groups)
    for name in np.unique(groups):
        before, after = values[groups == name, 0], moved[groups == name, 0]
        order = np.argsort(before)
        order = order[~np.isnan(before[order])]
        assert (np.diff(after[order]) >= -1e-9).all()
        for value in np.unique(before[~np.isnan(before)]):
            assert len(set(after[before == value])) == 1, "equal stays equal"
    assert np.array_equal(np.isnan(moved), np.isnan(values))
    if not amount:
        assert np.array_equal(moved, values, equal_nan=True)


@settings(deadline=None)
@given(ROWS, COMMON)
def test_one_group_stays_as_it_is(rows: list[Any], common: Common) -> None:
    _, values = columns(rows)
    for facet in (None, ["one"] * len(rows)):
        assert QuantileRepair(common=common).fit_transform(values, facet=facet) == pytest.approx(values, nan_ok=True)


@settings(deadline=None)
@given(ROWS, st.lists(st.integers(0, 3), min_size=60, max_size=60), COMMON)
def test_weights_count_like_repeated_rows(rows: list[Any], weight: list[int], common: Common) -> None:
    groups, values = columns(rows)
    mass = np.array(weight[: len(rows)])
    assume(mass.sum() > 0)
    places = np.repeat(np.arange(len(rows)), mass)
    once = fit_repair(values, groups, weight=mass, common=common).of(values[places], groups[places])
    repeated = fit_repair(values[places], groups[places], common=common).of(values[places], groups[places])
    assert once == pytest.approx(repeated, nan_ok=True, abs=1e-9)


def test_repair_by_hand() -> None:
    values = np.array([[1.0], [2.0], [3.0], [11.0], [12.0], [13.0], [21.0], [22.0], [99.0]])
    groups = np.array(list("aaabbbccc"))
    moved = fit_repair(values, groups).of(values, groups)[:, 0]
    assert moved.tolist() == [11, 12, 13] * 3, "the median of three quantiles is that of the middle group"
    mean = fit_repair(values, groups, common="barycentre").of(values, groups)[:, 0]
    assert mean == pytest.approx([11, 12, 115 / 3] * 3)


@pytest.mark.parametrize("common", ["median", "barycentre"])
def test_many_values_are_thinned_and_new_ones_follow(common: Common) -> None:
    random = np.random.default_rng(0)
    facet = random.choice(["a", "b", "c"], 60_000, p=[0.6, 0.3, 0.1])
    shift, scale = {"a": 0.0, "b": 3.0, "c": -2.0}, {"a": 1.0, "b": 2.0, "c": 0.5}
    values = np.array(
        [shift[name] + scale[name] * z for name, z in zip(facet, random.normal(size=60_000), strict=True)]
    )
    repair = QuantileRepair(common=common).fit(values[:30_000, None], facet=facet[:30_000])
    moved = repair.transform(values[30_000:, None], facet=facet[30_000:])[:, 0]
    parts = [moved[facet[30_000:] == name] for name in "abc"]
    for part in parts[1:]:
        found = ks_2samp(parts[0], part)
        assert found.pvalue > 1e-3
        assert found.statistic < 0.03


def test_values_beyond_those_seen_move_as_far_as_the_last() -> None:
    repair = QuantileRepair().fit([[0.0], [1.0], [10.0], [11.0]], facet=["a", "a", "b", "b"])
    moved = repair.transform([[-5.0], [5.0], [0.5]], facet=["a", "a", "a"])[:, 0]
    assert moved.tolist() == [0.0, 10.0, 5.5]


def test_a_group_not_seen_moves_as_everyone() -> None:
    random = np.random.default_rng(0)
    values, facet = random.normal(size=(300, 2)), random.choice(["a", "b"], 300)
    values[:, 1] += facet == "a"
    found = QuantileRepair().fit(values, facet=facet).transform(values, facet=["new"] * 300)
    assert (np.diff(found[np.argsort(values[:, 1]), 1]) >= -1e-9).all()
    assert np.abs(found - values).max() < 1.5


@pytest.mark.parametrize("repair", [QuantileRepair, CorrelationRemover])
def test_groups_of_one_row_and_a_thousand_groups(repair: Any) -> None:
    random = np.random.default_rng(0)
    rows = 5000
    codes = random.integers(0, 1000, rows)
    values = random.normal(size=(rows, 2)) + np.sin(codes)[:, None] * 5
    facet = codes.astype(object)
    facet[0], facet[1] = "alone", None
    moved = repair().fit_transform(values, facet=facet)
    assert np.isfinite(moved).all()
    names = [name for name in range(1000) if (facet == name).any()]
    spread = [np.var([each[facet == name, 0].mean() for name in names]) for each in (values, moved)]
    assert spread[1] < 0.05 * spread[0]


def test_a_column_without_values_in_a_group() -> None:
    values = np.array([[1.0, np.nan], [2.0, np.nan], [3.0, np.nan], [5.0, np.nan]])
    facet = ["a", "a", "b", "b"]
    for repair in (QuantileRepair(), CorrelationRemover()):
        found = repair.fit_transform(values, facet=facet)
        assert np.isnan(found[:, 1]).all()
        assert found[:2, 0].mean() == pytest.approx(found[2:, 0].mean())
    half = np.array([[np.nan], [np.nan], [3.0], [5.0]])
    assert np.array_equal(QuantileRepair().fit_transform(half, facet=facet), half, equal_nan=True)
    late = QuantileRepair().fit(half, facet=facet).transform([[4.0]], facet=["a"])
    assert late.tolist() == [[4.0]]


# Correlation


@st.composite
def tables(draw: st.DrawFn) -> tuple[Array, Array, Array]:
    """Features, two facets by value and one number, and weights."""
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    rows = draw(st.integers(8, 120))
    first = random.choice(["a", "b", "c"], rows).astype(object)
    second = np.array(["x", "y", None], object)[random.choice(3, rows, p=[0.5, 0.4, 0.1])]
    age = random.normal(40, 10, rows)
    scale, shift = draw(st.sampled_from([(1.0, 0.0), (1e6, 1e3), (1e-6, 0.0)]))
    values = random.normal(size=(rows, 3))
    values += (first == "a")[:, None] * [1, 2, 3] + (second == "x")[:, None] + age[:, None] * [0.1, 0, -0.2]
    weight = random.choice([0.5, 1.0, 4.0], rows) if draw(st.booleans()) else np.ones(rows)
    return values * scale + shift, np.column_stack([first, second, age.astype(object)]), weight


def correlations(values: Array, indicator: Array, weight: Array) -> Array:
    centred = values - np.average(values, axis=0, weights=weight)
    mark = indicator - np.average(indicator, weights=weight)
    spread = np.sqrt((weight @ centred**2) * (weight @ mark**2))
    covered = (weight * mark) @ centred
    return np.asarray(np.divide(covered, spread, out=np.zeros_like(covered), where=spread > 0))


@settings(deadline=None)
@given(tables())
def test_nothing_correlates_with_any_facet(table: tuple[Array, Array, Array]) -> None:
    values, facets, weight = table
    removed = CorrelationRemover(numbers=[2]).fit_transform(values, facet=facets, sample_weight=weight)
    for column in range(2):
        for value in {facets[place, column] for place in range(len(facets))}:
            indicator = np.array([other == value for other in facets[:, column]], float)
            if 0 < indicator.sum() < len(indicator):
                assert np.abs(correlations(removed, indicator, weight)).max() < 1e-10
    assert np.abs(correlations(removed, facets[:, 2].astype(float), weight)).max() < 1e-10
    before, after = (np.average(each, axis=0, weights=weight) for each in (values, removed))
    assert after == pytest.approx(before, rel=1e-9, abs=1e-9 * np.abs(values).max()), "means stay"


@settings(deadline=None)
@given(tables(), st.sampled_from([0.0, 0.25, 1.0]))
def test_correlation_shrinks_with_the_amount(table: tuple[Array, Array, Array], amount: float) -> None:
    values, facets, _ = table
    full = CorrelationRemover(numbers=[2]).fit_transform(values, facet=facets)
    part = CorrelationRemover(numbers=[2], amount=amount).fit_transform(values, facet=facets)
    assert part == pytest.approx((1 - amount) * values + amount * full)
    if not amount:
        assert np.array_equal(part, values)


@settings(deadline=None)
@given(tables())
def test_what_is_removed_is_least_squares(table: tuple[Array, Array, Array]) -> None:
    values, facets, weight = table
    design = np.column_stack(
        [np.ones(len(values)), facets[:, 2].astype(float)]
        + [[float(row[column] == value) for row in facets] for column in (0, 1) for value in ("a", "b", "x", "y")]
    )
    root = np.sqrt(weight)[:, None]
    fit = np.linalg.lstsq(design * root, values * root, rcond=None)[0]
    constant = np.average(values, axis=0, weights=weight)
    removed = CorrelationRemover(numbers=[2]).fit_transform(values, facet=facets, sample_weight=weight)
    assert removed == pytest.approx(values - design @ fit + constant, abs=1e-8 * np.abs(values).max())


def test_missing_features_and_values_not_seen() -> None:
    values = np.array([[1.0, 1.0], [3.0, np.nan], [7.0, 5.0], [9.0, 9.0]])
    facet = ["a", "a", "b", "b"]
    remover = CorrelationRemover().fit(values, facet=facet)
    found = remover.transform(values, facet=facet)
    assert found[:, 0] == pytest.approx([4, 6, 4, 6])
    assert found[[0, 2, 3], 1] == pytest.approx([5, 3, 7])
    assert np.isnan(found[1, 1])
    new = remover.transform(values, facet=["z"] * 4)
    assert new == pytest.approx(values, nan_ok=True)


def test_missing_numbers_are_a_value_of_their_own() -> None:
    random = np.random.default_rng(0)
    age: Array = random.normal(size=200)
    missing = random.random(200) < 0.2
    values = (age + 5 * missing)[:, None] + random.normal(size=(200, 1))
    facet = np.where(missing, np.nan, age).astype(object)[:, None]
    removed = CorrelationRemover(numbers=[0]).fit_transform(values, facet=facet)
    assert np.abs(correlations(removed, missing.astype(float), np.ones(200))).max() < 1e-10
    assert abs(np.corrcoef(removed[~missing, 0], age[~missing])[0, 1]) < 1e-10


def test_hundreds_of_groups_in_a_hundred_thousand_rows() -> None:
    random = np.random.default_rng(0)
    facet = random.integers(0, 300, 100_000)
    values = random.normal(size=(100_000, 2)) + facet[:, None]
    removed = CorrelationRemover().fit_transform(values, facet=facet)
    assert np.abs(np.corrcoef(removed[:, 0], facet)[0, 1]) < 1e-10
