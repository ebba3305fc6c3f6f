"""Rows whose labels depend on the group: models that learn them treat groups unlike each other."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Array = NDArray[Any]


def planted(rows: int, *, seed: int, groups: int = 3, apart: float = 0.8) -> tuple[Array, Array, Array]:
    """Four numbers and the group as features; the label's base rate rises with the group."""
    numbers = np.random.default_rng(seed)
    group = numbers.integers(0, groups, rows)
    features = numbers.normal(size=(rows, 4))
    centred = apart * (group - (groups - 1) / 2)
    labels = (features[:, 0] + centred + numbers.normal(size=rows) > 0).astype(np.int64)
    return np.column_stack((features, group)), labels, group


def planted_miscalibration(rows: int, *, seed: int, apart: float = 1.5) -> tuple[Array, Array, Array]:
    """A number, and two columns of four values of which one pair has other log odds; which rows those are."""
    numbers = np.random.default_rng(seed)
    feature, pair = numbers.normal(size=(rows, 1)), numbers.integers(0, 4, (rows, 2))
    inside = (pair[:, 0] == 1) & (pair[:, 1] == 2)
    labels = (numbers.random(rows) < expit(feature[:, 0] + apart * inside)).astype(np.int64)
    return np.column_stack((feature, pair)), labels, inside
