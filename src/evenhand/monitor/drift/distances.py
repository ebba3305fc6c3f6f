"""Distances between histograms — PSI, Jensen-Shannon, Kolmogorov-Smirnov — and what sampling alone makes of them."""

import math

import numpy as np
from numpy.typing import NDArray

from evenhand.monitor.drift.scores import LARGEST, one_sided

Floats = NDArray[np.float64]
Counts = NDArray[np.int64] | NDArray[np.float64]
# Bins with fewer expected rows than this are counted as one: asymptotic laws need as many.
LEAST_EXPECTED = 10.0


def pooled(first: Counts, second: Counts) -> tuple[Floats, Floats]:
    """The counts of both with rare bins as one, and empty bins left out."""
    a, b = np.asarray(first, float), np.asarray(second, float)
    both = a + b
    expected = both * min(a.sum(), b.sum()) / max(both.sum(), 1.0)
    order = np.argsort(expected, kind="stable")
    reached = np.cumsum(expected[order])
    rare = int((expected < LEAST_EXPECTED).sum())
    # What is counted as one must itself be no rare bin.
    rare = max(rare, int(np.searchsorted(reached, LEAST_EXPECTED)) + 1) if rare else 0
    if rare > 1:
        kept = np.sort(order[rare:])
        a, b = np.append(a[kept], a[order[:rare]].sum()), np.append(b[kept], b[order[:rare]].sum())
    seen = a + b > 0
    return a[seen], b[seen]


def psi(first: Counts, second: Counts) -> float:
    """The population stability index Σ(p-q)ln(p/q), with half a row added to every bin so that none is empty."""
    p, q = (_shares(np.asarray(each, float) + 0.5) for each in (first, second))
    return float(((p - q) * np.log(p / q)).sum())


def js_divergence(first: Counts, second: Counts) -> float:
    """The Jensen-Shannon divergence in bits (base 2): 0 the same, 1 nothing in common."""
    p, q = _shares(np.asarray(first, float)), _shares(np.asarray(second, float))
    middle = (p + q) / 2
    found = 0.0
    for each in (p, q):
        held = each > 0
        found += 0.5 * float((each[held] * np.log2(each[held] / middle[held])).sum())
    return min(max(found, 0.0), 1.0)


def js_distance(first: Counts, second: Counts) -> float:
    """The Jensen-Shannon distance (base 2): the square root of the divergence, which is a metric."""
    return math.sqrt(js_divergence(first, second))


def ks_distance(first: Counts, second: Counts) -> float:
    """The largest gap between the two cumulated histograms; at most that of the rows themselves."""
    gaps = np.cumsum(_shares(np.asarray(first, float))) - np.cumsum(_shares(np.asarray(second, float)))
    return float(np.abs(gaps).max(initial=0.0))


def expected_js_distance(first: float, second: float, bins: int) -> float:
    """About the mean distance (base 2) of two samples of one distribution: the divergence is chi-square/8 in nats."""
    return math.sqrt((bins - 1) * (1 / first + 1 / second) / (8 * math.log(2)))


def ks_probability(distance: float, first: float, second: float) -> float:
    """The chance that sampling alone gives this KS distance or more (Kolmogorov's law; an upper bound for bins)."""
    root = math.sqrt(first * second / (first + second))
    at = (root + 0.12 + 0.11 / root) * distance
    if at < 0.2:
        return 1.0
    terms = (2.0 * (-1.0) ** (k - 1) * math.exp(-2 * (k * at) ** 2) for k in range(1, 101))
    return min(max(math.fsum(terms), 0.0), 1.0)


def baseline_radius(rows: float, bins: int, share: float) -> float:
    """How far (base 2) the baseline's histogram may lie from the truth, exceeded with this probability.

    8n times the divergence (in nats) between a histogram of n rows and its truth is near a chi-square with k-1 degrees.
    """
    return math.sqrt(_chi_square_quantile(one_sided(share), bins - 1) / (8 * rows * math.log(2)))


def inflation(now: Counts, then: Counts) -> float:
    """How much larger than a chi-square 8n·divergence is on average: 1 + 3/8 Σ(1/expected)/(k-1), to second order.

    As Williams's correction for G. Unless it is taken off, many small windows add up to evidence of nothing.
    """
    expected = (now + then) * now.sum() / (now.sum() + then.sum())
    return 1 + 0.375 * float((1 / expected).sum()) / (len(now) - 1)


def js_score(distance: float, rows: float, bins: int, allowed: float) -> float:
    """By how many standard errors a distance (base 2) from a fixed histogram is past the one allowed.

    8n·divergence is near a noncentral chi-square with k-1 degrees; its probability as a normal score after Sankaran,
    On the non-central chi-square distribution, Biometrika 46 (1959), 235-237.
    """
    scale = 8 * rows * math.log(2)
    return sankaran(scale * distance**2, bins - 1, scale * allowed**2)


def sankaran(value: float, degrees: float, noncentrality: float) -> float:
    """The normal score of a noncentral chi-square variate; Wilson and Hilferty's where it is central."""
    mean, spread = degrees + noncentrality, degrees + 2 * noncentrality
    h = 1 - 2 * mean * (degrees + 3 * noncentrality) / (3 * spread**2)
    p = spread / mean**2
    m = (h - 1) * (1 - 3 * h)
    middle = 1 + h * p * (h - 1 - 0.5 * (2 - h) * m * p)
    width = h * math.sqrt(2 * p) * (1 + 0.5 * m * p)
    score = ((value / mean) ** h - middle) / width
    return float(min(max(score, -LARGEST), LARGEST))


def _chi_square_quantile(z: float, degrees: float) -> float:
    """The chi-square that lies z standard errors up (Wilson & Hilferty 1931)."""
    part = 2 / (9 * degrees)
    return degrees * float(max(1 - part + z * math.sqrt(part), 0.0)) ** 3


def _shares(counts: Floats) -> Floats:
    total = counts.sum()
    return counts / total if total > 0 else counts
