"""Lines over time as inline SVG: what a monitor measured window by window, with intervals, the baseline and drifts.

A chart is a group with a title, a description and links on its marks; a table says the same numbers. Widths are in
percent, heights in pixels, so that text keeps its size on a phone.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from markupsafe import Markup

from evenhand.core.finding import Interval
from evenhand.renderers.charts import Scale, element, round_step
from evenhand.renderers.gaps import gaps
from evenhand.renderers.over_time import Line, Point, hour, lines, ticked, when

__all__ = ["Line", "Link", "Point", "hour", "lines", "timeline", "when"]

HEIGHT, TOP, BOTTOM = 168, 14, 142  # of the drawing and of the plot in it, in pixels
LEFT, RIGHT = 13.0, 98.0  # percent of the width; before it stand the numbers of the grid
MOST_DOTS = 120  # with more windows only the line is drawn, and what drifted is marked

Link = Callable[[Point], str]


def timeline(line: Line, *, identity: str, link: Link | None = None) -> Markup:
    """The chart; `identity` begins the ids of its title and description, `link` says where a mark leads."""
    scale, places = _scale(line), _places(line.points)
    named = f"{line.metric}: {line.about}"
    # `none` stretches the paths to the width; strokes keep theirs by the style sheet.
    plot = element(
        "svg",
        *_around(line, scale),
        *_bands(line.points, places, scale),
        *_reference(line, scale),
        *_strokes(line.points, places, scale),
        y=TOP,
        width="100%",
        height=BOTTOM - TOP,
        viewBox=f"0 0 100 {BOTTOM - TOP}",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
    return element(
        "svg",
        element("title", named, id=f"{identity}-title"),
        element("desc", line.words, id=f"{identity}-desc"),
        element("g", *_grid(scale, line), plot, *_dates(line.points, places), aria_hidden="true"),
        *gaps(line.points, places, [_drawn(point) for point in line.points], BOTTOM - 2),
        *_dots(line.points, places, scale),
        *_marks(line.points, places, scale, link),
        class_="tl",
        role="group",
        height=HEIGHT,
        aria_labelledby=f"{identity}-title",
        aria_describedby=f"{identity}-desc",
    )


def _scale(line: Line) -> Scale:
    """Wide enough for all values, their intervals and the reference, ending at round numbers."""
    # A distance is read from nothing.
    ends = [line.reference, *_ends(line.reference_interval), 0.0 if line.measured == "distance" else None]
    for point in line.points:
        ends += [point.value, *_ends(point.interval)]
    # Beyond a googol cubed lies nothing that could be told apart, and differences would overflow.
    numbers = [min(max(number, -1e300), 1e300) for number in ends if number is not None and math.isfinite(number)]
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-9):
        low, high = low - (abs(low) * 0.1 or 0.5), high + (abs(high) * 0.1 or 0.5)
    step = round_step((high - low) / 3)
    return Scale(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step)


def _ends(interval: Interval | None) -> tuple[float, ...]:
    return (interval.low, interval.high) if interval is not None else ()


def _places(points: Sequence[Point]) -> list[float]:
    """Where the windows lie from left to right, in percent, by when they end."""
    ends = [point.end.timestamp() for point in points]
    first, last = min(ends, default=0.0), max(ends, default=0.0)
    if last == first:
        return [(LEFT + RIGHT) / 2 for _ in ends]
    return [round(LEFT + (RIGHT - LEFT) * (end - first) / (last - first), 2) for end in ends]


def _up(value: float, scale: Scale) -> float:
    """The height of a value in the plot, from its top."""
    return round((BOTTOM - TOP) * (1 - scale.place(value) / 100), 1)


def _grid(scale: Scale, line: Line) -> list[Markup]:
    marks = []
    for tick in scale.ticks:
        y = TOP + _up(tick, scale)
        marks.append(element("line", class_="tg", x1="0", x2="100%", y1=y, y2=y))
        marks.append(element("text", line.written(float(f"{tick:.12g}")), x="0", y=y - 3))
    return marks


def _around(line: Line, scale: Scale) -> list[Markup]:
    """The interval of the baseline."""
    if line.reference_interval is None or not all(map(math.isfinite, _ends(line.reference_interval))):
        return []
    high, low = _up(line.reference_interval.high, scale), _up(line.reference_interval.low, scale)
    return [element("path", class_="tb", d=f"M{LEFT - 2:g} {high:g}H100V{low:g}H{LEFT - 2:g}Z")]


def _reference(line: Line, scale: Scale) -> list[Markup]:
    """The baseline or the limit."""
    if line.reference is None or not math.isfinite(line.reference):
        return []
    return [element("path", class_="tr", d=f"M{LEFT - 2:g} {_up(line.reference, scale):g}H100")]


def _drawn(point: Point) -> bool:
    return point.value is not None and not math.isnan(point.value)


def _runs(points: Sequence[Point]) -> list[list[int]]:
    """Stretches of windows that follow each other without a gap."""
    found: list[list[int]] = [[]]
    for place, point in enumerate(points):
        if _drawn(point):
            found[-1].append(place)
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def _bands(points: Sequence[Point], places: Sequence[float], scale: Scale) -> list[Markup]:
    """The intervals: an area over each stretch."""
    marks = []
    for run in _runs(points):
        known = [(places[place], interval) for place in run if (interval := points[place].interval) is not None]
        if not known:
            continue
        if len(known) == 1:  # a single window has no width of its own
            known = [(known[0][0] - 0.4, known[0][1]), (known[0][0] + 0.4, known[0][1])]
        over = "L".join(f"{x:g} {_up(interval.high, scale):g}" for x, interval in known)
        under = "L".join(f"{x:g} {_up(interval.low, scale):g}" for x, interval in reversed(known))
        marks.append(element("path", class_="ti", d=f"M{over}L{under}Z"))
    return marks


def _strokes(points: Sequence[Point], places: Sequence[float], scale: Scale) -> list[Markup]:
    """The values; to what is estimated the line is dotted."""
    solid, dotted = "", ""
    for run in _runs(points):
        for before, after in pairwise(run):
            piece = "".join(
                f"{sign}{places[place]:g} {_up(points[place].value or 0.0, scale):g}"
                for sign, place in (("M", before), ("L", after))
            )
            if points[before].estimated or points[after].estimated:
                dotted += piece
            else:
                solid += piece
    return [element("path", class_=style, d=d) for style, d in (("tv", solid), ("tv te", dotted)) if d]


def _dots(points: Sequence[Point], places: Sequence[float], scale: Scale) -> list[Markup]:
    if len(points) > MOST_DOTS:
        return []
    marks = [
        element(
            "circle",
            class_=_looks(point),
            cx=f"{place:g}%",
            cy=TOP + _up(point.value or 0.0, scale),
            r=3,
        )
        for point, place in zip(points, places, strict=True)
        if _drawn(point) and point.verdict != "drift"
    ]
    return [element("g", *marks, aria_hidden="true")] if marks else []


def _looks(point: Point) -> str:
    if point.verdict == "too little data":
        return "d tt"
    return "d te" if point.estimated else "d"


def _marks(points: Sequence[Point], places: Sequence[float], scale: Scale, link: Link | None) -> list[Markup]:
    """A triangle where a window drifted, which leads to that window."""
    marks, shape = [], "M0-7L7 6H-7Z" if len(points) <= MOST_DOTS else "M0-5L4 4H-4Z"
    for point, place in zip(points, places, strict=True):
        if point.verdict != "drift":
            continue
        y = TOP + _up(point.value, scale) if point.value is not None and _drawn(point) else TOP
        sign = element("path", class_="tm te" if point.estimated else "tm", d=shape)
        sign = element("svg", sign, x=f"{place:g}%", y=float(y), overflow="visible", width=1, height=1)
        told = element("title", point.words)
        marks.append(
            element("a", told, sign, href=link(point), aria_label=point.words)
            if link is not None
            else element("g", told, sign, role="img", aria_label=point.words)
        )
    return marks


def _dates(points: Sequence[Point], places: Sequence[float]) -> list[Markup]:
    """The first and the last window below the plot, and on a wide screen the one between."""
    if not points:
        return []
    shown = {0: "start", len(points) // 2: "middle", len(points) - 1: "end"}
    if len(points) < 3:
        shown = {len(points) - 1: "end"} if len(points) > 1 else {0: "middle"}
    return [
        element(
            "text",
            ticked(points[place].start, points[place].end),
            x=f"{places[place]:g}%",
            y=HEIGHT - 8,
            text_anchor=anchor,
            **({"class": "o"} if anchor == "middle" and len(points) > 1 else {}),
        )
        for place, anchor in shown.items()
    ]
