"""Laws that every metric obeys: swapping the sides, scaling the counts, parity where nothing differs."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.errors import Undefined
from evenhand.core.metric import Metric
from evenhand.core.sides import Classes, Comparison, Decisions, Errors, Scores
from evenhand.metrics import ALL

DECIDED = [m for m in ALL if m.needs in ("rows", "labels", "predictions", "both")]
CLASSED = [m for m in ALL if m.needs in ("label classes", "prediction classes")]
SCORED = [m for m in ALL if m.needs in ("scores", "scored labels", "probabilities")]
QUANTITIES = [m for m in ALL if m.needs in ("errors", "label values", "predicted values", "covered")]
# These say something of everyone, or are lopsided by definition.
SYMMETRIC = {"GE", "GEW", "GEB", "TI", "EOD", "JS", "LP", "TVD", "KS", "PTVD"}
LOPSIDED = {"KL"}

cells = st.lists(st.integers(0, 50), min_size=18, max_size=18)


def side(who: str, counts: list[int]) -> Decisions:
    return Decisions(who, np.array(counts, dtype=float).reshape(2, 3, 3))


def value(metric: Metric, comparison: Comparison[Any]) -> float | None:
    try:
        found = float(metric.measure(comparison).value)
    except Undefined:
        return None
    return None if math.isnan(found) else found


def names(metrics: list[Metric]) -> list[str]:
    return [metric.code for metric in metrics]


@pytest.mark.parametrize("metric", DECIDED, ids=names(DECIDED))
@settings(max_examples=60, deadline=None)
@given(cells, cells)
def test_swapping_the_sides(metric: Metric, first: list[int], second: list[int]) -> None:
    one, two = side("the group", first), side("the rest", second)
    there, back = value(metric, Comparison(one, two)), value(metric, Comparison(two, one))
    if there is None or back is None:
        return
    if metric.code in SYMMETRIC:
        assert there == pytest.approx(back, abs=1e-9)
    elif metric.parity == 1.0:
        assert there == pytest.approx(math.inf if back == 0 else 1 / back)
    else:
        assert there == pytest.approx(-back, abs=1e-9)


@pytest.mark.parametrize("metric", DECIDED, ids=names(DECIDED))
@settings(max_examples=60, deadline=None)
@given(cells, cells, st.integers(2, 9))
def test_scaling_both_sides_changes_no_value(metric: Metric, first: list[int], second: list[int], times: int) -> None:
    small = value(metric, Comparison(side("the group", first), side("the rest", second)))
    scaled = [[count * times for count in counts] for counts in (first, second)]
    large = value(metric, Comparison(side("the group", scaled[0]), side("the rest", scaled[1])))
    assert (small is None) == (large is None)
    if small is not None:
        assert large == pytest.approx(small, abs=1e-9)


@pytest.mark.parametrize("metric", DECIDED, ids=names(DECIDED))
@settings(max_examples=60, deadline=None)
@given(cells)
def test_two_alike_sides_are_at_parity(metric: Metric, counts: list[int]) -> None:
    found = value(metric, Comparison(side("the group", counts), side("the rest", counts)))
    if found is not None and metric.code not in ("GE", "GEW", "TI") and not math.isinf(found):
        assert found == pytest.approx(metric.parity, abs=1e-9)


@pytest.mark.parametrize("metric", DECIDED, ids=names(DECIDED))
@settings(max_examples=60, deadline=None)
@given(cells, cells)
def test_values_lie_within_the_stated_bounds(metric: Metric, first: list[int], second: list[int]) -> None:
    found = value(metric, Comparison(side("the group", first), side("the rest", second)))
    if found is not None:
        assert metric.bounds[0] - 1e-9 <= found <= metric.bounds[1] + 1e-9


@pytest.mark.parametrize("metric", DECIDED, ids=names(DECIDED))
@settings(max_examples=30, deadline=None)
@given(st.lists(cells, min_size=2, max_size=2), st.lists(cells, min_size=2, max_size=2))
def test_draws_give_what_single_values_give(metric: Metric, first: list[list[int]], second: list[list[int]]) -> None:
    group = Decisions("the group", np.array(first, dtype=float).reshape(2, 2, 3, 3))
    rest = Decisions("the rest", np.array(second, dtype=float).reshape(2, 2, 3, 3))
    drawn = metric.measure(Comparison(group, rest)).value
    for place in range(2):
        single = value(metric, Comparison(side("the group", first[place]), side("the rest", second[place])))
        if single is not None:
            assert drawn[place] == pytest.approx(single, abs=1e-9)


@pytest.mark.parametrize("metric", CLASSED, ids=names(CLASSED))
@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=4, max_size=4), st.lists(st.integers(0, 30), min_size=4, max_size=4))
def test_distances_of_distributions(metric: Metric, first: list[int], second: list[int]) -> None:
    one, two = (Classes("a side", np.array(counts, float), np.array(counts, float)) for counts in (first, second))
    there = value(metric, Comparison(one, two))
    if there is None:
        assert sum(first) == 0 or sum(second) == 0
        return
    assert -1e-12 <= there <= metric.bounds[1] + 1e-12
    assert value(metric, Comparison(one, one)) == pytest.approx(0.0, abs=1e-12)
    if metric.code not in LOPSIDED:
        assert there == pytest.approx(value(metric, Comparison(two, one)), abs=1e-12)


def test_distances_see_every_class_and_no_support_is_lost() -> None:
    # The group has only class 0, the rest half and half: the truth is KL = inf, TVD = 1/2.
    group = Classes("the group", np.array([10.0, 0.0]), np.array([10.0, 0.0]))
    rest = Classes("the rest", np.array([5.0, 5.0]), np.array([5.0, 5.0]))
    found = {metric.code: value(metric, Comparison(group, rest)) for metric in CLASSED}
    assert found["KL"] == math.inf
    assert found["TVD"] == 0.5
    assert found["KS"] == 0.5
    disjoint = Classes("the rest", np.array([0.0, 10.0]), np.array([0.0, 10.0]))
    assert value(next(m for m in CLASSED if m.code == "TVD"), Comparison(group, disjoint)) == 1.0


histograms = st.lists(st.integers(0, 20), min_size=96, max_size=96)


def scored(counts: list[int]) -> Scores:
    return Scores("a side", np.array(counts, float).reshape(32, 3), (np.arange(32) + 0.5) / 32)


@pytest.mark.parametrize("metric", SCORED, ids=names(SCORED))
@settings(max_examples=60, deadline=None)
@given(histograms, histograms)
def test_scores_swap_and_stay_in_bounds(metric: Metric, first: list[int], second: list[int]) -> None:
    one, two = scored(first), scored(second)
    there, back = value(metric, Comparison(one, two)), value(metric, Comparison(two, one))
    if there is not None and back is not None:
        assert there == pytest.approx(-back, abs=1e-9)
        assert metric.bounds[0] <= there <= metric.bounds[1]


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order() -> None:
    generator = np.random.default_rng(1)
    auc = next(metric for metric in SCORED if metric.code == "AUCD")
    counts = generator.integers(0, 5, (32, 3)).astype(float)
    positive, negative = counts[:, 1], counts[:, 0]
    order = sum(p * (negative[:place].sum() + negative[place] / 2) for place, p in enumerate(positive))
    area = order / (positive.sum() * negative.sum())
    # A side whose scores say nothing has an area of one half.
    flat = np.zeros((32, 3))
    flat[0] = 5
    found = value(auc, Comparison(Scores("g", flat, np.arange(32.0)), Scores("r", counts, np.arange(32.0))))
    assert found == pytest.approx(area - 0.5)


def quantities(errors: list[float], covered: int = 1) -> Errors:
    array = np.array(errors)
    bins = np.arange(len(array))
    labels = np.zeros(len(array))
    return Errors(
        "a side", np.ones(len(bins)), array, array**2,
        np.array([labels.sum(), (labels**2).sum(), len(array)]), np.array([array.sum(), (array**2).sum(), len(array)]),
        np.array([covered, len(array) - covered], float),
    )  # fmt: skip


@pytest.mark.parametrize("metric", QUANTITIES, ids=names(QUANTITIES))
@settings(max_examples=60, deadline=None)
@given(*[st.lists(st.floats(-100, 100, allow_subnormal=False), min_size=2, max_size=30)] * 2)
def test_gaps_of_quantities_flip(metric: Metric, first: list[float], second: list[float]) -> None:
    one, two = quantities(first), quantities(second)
    there, back = value(metric, Comparison(one, two)), value(metric, Comparison(two, one))
    assert there is not None
    assert there == pytest.approx(-(back or 0.0), abs=1e-6)


def test_regression_gaps_as_computed_by_hand() -> None:
    group, rest = quantities([1.0, 1.0, -4.0, 10.0], covered=1), quantities([1.0, -1.0], covered=2)
    found = {metric.code: value(metric, Comparison(group, rest)) for metric in QUANTITIES}
    assert found["MED"] == pytest.approx(0 - 2)
    assert found["MAED"] == pytest.approx(4 - 1)
    assert found["TED"] == pytest.approx(10 - 1)
    assert found["CD"] == pytest.approx(1 - 0.25)


@pytest.mark.parametrize("metric", ALL, ids=names(list(ALL)))
def test_every_metric_can_be_read(metric: Metric) -> None:
    assert metric.sentence.endswith(".")
    assert metric.harm.endswith(".")
    assert "{group}" in metric.above or metric.code in ("GE", "TI")
    assert metric.bounds[0] <= (metric.parity or 0.0) <= metric.bounds[1]


def test_codes_are_unique() -> None:
    assert len({metric.code for metric in ALL}) == len(ALL)
