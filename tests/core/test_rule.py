"""Rules: what they decide, that they survive as JSON, and groups that they do not know."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from evenhand.core.chance import chance
from evenhand.core.rule import ANYONE, Curve, Curves, Cut, Linear, Quantiles, Rule, Thresholds, parted

THRESHOLDS = Thresholds(cuts={"a": Cut(thresholds=(-np.inf, 0.5), shares=(0.25, 0.75)), ANYONE: Cut(thresholds=(0.7,))})
QUANTILES = Quantiles(sources={"a": (0.0, 1.0, 2.0), ANYONE: (0.0, 0.0, 1.0)}, target=(10.0, 20.0, 30.0))
LINEAR = Linear(groups=("a", "b"), shifts=((0.0, 0.3), (0.0, -0.3)))
CURVES = Curves(curves={ANYONE: Curve(scores=(0.0, 1.0), values=(0.2, 0.4))})


@pytest.mark.parametrize("rule", [THRESHOLDS, QUANTILES, LINEAR, CURVES], ids=lambda each: each.rule)
def test_rules_survive_as_json(rule: Rule) -> None:
    assert TypeAdapter(Rule).validate_json(rule.model_dump_json()) == rule


def test_a_share_of_people_meets_each_threshold() -> None:
    scores, groups = np.array([0.1, 0.1, 0.6, 0.6, 0.69]), np.array(["a", "a", "a", "z", "z"])
    assert THRESHOLDS.randomised
    assert THRESHOLDS.decide(scores, groups, np.array([0.24, 0.25, 0.9, 0.0, 0.0])).tolist() == [1, 0, 1, 0, 0]
    many = THRESHOLDS.decide(np.zeros(20_000), np.full(20_000, "a"), chance(range(20_000), "s"))
    assert many.mean() == pytest.approx(0.25, abs=0.01)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=20), st.floats(0, 1))
def test_quantiles_move_scores_between_the_ends_of_the_target(scores: list[float], number: float) -> None:
    moved = QUANTILES.repaired(np.array(scores), np.full(len(scores), "a"), np.full(len(scores), number))
    assert ((moved >= 10) & (moved <= 30)).all()
    assert (moved[np.argsort(scores)] == np.sort(moved)).all()


def test_ties_are_spread_by_chance_or_moved_together() -> None:
    scores, groups = np.array([0.0, 0.0, 0.5]), np.array(["z", "z", "z"])
    assert QUANTILES.repaired(scores, groups).tolist() == [15, 15, 25]
    assert QUANTILES.repaired(scores, groups, np.array([0.0, 1.0, 0.0])).tolist() == [10, 20, 25]


def test_linear_corrects_by_group_known_or_guessed() -> None:
    classes = np.array([[0.6, 0.4], [0.4, 0.6], [0.4, 0.6]])
    assert LINEAR.choose_known(classes, np.array(["a", "b", "new"])).tolist() == [1, 0, 1]
    halves = np.repeat(classes[:, None, :] / 2, 2, axis=1)
    assert LINEAR.choose(halves).tolist() == [0, 1, 1]
    given_label = Linear(groups=("a",), shifts=((0.0, 0.0, 0.5, 0.0),), given_label=True)
    assert given_label.corrections(classes[:, None, :])[0].tolist() == pytest.approx([0.2, 0])


def test_one_number_of_chance_gives_several() -> None:
    several = parted(chance(range(5000), "s"), 3)
    assert several.mean(axis=0) == pytest.approx([0.5] * 3, abs=0.02)
    assert np.abs(np.corrcoef(several.T) - np.eye(3)).max() < 0.05


def test_shapes_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        Cut(thresholds=())
    with pytest.raises(ValidationError, match="at least 2 items"):
        Quantiles(sources={}, target=(1.0,))
    assert CURVES.calibrated(np.array([0.5, 9.0]), np.array(["a", "b"])).tolist() == pytest.approx([0.3, 0.4])
