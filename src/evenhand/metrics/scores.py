"""Scores: whether a model's scores rank, and mean, the same in every group."""

import numpy as np

from evenhand.core.errors import Undefined
from evenhand.core.interval import Array, Estimate, Mean, mean_difference
from evenhand.core.metric import metric
from evenhand.core.sides import NEGATIVE, POSITIVE, Comparison, Scores

_RANK = "Quality of service: the model tells positive from negative cases less well in one group."
_MEANING = "Calibration: the same score means another risk in each group."
_LEVEL = "The scores of one group lie higher, whatever threshold is chosen later."

# Calibration is judged over this many equal-width ranges of the score (Naeini et al. 2015 use 10 to 15).
CALIBRATION_BINS = 16


def _area(side: Scores) -> Mean:
    """The area under the ROC curve with DeLong's variance, from the histogram; ties within a bin count half.

    DeLong, DeLong, Clarke-Pearson, Biometrics 44 (1988), 837-845.
    """
    positive, negative = side.of_label(POSITIVE).astype(float), side.of_label(NEGATIVE).astype(float)
    positives, negatives = positive.sum(), negative.sum()
    if positives == 0 or negatives == 0:
        raise Undefined(f"{side.who} has no {'positive' if positives == 0 else 'negative'} labels")
    below = (np.cumsum(negative) - negative / 2) / negatives
    above = 1 - (np.cumsum(positive) - positive / 2) / positives
    area = positive @ below / positives
    spread = _variance(positive, below, area, side.effective) + _variance(negative, above, area, side.effective)
    return Mean(np.asarray(area), np.asarray(spread))


def _variance(counts: Array, placements: Array, mean: float, effective: float) -> float:
    size = counts.sum()
    return float(counts @ (placements - mean) ** 2 / size / max(size * effective - 1, 1.0))


@metric(
    code="AUCD", name="AUC difference",
    stage="scores", needs="scored labels", parity=0.0, bounds=(-1, 1), unit="number", harm=_RANK,
    above="scores tell positive from negative cases less well in {group} than in {rest} (AUC {size} lower)",
    below="scores tell positive from negative cases better in {group} than in {rest} (AUC {size} higher)",
)  # fmt: skip
def auc_difference(comparison: Comparison[Scores]) -> Estimate:
    """How much better the scores rank the rest than the group.

    AUC_rest - AUC_group, each by DeLong (1988).
    """
    return mean_difference(_area(comparison.rest), _area(comparison.group), "delong")


def _miscalibration(side: Scores) -> Mean:
    """The expected calibration error, corrected for the part that chance alone makes, and its variance."""
    counts = _coarse(side.bins)
    positive, known = counts[:, POSITIVE], counts[:, : POSITIVE + 1].sum(axis=1)
    scores = _coarse(side.bins[:, : POSITIVE + 1].sum(axis=1, keepdims=True) * side.middles[:, np.newaxis])[:, 0]
    total = known.sum()
    if total == 0:
        raise Undefined(f"{side.who} has no scored labels")
    held = known > 0
    share, rate, score = known[held] / total, positive[held] / known[held], scores[held] / known[held]
    spread = np.maximum(rate * (1 - rate), 0.25 / (known[held] * side.effective + 1)) / (known[held] * side.effective)
    gap = rate - score
    # E|gap| exceeds |true gap| by chance; the half-normal mean is what a calibrated bin would show.
    excess = np.maximum(np.abs(gap) - np.sqrt(2 * spread / np.pi) * np.exp(-(gap**2) / (2 * spread)), 0.0)
    return Mean(np.asarray(share @ excess), np.asarray(share**2 @ spread))


def _coarse(bins: Array) -> Array:
    """Histogram rows added up into CALIBRATION_BINS ranges."""
    place = np.arange(len(bins)) * CALIBRATION_BINS // len(bins)
    total = np.zeros((CALIBRATION_BINS, bins.shape[1]))
    np.add.at(total, place, bins)
    return total


@metric(
    code="ECED", stage="scores", needs="probabilities", parity=0.0, bounds=(-1, 1), harm=_MEANING,
    above="scores are {size} further from the true rates in {group} than in {rest}",
    below="scores are {size} closer to the true rates in {group} than in {rest}",
)  # fmt: skip
def calibration_error_difference(comparison: Comparison[Scores]) -> Estimate:
    """How much further the scores of the group are from its true rates than those of the rest.

    Expected calibration error over 16 ranges of the score, less the part that chance alone makes.
    """
    return mean_difference(_miscalibration(comparison.group), _miscalibration(comparison.rest))


@metric(
    code="CBD", stage="scores", needs="probabilities", parity=0.0, bounds=(-1, 1), harm=_MEANING,
    above="scores overstate the true rate of {group} by {size} more than that of {rest}",
    below="scores understate the true rate of {group} by {size} more than that of {rest}",
)  # fmt: skip
def calibration_bias_difference(comparison: Comparison[Scores]) -> Estimate:
    """How much more the scores overstate the positive rate of the group than that of the rest.

    Mean score minus positive rate (calibration in the large), group minus rest.
    """
    return mean_difference(_overstatement(comparison.group), _overstatement(comparison.rest))


def _overstatement(side: Scores) -> Mean:
    counts = side.bins[:, : POSITIVE + 1]
    total = counts.sum()
    if total == 0:
        raise Undefined(f"{side.who} has no scored labels")
    gaps = side.middles[:, np.newaxis] - np.array([0.0, 1.0])
    mean = (counts * gaps).sum() / total
    spread = (counts * (gaps - mean) ** 2).sum() / total
    return Mean(np.asarray(mean), np.asarray(spread / (total * side.effective)))


@metric(
    code="BPC", stage="scores", needs="scored labels", parity=0.0, bounds=(-1, 1), unit="score", harm=_LEVEL,
    above="positive cases of {group} score {size} lower than those of {rest}",
    below="positive cases of {group} score {size} higher than those of {rest}",
)  # fmt: skip
def balance_for_the_positive_class(comparison: Comparison[Scores]) -> Estimate:
    """How much higher the positive cases of the rest score than those of the group.

    Kleinberg, Mullainathan, Raghavan, Inherent Trade-Offs (2016).
    """
    return mean_difference(comparison.rest.mean(POSITIVE), comparison.group.mean(POSITIVE))


@metric(
    code="BNC", stage="scores", needs="scored labels", parity=0.0, bounds=(-1, 1), unit="score", harm=_LEVEL,
    above="negative cases of {group} score {size} lower than those of {rest}",
    below="negative cases of {group} score {size} higher than those of {rest}",
)  # fmt: skip
def balance_for_the_negative_class(comparison: Comparison[Scores]) -> Estimate:
    """How much higher the negative cases of the rest score than those of the group.

    Kleinberg, Mullainathan, Raghavan, Inherent Trade-Offs (2016).
    """
    return mean_difference(comparison.rest.mean(NEGATIVE), comparison.group.mean(NEGATIVE))


@metric(
    code="MSD", stage="scores", needs="scores", parity=0.0, bounds=(-1, 1), unit="score", harm=_LEVEL,
    above="{group} scores {size} lower than {rest}", below="{group} scores {size} higher than {rest}",
)  # fmt: skip
def mean_score_difference(comparison: Comparison[Scores]) -> Estimate:
    """How much higher the rest score than the group, on average."""
    return mean_difference(comparison.rest.mean(), comparison.group.mean())
