"""Numbers as people read them: rates, counts, values, ranges, probabilities, dates."""

import math
from collections.abc import Callable
from datetime import datetime

from evenhand.core.finding import Finding, Interval

MINUS = "\u2212"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def percent(rate: float | None) -> str:
    """A rate in percent, with more digits where it is close to nothing."""
    if rate is None:
        return "not defined"
    if not math.isfinite(rate):
        return value(rate)
    if rate in (0, 1):
        return f"{rate:.0%}"
    size = abs(rate)
    if size < 0.0001:
        return "< 0.01%" if rate > 0 else f"> {MINUS}0.01%"
    near_end = size < 0.01 or 0.999 < size < 1
    return _signed(f"{rate * 100:.{2 if near_end else 1}f}%")


def count(rows: float) -> str:
    """Rows, or a sum of weights, with commas between thousands."""
    if not math.isfinite(rows):
        return value(rows)
    whole = float(rows).is_integer()
    return _signed(f"{rows:,.0f}" if whole or abs(rows) >= 1000 else f"{rows:,.1f}")


def value(number: float | None) -> str:
    """A measured value to about three digits."""
    if number is None:
        return "not defined"
    if math.isnan(number):
        return "not a number"
    if math.isinf(number):
        return "∞" if number > 0 else f"{MINUS}∞"
    return _signed(_digits(number))


def _digits(number: float) -> str:
    size = abs(number)
    if number == 0:
        return "0"
    if size >= 1e15 or size < 1e-4:
        mantissa, exponent = f"{number:.1e}".split("e")
        return f"{mantissa} × 10{str(int(exponent)).translate(_RAISED)}"
    if size >= 1000:
        return f"{number:,.0f}"
    places = 1 if size >= 100 else 2 if size >= 10 else 3 if size >= 0.01 else 4
    return f"{number:.{places}f}"


def _signed(text: str) -> str:
    return text.replace("-", MINUS)


def interval(range_: Interval | None, written: Callable[[float | None], str] = value) -> str:
    """Both ends of an interval, or nothing."""
    return f"{written(range_.low)} to {written(range_.high)}" if range_ else ""


def setting(number: float) -> str:
    """A number somebody chose, in the digits they chose it with."""
    return _signed(f"{number:.6g}") if math.isfinite(number) else value(number)


def times(number: float) -> str:
    """A multiple, to two digits."""
    return value(number) if not math.isfinite(number) else f"{number:.1f}" if number < 10 else count(round(number))


def finding_value(finding: Finding) -> str:
    """The value of a finding, or why it has none."""
    if finding.value is None:
        return f"not defined: {finding.reason}" if finding.reason else "not defined"
    return value(finding.value)


def acceptable(finding: Finding) -> str:
    """The values that a finding may take, in words."""
    if finding.acceptable is None:
        return "no threshold"
    low, high = finding.acceptable
    if math.isinf(low):
        return f"at most {value(high)}"
    if math.isinf(high):
        return f"at least {value(low)}"
    return f"{value(low)} to {value(high)}"


def detectable(finding: Finding) -> str:
    """The smallest gap that these rows would have shown four times in five: a distance, or a factor for ratios."""
    smallest = finding.minimum_detectable
    if smallest is None:
        return "none"
    return f"{value(smallest)} times" if finding.parity == 1 else value(smallest)


def probability(p_value: float | None) -> str:
    """A p-value as an equation."""
    if p_value is None:
        return ""
    if p_value < 0.001:
        return "p < 0.001"
    return f"p = {p_value:.3f}" if p_value < 0.1 else f"p = {p_value:.2f}"


def several(number: int, one: str, many: str | None = None) -> str:
    """A count with its noun: `1 group`, `3 groups`."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def titled(name: str) -> str:
    """A name as a heading: only its first letter changes."""
    return name[:1].upper() + name[1:]


def moment(text: str) -> str:
    """A time stamp as a date and a time; as it is, where it is none."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = when.tzname() or ""
    return f"{when.day} {when:%B %Y, %H:%M} {zone}".strip()
