"""NDCG and the scale-aware distances of attributions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.clarify.drift.ranking import movement, ndcg

POSITIVE = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0.001, 10), min_size=1)
SIGNED = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-10, 10), min_size=1)


def test_the_documented_example() -> None:
    found = ndcg({"a": 0.7, "b": 0.5, "c": 0.05}, {"a": 0.1, "b": 0.2, "c": 0.7})
    assert found == pytest.approx(0.6876, abs=5e-5)


def test_equal_to_scikit_learn() -> None:
    from sklearn.metrics import ndcg_score

    random = np.random.default_rng(3)
    for _ in range(50):
        before, after = random.uniform(0, 1, 6), random.uniform(0, 1, 6)
        expected = ndcg_score([before], [after])
        assert ndcg(dict(zip("abcdef", before, strict=True)), dict(zip("abcdef", after, strict=True))) == pytest.approx(
            expected, abs=1e-12
        )


@given(POSITIVE, POSITIVE)
def test_positive_gains_stay_within_zero_and_one(before: dict[str, float], after: dict[str, float]) -> None:
    assert 0 < ndcg(before, after) <= 1 + 1e-12
    assert ndcg(before, before) == pytest.approx(1)


@given(SIGNED, SIGNED)
def test_negative_values_do_not_crash(before: dict[str, float], after: dict[str, float]) -> None:
    assert math.isfinite(ndcg(before, after)) or min(map(abs, before.values())) < 1e-300


@given(SIGNED, SIGNED)
def test_movement_is_bounded_and_symmetric(before: dict[str, float], after: dict[str, float]) -> None:
    moved = movement(before, after)
    assert 0 <= moved.distance <= 1 + 1e-12
    assert moved.change >= 0
    assert moved.distance == pytest.approx(movement(after, before).distance, abs=1e-12)
    assert movement(before, before).distance == movement(before, before).change == 0


@given(POSITIVE, st.floats(0.1, 10))
def test_scale_shows_in_the_change_alone(before: dict[str, float], factor: float) -> None:
    moved = movement(before, {name: factor * value for name, value in before.items()})
    assert moved.distance == pytest.approx(0, abs=1e-9)
    assert moved.change == pytest.approx(abs(factor - 1))


def test_a_turned_sign_moves_shares() -> None:
    assert movement({"a": 1.0, "b": 1.0}, {"a": 1.0, "b": -1.0}).distance == pytest.approx(0.5)


def test_nothing_explained_on_one_side() -> None:
    assert movement({"a": 0.0}, {"a": 1.0}).distance == 1
    assert movement({"a": 0.0}, {"a": 1.0}).change == math.inf
    assert movement({"a": 0.0}, {"a": 0.0}).distance == 0
