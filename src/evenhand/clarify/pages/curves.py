"""Curves: partial dependence as lines, with the rows of each bucket as bars on the same axis."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from evenhand.clarify.analysis import Section
from evenhand.clarify.pages.numbers import number
from evenhand.renderers import figures
from evenhand.renderers.charts import Scale, drawing, element
from evenhand.renderers.reason_charts import LINES, span_scale, tick

MOST_CURVES = 24
MOST_CATEGORIES = 30
_LEFT, _RIGHT = 44, 306  # the plot within a picture of 320 wide
_TOP, _BOTTOM = 8, 118  # the lines
_ROOF, _FLOOR = 132, 176  # the bars
_WIDTH, _HEIGHT, _SLANTED = 320, 196, 226
_LETTERS = 9  # of a category's name below the axis


@dataclass(frozen=True)
class Curve:
    """One feature: where it was looked at, the model's mean answer there by label, and the share of rows."""

    feature: str
    kind: str
    at: tuple[float | str, ...] = ()
    lines: tuple[tuple[str, tuple[float | None, ...]], ...] = ()
    shares: tuple[float, ...] = ()
    error: str = ""

    @property
    def numeric(self) -> bool:
        """Whether values have a distance from each other."""
        return bool(self.at) and all(isinstance(value, float) for value in self.at)

    @property
    def left_out(self) -> int:
        """Categories that are in the table alone."""
        return 0 if self.numeric else max(len(self.at) - MOST_CATEGORIES, 0)

    def count(self, place: int, rows: int) -> str:
        """The rows of a bucket; their share where the number of rows is not known."""
        if place >= len(self.shares):
            return "–"
        share = self.shares[place]
        return figures.count(round(share * rows)) if rows else figures.percent(share)


def curves(explanations: Section) -> tuple[Curve, ...]:
    """The entries of `pdp` in their order."""
    found = explanations.get("pdp")
    return tuple(_curve(entry) for entry in found if isinstance(entry, dict)) if isinstance(found, list) else ()


def _curve(entry: Section) -> Curve:
    feature, kind = str(entry.get("feature_name", "")), str(entry.get("data_type", ""))
    values, predictions = entry.get("feature_values"), entry.get("model_predictions")
    if entry.get("error") or not isinstance(values, list) or not isinstance(predictions, list):
        return Curve(feature, kind, error=str(entry.get("error") or "No values were computed."))
    names = entry.get("label_headers") or []
    lines = [
        (str(names[place]) if place < len(names) else f"label{place}", tuple(map(number, line)))
        for place, line in enumerate(predictions)
        if isinstance(line, list)
    ]
    shares = [number(share) or 0.0 for share in entry.get("data_distribution") or []]
    return Curve(feature, kind, _at(values, kind), tuple(lines), tuple(shares))


def _at(values: Sequence[Any], kind: str) -> tuple[float | str, ...]:
    numbers = [number(value) for value in values]
    if kind != "categorical" and all(value is not None and math.isfinite(value) for value in numbers):
        return tuple(value for value in numbers if value is not None)
    return tuple(str(value) for value in values)


def told(curve: Curve) -> str:
    """A curve in words: where each line is lowest and highest."""
    return "; ".join(filter(None, (_told_line(curve, name, line) for name, line in curve.lines[:LINES])))


def _told_line(curve: Curve, name: str, line: Sequence[float | None]) -> str:
    known = [(at, value) for at, value in zip(curve.at, line, strict=False) if value is not None]
    if not known:
        return f"{name}: no values"
    low, high = min(known, key=lambda point: point[1]), max(known, key=lambda point: point[1])
    value = figures.value
    return f"{name}: lowest {value(low[1])} at {said(low[0])}, highest {value(high[1])} at {said(high[0])}"


def said(at: float | str) -> str:
    """A value of the feature."""
    return at if isinstance(at, str) else figures.setting(at)


def chart(curve: Curve) -> Markup:
    """The lines above, the bars of the buckets below, both over the same values."""
    places = _places(curve)
    finite = [value for _, line in curve.lines for value in line if value is not None and math.isfinite(value)]
    up = span_scale(finite)
    marks = [*_grid(up), *_across(curve, places), *_bars(curve, places)]
    for number_, (_, line) in reversed(list(enumerate(curve.lines[:LINES]))):
        marks += _line(places, line, up, number_, dots=not curve.numeric)
    words = [element("title", f"Partial dependence of {curve.feature}"), element("desc", told(curve))]
    described = f"{curve.feature}: {told(curve)}"
    return drawing(
        described,
        *words,
        *marks,
        class_="pic",
        viewBox=f"0 0 {_WIDTH} {_SLANTED if len(curve.at) > 5 and not curve.numeric else _HEIGHT}",
    )


