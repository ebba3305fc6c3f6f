"""Power: the smallest provable gain is where the checker itself begins to accept, and sizes and finds order it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.bounty.proving.power import SHARES, provable
from evenhand.certificates import checker
from evenhand.core.bounty import Bounty
from evenhand.core.certificate import CheckerName, Spent


def rules(name: CheckerName = "paired-z", *, delta: float = 0.05, budget: int = 1000, most: int = 20) -> Bounty:
    return Bounty(
        name="loans", label="y", identity="id", features=("a",), checker=name, delta=delta, budget=budget,
        accept_at_most=most, least_rows=1,
    )  # fmt: skip


def accepted(bounty: Bounty, rows: int, better: int, worse: int, finds: int) -> bool:
    """What the checker says of so many rows that change for better and worse."""
    differences = np.zeros(rows)
    differences[:better] = 1.0
    differences[better : better + worse] = -1.0
    spent = Spent(accepted=finds, budget=bounty.budget, accept_at_most=bounty.accept_at_most, number=1)
    return checker(bounty).rule(differences, spent).accepted


@pytest.mark.parametrize("name", ["paired-z", "bernstein", "hoeffding"])
@pytest.mark.parametrize("right", [1.0, 0.75])
@pytest.mark.parametrize("rows", [5_000, 40_000])
def test_the_smallest_provable_gain_is_where_the_checker_begins_to_accept(
    name: CheckerName, right: float, rows: int
) -> None:
    bounty = rules(name)
    _, lines = provable(bounty, rows, right=right)
    least = lines[-1].gains[0]  # of everybody, the gain of the group is that of all rows
    assert least is not None
    for factor, expected in ((1.08, True), (0.92, False)):
        changed = least * factor / (2 * right - 1) * rows
        better, worse = round(changed * right), round(changed * (1 - right))
        assert accepted(bounty, rows, better, worse, 0) is expected, (better, worse, expected)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(2, 200_000), right=st.floats(0.55, 1), delta=st.floats(0.001, 0.2), budget=st.integers(1, 10_000),
    most=st.integers(1, 40),
)  # fmt: skip
def test_larger_groups_need_less_and_later_finds_need_more(
    rows: int, right: float, delta: float, budget: int, most: int
) -> None:
    finds, lines = provable(rules(delta=delta, budget=budget, most=most), rows, right=right)
    assert finds[0] == 0
    assert finds[-1] == most - 1
    assert [line.share for line in lines] == list(SHARES)
    table = np.array([[math.inf if gain is None else gain for gain in line.gains] for line in lines])
    assert (table[:-1] >= table[1:]).all()
    assert (table[:, :-1] <= table[:, 1:]).all()
    assert (table[np.isfinite(table)] <= 1).all()


def test_too_few_rows_prove_nothing_and_fresh_folds_share_them() -> None:
    _, lines = provable(rules(), 50)
    assert all(gain is None for line in lines for gain in line.gains[1:])
    folded = rules().model_copy(update={"fresh_folds": True})
    _, lines = provable(folded, 21_000)
    assert lines[-1].rows == 1_000
