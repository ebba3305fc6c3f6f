"""Paired z: the default checker; a gain counts when it is many standard errors above zero.

With d_i the differences, z the normal quantile of delta_k and M the largest |d_i|, accepted is

    sum d_i - M > z sqrt(sum d_i^2).

The spread is taken about zero, where a useless certificate has its mean, not about the sample's own mean: thirty
wins of thirty have no spread about their mean, and would prove anything. M is the correction for continuity. So for
losses of 0 and 1 it is never laxer than the exact test of discordant pairs (McNemar) where delta_k is below a tenth,
whatever the number of rows; for other losses it holds as rows grow.
"""

import math
from dataclasses import dataclass

from evenhand.certificates.counting import Counting, normal_quantile
from evenhand.certificates.measured import UNREACHABLE, Array, measure
from evenhand.core.certificate import Ruling, Spent

LEAST_DISCORDANT = 30


@dataclass(frozen=True, kw_only=True)
class PairedZ:
    """Accepts a gain beyond the normal quantile of the error that is spent on it."""

    counting: Counting
    least_discordant: int = LEAST_DISCORDANT

    def rule(self, differences: Array, spent: Spent, *, seen: Array | None = None) -> Ruling:  # noqa: ARG002
        """The ruling; fewer than `least_discordant` rows that differ are never enough. Raises DataError for NaN."""
        found = measure(differences)
        log_error = self.counting.log_error(spent)
        bar = (normal_quantile(log_error) * found.length + found.largest) / found.rows
        enough = found.discordant >= self.least_discordant
        return found.ruling(bar=bar, error=math.exp(log_error), accepted=enough and found.gain > bar)

    def bar(self, spent: Spent, *, rows: int, deviation: float) -> float:
        """The gain needed where the largest difference is 1: the root of (g n - 1)^2 = z^2 n (s^2 + g^2)."""
        z = normal_quantile(self.counting.log_error(spent))
        square = rows - z * z
        if square <= 0:
            return UNREACHABLE
        variance = deviation**2 * (rows - 1) / rows
        root = math.sqrt(1 - square * (1 / rows - z * z * variance))
        return min((1 + root) / square, UNREACHABLE)
