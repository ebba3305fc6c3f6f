"""Hoeffding: the plainest checker; its bar depends on nothing but the number of rows and what was spent.

For n values in [-1, 1], Hoeffding (1963) gives P(mean - w >= t) <= exp(-n t^2 / 2), so that the bar is
sqrt(2 ln(1/delta_k) / n). Small groups pay as much as everybody.
"""

import math
from dataclasses import dataclass

from evenhand.certificates.counting import Counting
from evenhand.certificates.measured import UNREACHABLE, Array, measure
from evenhand.core.certificate import Ruling, Spent


@dataclass(frozen=True, kw_only=True)
class Hoeffding:
    """Accepts a gain above one bar for everybody."""

    counting: Counting

    def rule(self, differences: Array, spent: Spent, *, seen: Array | None = None) -> Ruling:  # noqa: ARG002
        """The ruling; raises DataError for differences that are no numbers from -1 to 1."""
        found = measure(differences)
        bar = self.bar(spent, rows=found.rows, deviation=found.deviation)
        error = math.exp(self.counting.log_error(spent))
        return found.ruling(bar=bar, error=error, accepted=found.gain > bar)

    def bar(self, spent: Spent, *, rows: int, deviation: float) -> float:  # noqa: ARG002
        """The gain needed now, whatever the standard deviation."""
        return min(math.sqrt(-2 * self.counting.log_error(spent) / rows), UNREACHABLE)
