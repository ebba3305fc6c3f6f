"""Quotients of counts that are no rates: nothing over nothing has a reason, something over nothing is infinite."""

import numpy as np

from evenhand.core.errors import Undefined
from evenhand.core.interval import Array


def quotient(numerator: Array, denominator: Array, reason: str) -> Array:
    """numerator / denominator; raises Undefined for 0/0 (NaN in bootstrap draws)."""
    if np.ndim(denominator) == 0 and denominator == 0 and numerator == 0:
        raise Undefined(reason)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.true_divide(numerator, denominator))


def gap(first: Array, second: Array) -> Array:
    """first - second of two quotients; raises Undefined where both are infinite (NaN in bootstrap draws)."""
    with np.errstate(invalid="ignore"):
        difference = np.asarray(np.subtract(first, second))
    if difference.ndim == 0 and np.isnan(difference):
        raise Undefined("both sides are infinite")
    return difference
