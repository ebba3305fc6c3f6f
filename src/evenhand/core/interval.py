"""Intervals: for one rate, a gap or a ratio of two, a mean, and draws; and what follows from an interval."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bounds = tuple[float, float]
Array = NDArray[Any]

_NORMAL = NormalDist()


@lru_cache
def normal_quantile(level: float) -> float:
    """The half-width of a two-sided normal interval in standard errors: 1.96 for 0.95."""
    return _NORMAL.inv_cdf(0.5 + level / 2)


def wilson(hits: float, trials: float, level: float) -> Bounds:
    """The score interval of one rate; `trials` may be an effective number.

    Wilson, Probable inference, JASA 22 (1927), 209-212. At the edges it covers less than the level for some
    rates (0.91 for 10 rows and a rate of 0.05); it never collapses to a point as the Wald interval does.
    """
    if trials <= 0:
        return 0.0, 1.0
    z = normal_quantile(level)
    rate = min(max(hits / trials, 0.0), 1.0)
    middle = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    low = 0.0 if rate == 0 else max(0.0, middle - half)
    high = 1.0 if rate == 1 else min(1.0, middle + half)
    return low, high


def newcombe(first: Bounds, first_rate: float, second: Bounds, second_rate: float) -> Bounds:
    """The interval of first_rate - second_rate from the Wilson intervals of the two.

    Newcombe, Interval estimation for the difference between independent proportions, Statistics in Medicine 17
    (1998), 873-890, method 10.
    """
    gap = first_rate - second_rate
    below = math.hypot(first_rate - first[0], second[1] - second_rate)
    above = math.hypot(first[1] - first_rate, second_rate - second[0])
    return max(-1.0, gap - below), min(1.0, gap + above)


def ratio_score(hits: float, trials: float, other_hits: float, other_trials: float, level: float) -> Bounds:
    """The score interval of (hits/trials) / (other_hits/other_trials), without a continuity correction.

    Koopman, Confidence intervals for the ratio of two binomial proportions, Biometrics 40 (1984), 513-517; the
    bounds are found by bisection on the logarithm of the ratio.
    """
    limit = normal_quantile(level) ** 2

    def distance(log_ratio: float) -> float:
        return _ratio_chi_square(math.exp(log_ratio), hits, trials, other_hits, other_trials)

    if hits == 0 and other_hits == 0:
        return 0.0, math.inf
    rate, other = hits / trials, other_hits / other_trials
    start = math.log(rate / other) if rate > 0 and other > 0 else (-20.0 if rate == 0 else 20.0)
    low = 0.0 if rate == 0 else math.exp(_crossing(distance, start, -1, limit))
    high = math.inf if other == 0 else math.exp(_crossing(distance, start, +1, limit))
    return low, high


def _ratio_chi_square(ratio: float, hits: float, trials: float, other_hits: float, other_trials: float) -> float:
    # The restricted maximum-likelihood rate of the other side solves a quadratic (Koopman 1984, eq. 2.2).
    square = ratio * (trials + other_trials)
    linear = -(ratio * (trials + other_hits) + hits + other_trials)
    root = (-linear - math.sqrt(max(linear * linear - 4 * square * (hits + other_hits), 0.0))) / (2 * square)
    other = min(max(root, 1e-300), 1.0)
    rate = min(ratio * other, 1.0)
    variance = rate * (1 - rate) / trials + ratio * ratio * other * (1 - other) / other_trials
    if variance <= 0:
        return math.inf
    return float((hits / trials - ratio * other_hits / other_trials) ** 2 / variance)


def _crossing(distance: Callable[[float], float], start: float, direction: int, limit: float) -> float:
    """Where the distance passes the limit, going from the estimate in one direction."""
    step = 0.1
    while distance(start + direction * step) < limit and step < 700:
        step *= 2
    inner, outer = step / 2 if step > 0.1 else 0.0, step
    for _ in range(48):
        middle = (inner + outer) / 2
        inner, outer = (middle, outer) if distance(start + direction * middle) < limit else (inner, middle)
    return start + direction * inner


def percentile(draws: Array, level: float) -> Bounds:
    """The percentile interval of bootstrap draws; undefined draws are left out."""
    defined = draws[~np.isnan(draws)]
    if defined.size == 0:
        return math.nan, math.nan
    low, high = np.quantile(defined, ((1 - level) / 2, (1 + level) / 2), method="inverted_cdf")
    return float(low), float(high)


def expanded(level: float, units: int) -> float:
    """The level at which a percentile interval of few units covers as often as it says.

    Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician 69 (2015), 371-386: Student's
    quantile (here by its expansion in 1/degrees) takes the place of the normal one, and units / (units - 1) makes up
    for the bootstrap's narrowness.
    """
    if units < 3:
        return level
    z, degrees = normal_quantile(level), units - 1
    student = z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
    return 2 * _NORMAL.cdf(student * math.sqrt(units / degrees)) - 1


@dataclass(frozen=True)
class Rate:
    """Hits among trials on one side of a comparison; shapes agree and any draws lie in front.

    `effective` is the number of independent rows each unit of the trials is worth (1 without weights).
    """

    hits: Array
    trials: Array
    effective: float = 1.0

    @property
    def value(self) -> Array:
        """The rate, NaN where there are no trials."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.true_divide(self.hits, self.trials)

    def interval(self, level: float) -> Bounds:
        """The Wilson interval."""
        return wilson(float(self.hits) * self.effective, float(self.trials) * self.effective, level)


