"""Measured: what checkers need to know of the differences of a fold, checked."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.certificate import Ruling
from evenhand.core.errors import DataError

Array = NDArray[Any]
# A gain is at most 1, so nothing is ever above this bar; infinity would not survive JSON.
UNREACHABLE = 1.0
# Losses are within [0, 1] but for rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Measured:
    """Moments of the differences of a fold."""

    rows: int
    gain: float
    deviation: float
    """Standard deviation, n - 1."""
    length: float
    """The root of the sum of squares, about zero."""
    largest: float
    discordant: int

    def ruling(self, *, bar: float, error: float, accepted: bool, margin: float | None = None) -> Ruling:
        """The ruling on them; the interval reaches `margin` to either side, which is the bar unless given."""
        bar = min(bar, UNREACHABLE)
        reach = bar if margin is None else margin
        return Ruling(
            accepted=accepted and self.gain > 0,
            gain=self.gain,
            bar=bar,
            confidence=error,
            low=max(self.gain - reach, -1.0),
            high=min(self.gain + reach, 1.0),
            rows=self.rows,
            discordant=self.discordant,
        )


def measure(differences: Array) -> Measured:
    """The moments of differences; raises DataError where there are none, or some are not within [-1, 1]."""
    differences = np.asarray(differences, np.float64)
    if not differences.size:
        raise DataError("There are no rows to judge a certificate on; the fold needs at least one.")
    # Written so that NaN, which compares false, is refused.
    wrong = int((~(np.abs(differences) <= 1 + _ROUNDING)).sum())
    if wrong:
        raise DataError(f"{wrong} differences of losses are not numbers from -1 to 1; check the answers for NaN.")
    return Measured(
        rows=differences.size,
        gain=float(differences.mean()),
        deviation=float(differences.std(ddof=1)) if differences.size > 1 else 0.0,
        length=float(np.linalg.norm(differences)),
        largest=float(np.abs(differences).max()),
        discordant=int(np.count_nonzero(differences)),
    )
