"""Dealing: how likely a random deal of the values gives a group so large a sum, however skewed the values are.

Welch's test believes the group's own spread, which in a small group of skewed values is small just when its mean is
low. What chance does is dealing: n of N values are drawn without replacement. Its tail is that of a sum of independent
draws, given that n are drawn, by Skovgaard's double saddlepoint approximation (Journal of Applied Probability 24, 1987;
for deals: Robinson, Journal of the Royal Statistical Society B 44, 1982), whose relative error stays small far out.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_STEPS = 60
_ROUNDING = 1e-9
_NEAR = 1e-3  # standard deviations from the middle within which the formula is 0/0; a normal tail is right there


def dealt_tail(values: Array, rows: int, total: float) -> float:
    """The chance that `rows` of the values, drawn at random, sum to `total` or more.

    The deal solves K'(s, t) = (n, T), where K(s, t) = Σ log(1 − p + p·exp(s + t·x)) and p = n/N; then
    w = sign(t)·√(2(s·n + t·T − K)), u = t·√(det K''(s, t) / (N·p(1 − p))), and the tail is Φ(−w) + φ(w)(1/u − 1/w).
    """
    from scipy.special import ndtr

    every = len(values)
    spread = float(values.std())
    if not 0 < rows < every or spread == 0:
        return 1.0
    ordered = np.sort(values)
    steps = np.diff(ordered)
    if total <= ordered[:rows].sum() + _ROUNDING * spread * rows:
        return 1.0
    most = float(ordered[-rows:].sum())
    if total > most + _ROUNDING * spread * rows:
        return 0.0
    largest = total >= most - _ROUNDING * spread * rows
    scores, share = (values - values.mean()) / spread, rows / every
    # Whole numbers and the like: half a unit less, as for any sum that comes in steps.
    wanted = (total - float(steps[steps > 0].min()) / 2 - rows * float(values.mean())) / spread
    plain = wanted / np.sqrt(rows * (1 - share))
    if abs(plain) < _NEAR:
        return float(ndtr(-plain))
    point, information, reached = _solved(scores, share, np.array([float(rows), wanted]))
    w = float(np.sign(point[1]) * np.sqrt(max(2 * reached, 0.0)))
    u = float(point[1] * np.sqrt(max(np.linalg.det(information), 0.0) / (every * share * (1 - share))))
    if largest or w == 0 or u == 0:
        # No deal gives more: the formula is 0/0 there, and Chernoff's bound is never too small.
        return float(np.exp(-max(reached, 0.0)))
    density = float(np.exp(-w * w / 2) / np.sqrt(2 * np.pi))
    return float(np.clip(ndtr(-w) + density * (1 / u - 1 / w), 0.0, 1.0))


def _solved(scores: Array, share: float, wanted: Array) -> tuple[Array, Array, float]:
    """The saddlepoint, K'' there, and s·n + t·T − K, its largest value; by Newton's steps, halved until they rise."""
    point = np.zeros(2)
    height, slope, information = _surface(scores, share, wanted, point)
    for _ in range(_STEPS):
        ridge = 1e-12 * np.trace(information) + np.finfo(float).tiny
        step = np.linalg.solve(information + ridge * np.eye(2), slope)
        size = 1.0
        while size > 1e-9:
            tried = _surface(scores, share, wanted, point + size * step)
            if tried[0] >= height:
                break
            size /= 2
        gained = tried[0] - height
        if np.isnan(gained) or gained < 0:
            break
        point, (height, slope, information) = point + size * step, tried
        if gained < 1e-10:
            break
    return point, information, height


def _surface(scores: Array, share: float, wanted: Array, point: Array) -> tuple[float, Array, Array]:
    """s·n + t·T − K(s, t), its slope, and K''."""
    tilt = point[0] + point[1] * scores
    # log(1 − p + p·e^a), and the chance of each value to be drawn, with no overflow.
    log = np.logaddexp(np.log1p(-share), np.log(share) + tilt)
    chance = np.exp(np.log(share) + tilt - log)
    varies = chance * (1 - chance)
    first, second = float(varies.sum()), float(varies @ scores)
    information = np.array([[first, second], [second, float(varies @ scores**2)]])
    slope = wanted - np.array([chance.sum(), chance @ scores])
    return float(point @ wanted - log.sum()), slope, information
