"""Windows of a line that have no value: a bar at the foot of the plot with the sign of why, where the line breaks."""

from collections.abc import Sequence
from itertools import groupby

from markupsafe import Markup

from evenhand.core.outcome import DriftVerdict
from evenhand.renderers.charts import element
from evenhand.renderers.figures import several
from evenhand.renderers.over_time import Point

_SIGNS: dict[DriftVerdict, tuple[str, str, str]] = {
    "waiting for labels": ("…", "gq", "for labels"),
    "too little data": ("◌", "gl", "with too little data"),
}
_NOTHING = ("∅", "gu", "without a value")


def gaps(points: Sequence[Point], places: Sequence[float], drawn: Sequence[bool], foot: float) -> list[Markup]:
    """One mark for each stretch of windows that are missing for the same reason; `foot` is the height of the bars."""
    marks: list[Markup] = []
    silent = [None if drawn[place] or point.verdict == "drift" else sign(point) for place, point in enumerate(points)]
    for reason, stretch in groupby(range(len(points)), key=lambda place: silent[place]):
        if reason is not None:
            inside = list(stretch)
            marks.append(_mark(reason, len(inside), places[inside[0]], places[inside[-1]], foot))
    return marks


def sign(point: Point) -> tuple[str, str, str]:
    """The symbol, the class and the words of why a window has no value."""
    return _SIGNS.get(point.verdict, _NOTHING)


def _mark(reason: tuple[str, str, str], windows: int, first: float, last: float, foot: float) -> Markup:
    symbol, style, words = reason
    # A single window has no width of its own.
    first, last = (first - 0.6, last + 0.6) if first == last else (first, last)
    told = several(windows, "window") + (" waiting " if style == "gq" else " ") + words
    return element(
        "g",
        element("title", told),
        element("line", x1=f"{first:g}%", x2=f"{last:g}%", y1=foot, y2=foot),
        element("text", symbol, x=f"{(first + last) / 2:g}%", y=foot - 4, text_anchor="middle"),
        class_=style,
        aria_hidden="true",
    )
