"""Amounts: how much of a mitigation is applied, from 0 (nothing changes) to 1 (all of it), and how much rows weigh."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import DataError, SpecError


def checked_amount(amount: float) -> float:
    """The amount, if it is one; raises SpecError."""
    if not 0 <= amount <= 1:
        raise SpecError(f"amount is {amount:g}; it must lie between 0 (change nothing) and 1 (in full).")
    return float(amount)


def checked_weights(weight: NDArray[Any] | None) -> None:
    """Raises DataError for weights that are not finite, negative, or all zero."""
    if weight is not None and not (np.isfinite(weight).all() and (weight >= 0).all() and weight.sum() > 0):
        raise DataError("Weights must be finite and not negative, and some above 0.")
