"""Conditional demographic disparity, which labels and predictions share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import Undefined
from evenhand.core.interval import Estimate

Array = NDArray[Any]


def conditional_disparity(group: Array, rest: Array, of: str) -> Estimate:
    """(1/n) sum_i n_i (n_group,i,0 / n_i,0 - n_group,i,1 / n_i,1) over strata i; counts have shape (…, strata, 2).

    A stratum without negatives or without positives says nothing about who gets which, and contributes 0.
    """
    both = group + rest
    totals = both.sum(axis=-2)
    if totals.ndim == 1 and not totals.all():
        raise Undefined(f"there are no {'positive' if totals[0] else 'negative'} {of}")
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = group / both
    disparity = np.where((both > 0).all(axis=-1), shares[..., 0] - shares[..., 1], 0.0)
    sizes = both.sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return Estimate(np.asarray((sizes * disparity).sum(axis=-1) / sizes.sum(axis=-1)))
