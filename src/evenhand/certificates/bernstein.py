"""Empirical Bernstein: a checker with a proof for every bounded loss and every number of rows.

Maurer and Pontil (COLT 2009, theorem 4) for n values with a range of 2 and standard deviation s: with L = ln(2/delta_k)

    w >= mean - s sqrt(2 L / n) - 14 L / (3 (n - 1))    with a chance of at least 1 - delta_k.
"""

import math
from dataclasses import dataclass

from evenhand.certificates.counting import Counting
from evenhand.certificates.measured import UNREACHABLE, Array, measure
from evenhand.core.certificate import Ruling, Spent


@dataclass(frozen=True, kw_only=True)
class Bernstein:
    """Accepts a gain whose lower bound of Maurer and Pontil is above zero."""

    counting: Counting

    def rule(self, differences: Array, spent: Spent, *, seen: Array | None = None) -> Ruling:  # noqa: ARG002
        """The ruling; raises DataError for differences that are no numbers from -1 to 1."""
        found = measure(differences)
        bar = self.bar(spent, rows=found.rows, deviation=found.deviation)
        error = math.exp(self.counting.log_error(spent))
        return found.ruling(bar=bar, error=error, accepted=found.gain > bar)

    def bar(self, spent: Spent, *, rows: int, deviation: float) -> float:
        """The gain that differences of this standard deviation need now."""
        if rows < 2:
            return UNREACHABLE
        log = math.log(2) - self.counting.log_error(spent)
        return min(deviation * math.sqrt(2 * log / rows) + 14 * log / (3 * (rows - 1)), UNREACHABLE)
