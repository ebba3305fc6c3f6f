"""Steps as inline SVG: a number that changes by jumps, from one version to the next, as a stair over equal widths.

A picture with a title and a description; a table says the same numbers. Widths are in percent, heights in pixels, so
that text keeps its size on a phone.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evenhand.renderers.charts import Scale, element, round_step
from evenhand.renderers.timelines import BOTTOM, HEIGHT, LEFT, RIGHT, TOP

MOST_DOTS = 60
_MOST_NAMES = 6


@dataclass(frozen=True)
class Step:
    """From here on the number has this value."""

    name: str
    """What stands below the plot: a version, a number of finds."""
    value: float
    words: str
    marked: bool = False


@dataclass(frozen=True)
class Stair:
    """What a picture of steps says besides them."""

    title: str
    words: str
    written: Callable[[float], str]


def steps(found: Sequence[Step], stair: Stair, *, identity: str) -> Markup:
    """The picture; `identity` begins the ids of its title and description."""
    scale = _scale([step.value for step in found])
    plot = element(
        "svg", element("path", class_="tv", d=_path(found, scale)), y=TOP, width="100%", height=BOTTOM - TOP,
        viewBox=f"0 0 100 {BOTTOM - TOP}", preserveAspectRatio="none",
    )  # fmt: skip
    return element(
        "svg",
        element("title", stair.title, id=f"{identity}-title"),
        element("desc", stair.words, id=f"{identity}-desc"),
        element("g", *_grid(scale, stair), plot, *_dots(found, scale), *_names(found), aria_hidden="true"),
        class_="tl",
        role="img",
        height=HEIGHT,
        aria_labelledby=f"{identity}-title",
        aria_describedby=f"{identity}-desc",
    )


def _scale(values: Sequence[float]) -> Scale:
    """Wide enough for all values, ending at round numbers; what hardly moves is not blown up to the whole height."""
    numbers = [value for value in values if math.isfinite(value)]
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    least = 0.1 * max(abs(low), abs(high), 1e-9)
    if high - low < least:
        low, high = low - (least - (high - low)) / 2, high + (least - (high - low)) / 2
    step = round_step((high - low) / 3)
    return Scale(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step)


def _along(place: int, number: int) -> float:
    """Where a step begins, in percent of the width."""
    return round(LEFT + (RIGHT - LEFT) * place / max(number, 1), 2)


def _up(value: float, scale: Scale) -> float:
    return round((BOTTOM - TOP) * (1 - scale.place(value) / 100), 1)


def _path(found: Sequence[Step], scale: Scale) -> str:
    """Along each step, then up or down to the next."""
    pieces = [
        f"{'V' if place else f'M{LEFT:g} '}{_up(step.value, scale):g}H{_along(place + 1, len(found)):g}"
        for place, step in enumerate(found)
    ]
    return "".join(pieces)


def _grid(scale: Scale, stair: Stair) -> list[Markup]:
    marks = []
    for tick in scale.ticks:
        y = TOP + _up(tick, scale)
        marks.append(element("line", class_="tg", x1="0", x2="100%", y1=y, y2=y))
        marks.append(element("text", stair.written(float(f"{tick:.12g}")), x="0", y=y - 3))
    return marks


def _dots(found: Sequence[Step], scale: Scale) -> list[Markup]:
    """Where a step begins; those that are marked stand out, also where there are too many for the others."""
    return [
        element(
            "g",
            element("title", step.words),
            element(
                "circle", class_="d", cx=f"{_along(place, len(found)):g}%", cy=TOP + _up(step.value, scale),
                r=6 if step.marked else 3.5,
            ),
        )
        for place, step in enumerate(found)
        if step.marked or len(found) <= MOST_DOTS
    ]  # fmt: skip


def _names(found: Sequence[Step]) -> list[Markup]:
    """Some names below the plot, the first among them."""
    apart = max(1, math.ceil(len(found) / _MOST_NAMES))
    return [
        element(
            "text", step.name, x=f"{_along(place, len(found)):g}%", y=HEIGHT - 8, text_anchor="start",
            **({} if place == 0 or place % (2 * apart) == 0 else {"class": "o"}),
        )
        for place, step in enumerate(found)
        if place % apart == 0
    ]  # fmt: skip
