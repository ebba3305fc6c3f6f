"""Counting: how much error one question may cost, when the next question may depend on every verdict before it.

While everything is refused, what a hunter has seen is fixed, so that U submissions are U questions, however they were
chosen. A question asked after k acceptances is known by their places and its own, k + 1 of U, so that one fold can meet
at most C(U, k + 1) different questions then. A fold that is opened after the last acceptance meets at most U.
"""

import math
from dataclasses import dataclass

from scipy.special import ndtri_exp

from evenhand.core.certificate import Spent
from evenhand.core.errors import SpecError


@dataclass(frozen=True, kw_only=True)
class Counting:
    """Shares out a bounty's error: `delta` bounds the chance that anything at all is accepted in error."""

    delta: float
    fresh_folds: bool = False

    def log_questions(self, spent: Spent) -> float:
        """The logarithm of N_k, how many different questions can be asked between two acceptances."""
        if spent.accepted < 0 or spent.budget < 1:
            raise SpecError(f"Nobody can have accepted {spent.accepted} of {spent.budget}; a budget is at least 1.")
        budget = spent.budget
        # Beyond half of the budget there would be fewer again; the bar never falls, so the most is kept.
        asked = 1 if self.fresh_folds else min(spent.accepted + 1, max(budget // 2, 1))
        return math.lgamma(budget + 1) - math.lgamma(asked + 1) - math.lgamma(budget - asked + 1)

    def log_error(self, spent: Spent) -> float:
        """The logarithm of delta_k = delta / ((k + 1)(k + 2) N_k); as a number it would soon be 0.

        1/((k + 1)(k + 2)) sums to 1 over all k, so that the errors of all questions sum to delta at most. Raises
        SpecError for a budget below 1 and for less than no acceptance.
        """
        questions, k = self.log_questions(spent), spent.accepted
        return math.log(self.delta) - math.log(k + 1) - math.log(k + 2) - questions


def normal_quantile(log_error: float) -> float:
    """How many standard errors a normal variable exceeds with this chance, given as its logarithm."""
    return -float(ndtri_exp(log_error))
