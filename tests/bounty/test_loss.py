"""Losses: each formula by hand, its metric, its text form, and answers that try to be right of everything."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.core.errors import SpecError
from evenhand.core.loss import Loss

WIDTHS = st.floats(1e-6, 1e12, allow_nan=False)
LOSSES = st.one_of(
    st.sampled_from([Loss(), Loss(name="accuracy"), Loss(name="log")]),
    st.integers(1, 10**6).map(lambda most: Loss(name="top", most=most)),
    st.builds(lambda name, width: Loss(name=name, width=width), st.sampled_from(["squared", "absolute"]), WIDTHS),
)
CHANCES = np.array([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2], [0.0, 0.001, 0.999]])


@given(LOSSES)
def test_the_text_form_reads_back(loss: Loss) -> None:
    assert Loss.parse(str(loss)) == loss
    assert Loss.model_validate_json(loss.model_dump_json()) == loss


def test_labels() -> None:
    labels, answers = np.array([0, 1, 2, 1]), np.array([0, 2, 2, 0])
    for name in ("zero-one", "accuracy"):
        assert Loss.parse(name).rows(labels, answers).tolist() == [0, 1, 0, 1]
    assert Loss.parse("zero-one").shown(0.25) == 0.25
    assert Loss.parse("accuracy").shown(0.25) == 0.75


def test_numbers_are_capped_at_the_width() -> None:
    truth, answers = np.array([10.0, 10, 10]), np.array([12.0, 4, 1000])
    squared, absolute = Loss.parse("squared:8"), Loss.parse("absolute:8")
    assert squared.rows(truth, answers) == pytest.approx([(2 / 8) ** 2, (6 / 8) ** 2, 1])
    assert absolute.rows(truth, answers) == pytest.approx([2 / 8, 6 / 8, 1])
    assert squared.shown(squared.rows(truth, answers)[:2].mean()) == pytest.approx((4 + 36) / 2)
    assert absolute.shown(absolute.rows(truth, answers)[:2].mean()) == pytest.approx((2 + 6) / 2)


def test_the_clipped_logarithm() -> None:
    loss = Loss.parse("log")
    rows = loss.rows(np.array([0, 0, 1]), CHANCES)
    width = math.log(0.99) - math.log(0.01)
    assert rows == pytest.approx([(math.log(0.99) - math.log(p)) / width for p in (0.7, 0.4, 0.01)])
    assert loss.rows(np.array([2]), CHANCES[2:]) == 0
    assert loss.shown(float(rows.mean())) == pytest.approx(-np.log([0.7, 0.4, 0.01]).mean())


def test_the_true_class_among_the_likeliest_where_ties_do_not_help() -> None:
    labels = np.array([1, 0, 0])
    assert Loss.parse("top:1").rows(labels, CHANCES).tolist() == [1, 1, 1]
    assert Loss.parse("top:2").rows(labels, CHANCES).tolist() == [0, 0, 1]
    assert Loss.parse("top:3").rows(labels, CHANCES).tolist() == [0, 0, 0]
    assert Loss.parse("top:2").shown(1 / 3) == pytest.approx(2 / 3)


@given(LOSSES, st.integers(0, 2**32 - 1))
def test_every_loss_is_between_zero_and_one_whatever_is_answered(loss: Loss, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e300, 0.99, 0.5])
    labels = numbers.normal(size=20) if loss.of_numbers else numbers.integers(3, size=20)
    answers = numbers.choice(odd, (20,) if loss.of_labels or loss.of_numbers else (20, 3))
    rows = loss.rows(labels, answers)
    assert rows.shape == (20,)
    assert ((rows >= 0) & (rows <= 1)).all()


@pytest.mark.parametrize("answer", [np.nan, np.inf, 0.99, 0.0])
def test_nobody_is_right_of_every_class_at_once(answer: float) -> None:
    everything = np.full((3, 3), answer)
    for text in ("log", "top:1", "top:2"):
        assert Loss.parse(text).rows(np.arange(3), everything).mean() > 0.2
    both = np.tile([0.99, 0.99, -0.98], (3, 1))
    assert Loss.parse("log").rows(np.arange(3), both).mean() > 0.4
    assert Loss.parse("squared:1").rows(np.zeros(3), np.full(3, np.nan)).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zero one", "No loss is called 'zero one'. Did you mean 'zero-one'?"),
        ("squared", "The loss squared needs a width, the largest difference that counts: squared:100."),
        ("squared:wide", "'wide' is no number; write squared:3."),
        ("squared:", "'' is no number"),
        *((text, f"{text!r} is no loss; write zero-one") for text in ("squared:inf", "squared:nan", "absolute:-1")),
        *((text, f"{text!r} is no loss; write zero-one") for text in ("top:0", "top:1.5", "top:inf", "accuracy:5")),
    ],
)
def test_text_that_is_no_loss(text: str, message: str) -> None:
    with pytest.raises(SpecError) as error:
        Loss.parse(text)
    assert str(error.value).startswith(message)


def test_settings_that_a_loss_does_not_have() -> None:
    with pytest.raises(SpecError, match="The loss accuracy has no width; leave it out"):
        Loss(name="accuracy", width=5)
    with pytest.raises(SpecError, match="The loss log names one answer; leave `most` out, or take top:2"):
        Loss(name="log", most=2)
