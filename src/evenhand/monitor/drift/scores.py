"""Scores: how many standard errors a window lies past what is fine, and the levels that a family of questions gets."""

import math
from statistics import NormalDist

NORMAL = NormalDist()
# Beyond this many standard errors nothing is known about tails of counts.
LARGEST = 8.0


def one_sided(share: float) -> float:
    """The standard errors that noise passes, upwards, with this probability."""
    return -NORMAL.inv_cdf(min(max(share, 1e-300), 1 - 1e-12))


def baseline_share(false_alarms: float, questions: int) -> float:
    """The chance that the baseline's bound of one question fails: half of what is allowed, shared by all questions.

    The baseline is one draw that all windows are compared with. Its error does not average out over windows, so
    windows are compared with a bound of it, and the other half is left for the windows.
    """
    return false_alarms / (2 * max(questions, 1))


def clipped(score: float) -> float:
    """A score within what normal tails are good for; a score that is no number says nothing (0)."""
    return 0.0 if math.isnan(score) else min(max(score, -LARGEST), LARGEST)


def probability(score: float) -> float:
    """The chance that noise alone gives at least this score."""
    return 0.5 * math.erfc(score / math.sqrt(2))


def folded(score: float) -> float:
    """The score of a size whose sign was free: noise passes it on either side, so its probability counts twice.

    The size of a standard normal number is no standard normal number; adding up |z| would raise false alarms.
    """
    share = 2 * probability(clipped(score))
    return clipped(one_sided(share)) if share < 1 else -LARGEST