@dataclass(frozen=True)
class Mean:
    """A mean of one side with the variance of that mean."""

    value: Array
    variance: Array


@dataclass(frozen=True)
class Estimate:
    """A measured value and, where theory gives one, the interval; without `bounds` the tally is resampled."""

    value: Array
    bounds: Callable[[float], Bounds] | None = None
    method: str = "bootstrap"


def difference(first: Rate, second: Rate) -> Estimate:
    """first - second, with Newcombe's interval."""

    def bounds(level: float) -> Bounds:
        return newcombe(first.interval(level), float(first.value), second.interval(level), float(second.value))

    return Estimate(first.value - second.value, bounds, "newcombe")


def ratio(first: Rate, second: Rate) -> Estimate:
    """first / second, with Koopman's score interval."""

    def bounds(level: float) -> Bounds:
        return ratio_score(
            float(first.hits) * first.effective,
            float(first.trials) * first.effective,
            float(second.hits) * second.effective,
            float(second.trials) * second.effective,
            level,
        )

    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.true_divide(first.value, second.value)
    return Estimate(value, bounds, "score")


def largest(gaps: Sequence[Estimate]) -> Estimate:
    """The largest absolute value of a few gaps, from their own intervals.

    The upper bound is the largest any of them reaches; the lower one is what some gap keeps at a level that allows for
    having picked it (Bonferroni).
    """

    def bounds(level: float) -> Bounds:
        reached = [max(map(abs, gap.bounds(level))) for gap in gaps if gap.bounds is not None]
        picked = 1 - (1 - level) / len(gaps)
        kept = [max(low, -high, 0.0) for low, high in (gap.bounds(picked) for gap in gaps if gap.bounds is not None)]
        return max(kept), max(reached)

    value = np.max(np.stack([np.abs(gap.value) for gap in gaps]), axis=0)
    return Estimate(np.asarray(value), bounds, gaps[0].method)


def mean_difference(first: Mean, second: Mean, method: str = "normal") -> Estimate:
    """first - second of two independent means, with a normal interval."""

    def bounds(level: float) -> Bounds:
        half = normal_quantile(level) * math.sqrt(float(first.variance) + float(second.variance))
        gap = float(first.value) - float(second.value)
        return gap - half, gap + half

    return Estimate(first.value - second.value, bounds, method)


def tail_probability(value: float, bounds: Bounds, level: float, boundary: float, *, logarithmic: bool) -> float:
    """The two-sided p-value of "the true value is `boundary`", by inverting the interval on its side.

    Below 1 - level exactly where the interval excludes the boundary; elsewhere by the normal tail.
    """
    scale: Callable[[float], float] = _log if logarithmic else float
    low, high, middle, edge = scale(bounds[0]), scale(bounds[1]), scale(value), scale(boundary)
    towards = low if edge < middle else high
    if middle == edge or math.isnan(towards):
        return 1.0
    half = abs(middle - towards)
    if math.isinf(half) or math.isinf(middle):
        inside = min(low, high) <= edge <= max(low, high)
        return 1.0 if inside else 1 - level
    if half == 0:
        return 0.0
    return 2 * (1 - _NORMAL.cdf(abs(middle - edge) / half * normal_quantile(level)))


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def chance_probability(value: float, null: Array) -> float:
    """How often chance alone makes a gap this large; ties count half, as in a mid-p value.

    Where no draw reaches the value, the normal tail of the draws stands in, so that corrections for many questions
    can still find it.
    """
    defined = null[~np.isnan(null)]
    if not len(defined):
        return 1.0
    tied = (defined == value) | (np.abs(defined - value) <= 1e-12) if math.isfinite(value) else defined == value
    reached = float(((defined > value) & ~tied).sum()) + float(tied.sum()) / 2
    if reached or math.isinf(value):
        return min(1.0, (reached + 0.5) / (len(defined) + 1))
    spread = float(defined.std())
    tail = _NORMAL.cdf(-(value - float(defined.mean())) / spread) if spread > 0 else 1.0
    return min(tail, 0.5 / (len(defined) + 1))


def detectable(bounds: Bounds, level: float, power: float = 0.8, *, logarithmic: bool) -> float | None:
    """The smallest gap from parity that would be found with the given power, from the width of the interval.

    For a ratio the answer is a ratio above 1; None where the interval has no finite width.
    """
    scale: Callable[[float], float] = _log if logarithmic else float
    width = scale(bounds[1]) - scale(bounds[0])
    if not math.isfinite(width):
        return None
    error = width / (2 * normal_quantile(level))
    gap = error * (normal_quantile(level) + _NORMAL.inv_cdf(power))
    return math.exp(min(gap, 700.0)) if logarithmic else gap


def corrected(p_values: list[float], method: str) -> list[float]:
    """P-values corrected for their number: Benjamini and Hochberg (1995), Holm (1979), or none."""
    count = len(p_values)
    if method == "none" or count == 0:
        return list(p_values)
    values = np.asarray(p_values)
    ascending = np.argsort(values, kind="stable")
    ranked = values[ascending]
    if method == "holm":
        adjusted = np.maximum.accumulate(ranked * (count - np.arange(count)))
    else:
        adjusted = np.minimum.accumulate((ranked * count / np.arange(1, count + 1))[::-1])[::-1]
    result = np.empty(count)
    result[ascending] = np.minimum(adjusted, 1.0)
    return [float(value) for value in result]
