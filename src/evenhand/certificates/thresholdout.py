"""Thresholdout: a checker that answers from public rows, and looks at the hold-out only where the two disagree.

Dwork, Feldman, Hardt, Pitassi, Reingold and Roth (Science 2015; NIPS 2015, figure 1). With t and h the mean difference
on public rows and on the fold, and noise of Laplace: if |h - t| > T + Lap(2 sigma) + Lap(4 sigma), the answer is
h + Lap(sigma), the first noise is drawn anew and one of `accept_at_most` looks is used up; otherwise it is t. When no
look is left, nothing is answered, so nothing accepted. The constants are ours (docs/bounty-proofs.md):

    sigma = 4/n,  r = sqrt(2 L / n),  T = r,  bar = T + r + 6 sigma L,  L = ln(2 (B + 1) / delta_k).
"""

import math
from dataclasses import dataclass

import numpy as np

from evenhand.certificates.counting import Counting
from evenhand.certificates.measured import UNREACHABLE, Array, Measured, measure
from evenhand.core.certificate import Ruling, Spent
from evenhand.core.errors import SpecError

# A row moves a mean of differences by 2/n at most; this noise hides it with epsilon = 1/2 (Laplace mechanism).
_NOISE_TIMES_ROWS = 4.0


@dataclass(frozen=True, kw_only=True)
class Thresholdout:
    """Accepts an answer of Thresholdout above the bar; noise depends on the seed and the submission's number alone."""

    counting: Counting
    seed: int = 0

    def rule(self, differences: Array, spent: Spent, *, seen: Array | None = None) -> Ruling:
        """The ruling; raises SpecError without differences on public rows, DataError for NaN."""
        found = measure(differences)
        if seen is None or not len(seen):
            raise SpecError(
                "Thresholdout compares with public rows, and there are none; give a public sample or use paired-z."
            )
        error = math.exp(self.counting.log_error(spent))
        if spent.looks >= spent.accept_at_most:
            return found.ruling(bar=UNREACHABLE, error=error, accepted=False)
        answer, looked = self._answer(found, measure(seen).gain, spent)
        bar = self.bar(spent, rows=found.rows, deviation=found.deviation)
        reach = self._chance(spent, found.rows)
        ruling = found.ruling(bar=bar, error=error, accepted=answer > bar, margin=reach)
        return ruling.model_copy(update={"looked": looked})

    def bar(self, spent: Spent, *, rows: int, deviation: float) -> float:  # noqa: ARG002
        """The answer needed now, whatever the standard deviation."""
        noise = 6 * _NOISE_TIMES_ROWS / rows * self._log(spent)
        return min(2 * self._chance(spent, rows) + noise, UNREACHABLE)

    def _answer(self, found: Measured, public: float, spent: Spent) -> tuple[float, bool]:
        """What Thresholdout says of the gain, and whether that took a look at the hold-out."""
        scale = _NOISE_TIMES_ROWS / found.rows
        threshold = self._chance(spent, found.rows)
        # The threshold's noise lives until the next look, each question's noise for that question.
        threshold += 2 * scale * float(np.random.default_rng([self.seed, 0, spent.looks]).laplace())
        of_question = np.random.default_rng([self.seed, 1, spent.number])
        if abs(found.gain - public) <= threshold + 4 * scale * float(of_question.laplace()):
            return public, False
        return found.gain + scale * float(of_question.laplace()), True

    def _log(self, spent: Spent) -> float:
        return math.log(2 * (spent.accept_at_most + 1)) - self.counting.log_error(spent)

    def _chance(self, spent: Spent, rows: int) -> float:
        """How far the mean of the fold may be from the truth."""
        return math.sqrt(2 * self._log(spent) / rows)
