"""Drawing: differences of losses, and the four checkers, for the tests of certificates."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from evenhand.certificates import checker
from evenhand.core.bounty import Bounty
from evenhand.core.certificate import Checker, CheckerName, Spent

Array = NDArray[Any]
NAMES: tuple[CheckerName, ...] = ("paired-z", "bernstein", "hoeffding", "thresholdout")
PLAIN = NAMES[:3]


def of(name: CheckerName, **rules: Any) -> Checker:
    """The checker that a bounty of these rules has."""
    return checker(Bounty(name="b", label="y", identity="id", features=("x",), checker=name, **rules))


def spending(accepted: int = 0, budget: int = 1000, number: int = 1, looks: int = 0) -> Spent:
    return Spent(accepted=accepted, budget=budget, accept_at_most=20, number=number, looks=looks)


def of_labels(rows: int, wins: int, losses: int) -> Array:
    """Differences of 0-1 losses."""
    return np.repeat([1.0, -1.0, 0.0], [wins, losses, rows - wins - losses])


@st.composite
def label_differences(draw: st.DrawFn, most: int = 3000) -> Array:
    rows = draw(st.integers(2, most))
    wins = draw(st.integers(0, rows))
    return of_labels(rows, wins, draw(st.integers(0, rows - wins)))


@st.composite
def any_differences(draw: st.DrawFn) -> Array:
    """Differences of any bounded loss, many of them zero."""
    numbers = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows, middle, width = draw(st.integers(2, 500)), draw(st.floats(-1, 1)), draw(st.floats(0, 1))
    inside = numbers.random(rows) < draw(st.floats(0, 1))
    return np.asarray(np.clip(numbers.normal(middle, width, rows), -1, 1) * inside)