def _places(curve: Curve) -> list[float]:
    """Where each value stands across, in the picture."""
    if curve.numeric:
        numbers = [at for at in curve.at if isinstance(at, float)]
        scale = _room(numbers)
        return [round(_LEFT + (_RIGHT - _LEFT) * scale.place(at) / 100, 1) for at in numbers]
    shown = min(len(curve.at), MOST_CATEGORIES)
    return [round(_LEFT + (_RIGHT - _LEFT) * (place + 0.5) / shown, 1) for place in range(shown)]


def _room(numbers: Sequence[float]) -> Scale:
    """Half a bucket of room at both ends, so that the outer bars are whole."""
    low, high = min(numbers), max(numbers)
    margin = (high - low) / (2 * max(len(numbers) - 1, 1)) or abs(low) * 0.5 or 0.5
    return Scale(low - margin, high + margin)


def _up(scale: Scale, value: float) -> float:
    return round(_BOTTOM - (_BOTTOM - _TOP) * scale.place(value) / 100, 1)


def _grid(up: Scale) -> list[Markup]:
    marks = []
    for at in up.ticks:
        y = _up(up, at)
        marks.append(element("path", class_="gl", d=f"M{_LEFT} {y:g}H{_RIGHT}"))
        marks.append(element("text", tick(at, up), class_="e1", x=_LEFT - 5, y=y, dy=".33em"))
    return [*marks, element("path", class_="zl", d=f"M{_LEFT} {_FLOOR}H{_RIGHT}")]


def _across(curve: Curve, places: Sequence[float]) -> list[Markup]:
    """What stands below the axis: round numbers, or the names of categories, shortened and slanted if they are many."""
    if curve.numeric:
        numbers = [at for at in curve.at if isinstance(at, float)]
        scale = _room(numbers)
        ends = ((at, round(_LEFT + (_RIGHT - _LEFT) * scale.place(at) / 100, 1)) for at in scale.ticks)
        return [element("text", tick(at, scale), class_="e0", x=x, y=_FLOOR + 15) for at, x in ends]
    marks = []
    for at, x in zip(curve.at, places, strict=False):
        text = said(at) if len(said(at)) <= _LETTERS else said(at)[: _LETTERS - 1] + "…"
        if len(places) <= 5:
            marks.append(element("text", text, class_="e0", x=x, y=_FLOOR + 15))
        elif len(places) <= 16:
            turned = f"rotate(-40 {x:g} {_FLOOR + 12})"
            marks.append(element("text", text, class_="e1", x=x, y=_FLOOR + 12, transform=turned))
    return marks


def _bars(curve: Curve, places: Sequence[float]) -> list[Markup]:
    top = max(curve.shares, default=0.0)
    if top <= 0 or not math.isfinite(top):
        return []
    gaps = [right - left for left, right in pairwise(places) if right > left]
    width = max(min(gaps, default=30.0) * 0.8, 1.0)
    steps = "".join(
        f"M{x - width / 2:.1f} {_FLOOR}v{-(_FLOOR - _ROOF) * max(share, 0.0) / top:.1f}h{width:.1f}V{_FLOOR}z"
        for x, share in zip(places, curve.shares, strict=False)
    )
    label = element("text", figures.percent(top), class_="e1", x=_LEFT - 5, y=_ROOF, dy=".4em")
    return [element("path", class_="de", d=steps), label]


def _line(places: Sequence[float], line: Sequence[float | None], up: Scale, place: int, *, dots: bool) -> list[Markup]:
    """A line, broken where there is no value; over categories, which have no order, dots alone."""
    points = [
        (x, _up(up, value))
        for x, value in zip(places, line, strict=False)
        if value is not None and math.isfinite(value)
    ]
    if not points:
        return []
    if dots or len(points) == 1:
        return [element("circle", class_=f"dt l{place}", cx=x, cy=y, r=4) for x, y in points]
    style = "ln all" if place == 0 else f"ln l{place - 1}"
    return [element("path", class_=style, d="M" + "L".join(f"{x:g} {y:g}" for x, y in points))]
