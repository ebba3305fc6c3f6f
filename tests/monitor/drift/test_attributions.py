"""Attribution drift: known numbers, laws, and noise that is no drift."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.core.explanation import Explanation
from evenhand.core.making import Making
from evenhand.core.outcome import Drift
from evenhand.monitor.drift import Looks, attribution_drifts, ndcg, rank_correlation, total_variation
from evenhand.monitor.drift.attributions import MEASURES, importances_of
from tests.monitor.drift.conftest import day, monitor, share_at_most

MAKING = Making(
    explainer="exact", model="m", source="s", fingerprint="", baseline="rows", baseline_rows=1, budget="all", seed=0,
    rows=1, evaluations=1, model_rows=1, model_batch=1, gap=0.0,
)  # fmt: skip
importances = st.lists(st.floats(0.001, 100), min_size=3, max_size=10).map(np.array)


def explained(scales: list[float], rows: int, seed: int, error: float = 0.0) -> Explanation:
    """Attributions that vary between rows with these spreads, known up to an error in each importance."""
    random = np.random.default_rng(seed)
    values = random.normal(0, scales, (rows, len(scales)))[:, :, None]
    importance = np.abs(values).mean(axis=0)
    size = np.zeros((rows, 1))
    return Explanation(
        players=tuple(f"f{place}" for place in range(len(scales))), outputs=("y",), rows=np.arange(rows),
        attributions=values, errors=np.zeros_like(values), base=size, predictions=size + 100.0,
        evaluations=np.ones(rows, np.int64), importance=importance,
        importance_errors=np.full_like(importance, error), making=MAKING,
    )  # fmt: skip


def test_known_numbers() -> None:
    assert ndcg(np.array([0.7, 0.5, 0.05]), np.array([0.1, 0.2, 0.7])) == pytest.approx(0.6876, abs=5e-5)
    falling = np.linspace(1.0, 0.7, 30)
    assert ndcg(falling, falling[::-1]) == pytest.approx(0.924, abs=5e-4)
    assert total_variation(np.array([1.0, 1.0]), np.array([1.0, 0.0])) == 0.5
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([3.0, 2, 1])) == pytest.approx(-1)
    assert rank_correlation(np.array([1.0, 2]), np.array([3.0, 2])) is None


@given(importances, st.floats(0.1, 10), st.integers(0, 99))
def test_measures_know_equals_and_neither_scale_nor_names(values: np.ndarray, scale: float, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(values))
    other = np.random.default_rng(seed + 1).uniform(0.1, 9, len(values))
    assert total_variation(values, values * scale) == pytest.approx(0, abs=1e-9)
    assert ndcg(values, values * scale) == pytest.approx(1)
    assert total_variation(values, other) == pytest.approx(total_variation(other, values))
    assert total_variation(values[order], other[order]) == pytest.approx(total_variation(values, other))
    assert ndcg(values[order], other[order]) == pytest.approx(ndcg(values, other))
    assert 0 <= total_variation(values, other) <= 1
    assert 0 < ndcg(values, other) <= 1 + 1e-12


def test_errors_are_those_of_the_rows_and_of_the_estimation() -> None:
    found = importances_of(explained([1.0, 2.0], 1_000, 1))["y"]
    spread = math.sqrt(1 - 2 / math.pi)
    assert found.errors == pytest.approx(np.array([1.0, 2.0]) * spread / math.sqrt(1_000), rel=0.15)
    noisy = importances_of(explained([1.0, 2.0], 1_000, 1, error=0.2))["y"]
    assert noisy.errors == pytest.approx([0.2, 0.2], rel=0.15)


def by_metric(drifts: list[Drift]) -> dict[str, Drift]:
    return {drift.metric: drift for drift in drifts}


def test_importances_that_moved_are_a_drift() -> None:
    before, after = explained([5, 3, 1, 0.5], 500, 1), explained([0.5, 3, 1, 5], 500, 2)
    found = by_metric(attribution_drifts(after, before, monitor()))
    assert found["total variation"].verdict == found["NDCG"].verdict == "drift"
    assert found["rank correlation"].verdict == "no drift shown"
    assert found["total variation"].about == "importances of y | total variation"
    assert "more than noise explains" in found["total variation"].reading
    assert (
        "f3 matters more" in found["total variation"].reading or "f0 matters less" in found["total variation"].reading
    )


def test_noise_is_no_drift() -> None:
    # Players that are alike change places in every sample: Clarify's NDCG alone would not notice, ranks would.
    alike = [1.0, 1.01, 0.99, 1.0, 1.02]
    found = by_metric(attribution_drifts(explained(alike, 60, 2), explained(alike, 60, 1), monitor()))
    assert {found[name].verdict for name in ("total variation", "NDCG")} == {"no drift shown"}


def test_the_error_of_the_estimation_counts() -> None:
    before, after = explained([5, 3, 1], 2_000, 1), explained([3, 5, 1], 2_000, 2)
    vague = explained([3, 5, 1], 2_000, 2, error=2.0)
    assert by_metric(attribution_drifts(after, before, monitor()))["total variation"].verdict == "drift"
    assert by_metric(attribution_drifts(vague, before, monitor()))["total variation"].verdict == "no drift shown"


def test_few_rows_and_models_that_nothing_moves() -> None:
    few = by_metric(attribution_drifts(explained([1, 2], 10, 1), explained([1, 2], 500, 1), monitor()))["NDCG"]
    assert few.verdict == "too little data"
    assert few.reading == "Importances of y: only 10 rows explained; 30 are the least."
    still = by_metric(attribution_drifts(explained([0, 0], 50, 1), explained([1, 2], 500, 1), monitor()))
    assert still["total variation"].verdict == "undefined"


def test_equal_exact_explanations_show_no_drift() -> None:
    same = explained([5, 3, 1], 500, 1)
    assert {drift.verdict for drift in attribution_drifts(same, same, monitor())} == {"no drift shown"}


def years(monitors: int, windows: int) -> int:
    wrong = 0
    for number in range(monitors):
        baseline, looks = explained([5, 3, 2, 1, 1, 0.5], 100, 10_000 * number), Looks()
        for place in range(windows):
            now = explained([5, 3, 2, 1, 1, 0.5], 100, 10_000 * number + place + 1)
            looks, judged = looks.after(attribution_drifts(now, baseline, monitor()), day(place), monitor())
            if any(drift.verdict == "drift" for drift in judged):
                wrong += 1
                break
    return wrong


def test_quiet_weeks_raise_no_alarm() -> None:
    assert years(2, 20) == 0


@pytest.mark.slow
@pytest.mark.timeout(3_600)  # minutes of arithmetic, on a busy machine many
def test_at_most_a_twentieth_of_quiet_years_raises_an_alarm() -> None:
    assert share_at_most(years(160, 365), 160) <= 0.05


@pytest.mark.parametrize("since", [0, 12])
def test_importances_that_changed_are_found_within_a_few_windows(since: int) -> None:
    before, after = [5, 3, 2, 1, 1, 0.5], [3, 5, 2, 1, 1, 0.5]
    found = 0
    for number in range(10):
        baseline, looks, alarms = explained(before, 300, 10_000 * number), Looks(), []
        for place in range(since + 5):
            now = explained(before if place < since else after, 300, 10_000 * number + place + 1)
            looks, judged = looks.after(attribution_drifts(now, baseline, monitor()), day(place), monitor())
            alarms += [place] if any(drift.verdict == "drift" for drift in judged) else []
        found += bool(alarms) and alarms[0] >= since
    assert found >= 9


@given(st.lists(importances, min_size=2, max_size=6), st.booleans())
def test_draws_measured_at_once_are_measured_as_one_by_one(found: list[np.ndarray], nothing: bool) -> None:
    players = min(map(len, found))
    first, *others = (each[:players] * (not nothing) for each in found)
    draws = np.array([*others, np.zeros(players)])
    shares = MEASURES[0].distances(first, draws)
    orders = MEASURES[1].distances(first, draws)
    assert shares == pytest.approx([total_variation(first, draw) for draw in draws])
    assert orders == pytest.approx([1 - ndcg(first, draw) for draw in draws])


def test_equal_values_share_their_rank() -> None:
    assert rank_correlation(np.array([1.0, 2, 2, 4]), np.array([1.0, 3, 3, 9])) == pytest.approx(1)
    assert rank_correlation(np.array([1.0, 2, 2, 4]), np.array([1.0, 2, 3, 4])) == pytest.approx(4.5 / 22.5**0.5)
