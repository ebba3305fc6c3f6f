"""Ladder: a number that moves only beyond chance, in the units of the metric."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.certificates.ladder import Ladder
from evenhand.core.errors import DataError, SpecError
from evenhand.core.loss import Loss

STEPS = [None, 0.01, 0.1]


def random_losses(seed: int, submissions: int, rows: int = 200) -> list[np.ndarray]:
    numbers = np.random.default_rng(seed)
    return [(numbers.random(rows) < rate).astype(float) for rate in numbers.random(submissions)]


@pytest.mark.parametrize("step", STEPS)
@given(seed=st.integers(0, 2**32), submissions=st.integers(1, 30))
def test_it_never_rises_and_stays_near_the_best(step: float | None, seed: int, submissions: int) -> None:
    losses = random_losses(seed, submissions)
    state, before = Ladder(step=step), 1.0 + (step or 0)
    for each in losses:
        state = state.after(each)
        assert state.best is not None
        assert state.best <= before
        before = state.best
    best, tolerance = min(each.mean() for each in losses), 1.5 * step if step else 1 / np.sqrt(199) + 1 / 200
    assert best - (step or 1 / 200) / 2 - 1e-9 <= before <= best + tolerance + 1e-9


@pytest.mark.parametrize("step", STEPS)
@given(seed=st.integers(0, 2**32), submissions=st.integers(1, 10))
def test_the_same_submissions_again_change_nothing(step: float | None, seed: int, submissions: int) -> None:
    # Not so for the fixed step, where rounding up may let the very same submission in: that only repeats its number.
    losses = random_losses(seed, submissions)
    state = Ladder(step=step).through(losses)
    assert state.through(losses).best == state.best


def test_a_fall_within_chance_is_not_shown() -> None:
    first = np.repeat([1.0, 0.0], [50, 50])
    hardly, much = np.repeat([1.0, 0.0], [49, 51]), np.repeat([1.0, 0.0], [40, 60])
    state = Ladder().after(first)
    # One row changed: the paired deviation is 0.1, over the root of 100 rows 0.01, and the fall is 0.01.
    assert state.after(hardly) is state
    assert state.after(much).best == pytest.approx(0.4)
    assert Ladder(step=0.2).after(first).after(much).best == pytest.approx(0.4)  # 0.5 is shown as 0.4


@pytest.mark.parametrize(("text", "shown"), [("accuracy", 0.75), ("zero-one", 0.25), ("squared:10", 25.0)])
def test_it_is_shown_in_the_units_of_the_metric(text: str, shown: float) -> None:
    loss = Loss.parse(text)
    assert Ladder().shown(loss) is None
    assert Ladder().after(np.array([1.0, 0, 0, 0])).shown(loss) == pytest.approx(shown)


def test_what_is_no_loss_is_refused() -> None:
    state = Ladder().after(np.zeros(4))
    with pytest.raises(DataError, match="compares the same rows; it had 4 and got 5"):
        state.after(np.zeros(5))
    for wrong in (np.array([]), np.array([0.0, np.nan, 0, 0])):
        with pytest.raises(DataError, match="needs a loss for every row, and at least one row; check the answers"):
            state.after(wrong)
    with pytest.raises(SpecError, match="A step of 0 is none; use a number between 0 and 1"):
        Ladder(step=0)
