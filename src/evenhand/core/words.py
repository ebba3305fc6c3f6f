"""Words: numbers as people read them, and the sentence of a finding."""

import math

from evenhand.core.metric import Metric, Unit


def amount(value: float, unit: Unit) -> str:
    """A distance in its unit: "12.3 percentage points", "0.62 times", "0.041"."""
    if math.isinf(value):
        return "infinitely" if unit == "times" else "infinite"
    if unit == "points":
        return f"{digits(100 * value)} percentage points"
    if unit == "share":
        return f"{digits(100 * value)}%"
    if unit == "times":
        return f"{digits(value)} times"
    return digits(value)


def digits(value: float) -> str:
    """A number with three significant digits, without an exponent where people would not expect one."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e6 or size < 1e-4:
        return f"{value:.2e}"
    places = max(0, 2 - math.floor(math.log10(size)))
    return f"{value:,.{min(places, 6)}f}"


def sentence(metric: Metric, value: float, group: str, rest: str) -> str:
    """What a value means, in words."""
    words = metric.above if metric.parity is None or value >= metric.parity else metric.below
    distance = value if metric.unit == "times" or metric.parity is None else abs(value - metric.parity)
    # Not str.format: the names of groups may hold braces.
    pieces = words.replace("{size}", amount(distance, metric.unit)).split("{group}")
    return group.join(piece.replace("{rest}", rest) for piece in pieces)
