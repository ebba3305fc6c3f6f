"""A frontier as a page, as charts of accuracy against violation, and as lines for a terminal."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from markupsafe import Markup

from evenhand.core.frontier import Floor, Frontier, Measured, Payment, Point
from evenhand.renderers import figures
from evenhand.renderers.charts import Scale, drawing, element, round_step
from evenhand.renderers.html import filled

HEIGHT, TOP, BOTTOM = 340, 16, 306  # of the drawing and of the plot in it, in pixels
LEFT, RIGHT = 11.0, 97.0  # percent of the width
STAGES = {
    "none": "the model as it is",
    "before": "before training",
    "in": "in training",
    "after": "after training",
}
# Groups that a table of who pays has room for.
MOST_PAYING = 30
UNDONE = "a mended model's constraint undone"
# Marks differ in shape too, for eyes that do not tell their colours apart; each is about 10 pixels wide.
_SHAPES = {"none": "M-6 0 0-6 6 0 0 6z", "before": "M-4.5-4.5h9v9h-9z", "in": "M0-6 5.5 4.5h-11z"}
_ROUND = "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z"


def render_frontier(frontier: Frontier, *, remarks: Iterable[str] = (), title: str | None = None) -> str:
    """The page: complete without script or network; `remarks` are said under the chosen point."""
    charts = [(name, chart(frontier, name)) for name in frontier.constraints]
    names = {
        "title": title or "What mending gives and costs", "frontier": frontier, "plots": charts,
        "remarks": tuple(remarks), "ordered": ordered(frontier), "stages": STAGES, "keys": keys(),
        "measured": measured, "floor_of": floor_of, "reached": reached, "verdict": verdict, "paying": paying,
    }  # fmt: skip
    return filled("frontier.html", names, styles=("report.css", "frontier.css"))


def ordered(frontier: Frontier) -> list[Point]:
    """The chosen point, the unmended model, then the efficient points and all others, the most accurate first."""
    efficient = frontier.efficient

    def rank(point: Point) -> tuple[bool, bool, bool, float, str]:
        return (
            point.name != frontier.chosen, point.stage != "none", point.name not in efficient, -point.accuracy.value,
            point.name,
        )  # fmt: skip

    return sorted(frontier.points, key=rank)


def measured(each: Measured) -> str:
    """A value with its interval."""
    return f"{each.value:.3f} ({each.interval.low:.3f} to {each.interval.high:.3f})"


def floor_of(frontier: Frontier, constraint: str, part: str) -> Floor:
    """The floor of a constraint on the choosing or the judging rows."""
    return next(each for each in frontier.floors if each.constraint == constraint and each.part == part)


def reached(frontier: Frontier) -> list[tuple[str, str]]:
    """For each constraint, what the judging rows say of the chosen point."""
    told = []
    for name, found in frontier.point.violations.items():
        allowed = frontier.allowed[name] + 1e-9
        if found.interval.high <= allowed:
            word = "credibly within the tolerance"
        elif found.value <= allowed:
            word = "within the tolerance by its estimate, but the interval goes beyond"
        elif found.interval.low > allowed:
            word = "credibly beyond the tolerance"
        else:
            word = "beyond the tolerance by its estimate, but the interval reaches into it"
        told.append((name, word))
    return told


def paying(point: Point) -> list[Payment]:
    """Who pays, as far as a page has room: where groups are many, those of whom most people gain or lose."""
    if len(point.payments) <= MOST_PAYING:
        return list(point.payments)
    return sorted(point.payments, key=lambda each: -(each.gained + each.lost) * each.rows)[:MOST_PAYING]


def verdict(frontier: Frontier) -> str:
    """What became of the choice."""
    return "Refused" if frontier.how == "refused" else "Chosen" if frontier.kept else "Closest"


def keys() -> list[tuple[Markup, str]]:
    """The marks and what they stand for."""
    return [
        (element("svg", _mark(stage, ""), class_="fk", viewBox="-8 -8 16 16", aria_hidden="true"), words)
        for stage, words in STAGES.items()
    ] + [(element("svg", _mark("after", "mu"), class_="fk", viewBox="-8 -8 16 16", aria_hidden="true"), UNDONE)]


def lines(frontier: Frontier) -> Iterator[str]:
    """What a terminal shows: rows, the floor, the efficient points, the choice and who pays."""
    yield ", ".join(f"{share.rows:,} rows for {share.name}" for share in frontier.shares) + "."
    for name in frontier.constraints:
        floor = floor_of(frontier, name, "judging")
        yield f"{name}: exactly equal rates would show {floor.typical:.3f} by chance on the judging rows."
    efficient = frontier.efficient
    for point in ordered(frontier):
        if point.name in efficient or point.name == frontier.chosen or point.stage == "none":
            mark = "*" if point.name == frontier.chosen and frontier.how != "refused" else " "
            found = ", ".join(f"{name} {measured(each)}" for name, each in point.violations.items())
            yield f"{mark} {point.name}: accuracy {measured(point.accuracy)}; {found}"
    yield f"{verdict(frontier)}: {frontier.reason}"
    if frontier.how == "refused":
        return
    for name, word in reached(frontier):
        yield f"On the judging rows {name} is {word}."
    for payment in paying(frontier.point):
        yield (
            f"  {payment.group} ({payment.rows:,} rows), of 1,000 people: {payment.gained:.0f} gain and"
            f" {payment.lost:.0f} lose a positive decision; {payment.mended:.0f} errors go and"
            f" {payment.wronged:.0f} come."
        )


def chart(frontier: Frontier, constraint: str) -> Markup:
    """Accuracy against the violation of one constraint, on the judging rows."""
    points, efficient = frontier.points, frontier.efficient
    across, up = _scales(points, constraint, frontier)
    shown = [point for point in points if point.name in efficient or _named(point, frontier)]
    others = [point for point in points if point not in shown]
    order = [*others, *sorted(shown, key=lambda point: _named(point, frontier))]
    return drawing(
        _words(frontier, constraint),
        *_band(floor_of(frontier, constraint, "judging"), across),
        *_grid(across, up),
        *_tolerance(frontier.allowed[constraint], across),
        *_steps([point for point in points if point.name in efficient], constraint, across, up),
        *[each for point in shown for each in _intervals(point, constraint, across, up, frontier)],
        *[_placed(point, constraint, across, up, frontier, point.name in efficient) for point in order],
        *[_label(point, constraint, across, up, frontier) for point in shown if _named(point, frontier)],
        class_="fr",
        height=HEIGHT,
    )


def _named(point: Point, frontier: Frontier) -> bool:
    return point.name == frontier.chosen or point.stage == "none"


def _words(frontier: Frontier, constraint: str) -> str:
    point = frontier.point
    named = "Unmended" if frontier.how == "refused" else f"Chosen: {point.name}"
    return (
        f"Accuracy against the violation of {constraint} for {len(frontier.points)} points; the table below holds all"
        f" numbers. {named}, accuracy {figures.value(point.accuracy.value)}, violation"
        f" {figures.value(point.violations[constraint].value)}."
    )


def _scales(points: Iterable[Point], constraint: str, frontier: Frontier) -> tuple[Scale, Scale]:
    listed = list(points)
    floor = floor_of(frontier, constraint, "judging").rare
    wide = [frontier.allowed[constraint], floor, *(each.violations[constraint].value for each in listed)]
    wide += [each.violations[constraint].interval.high for each in listed if _named(each, frontier)]
    right = max(*wide, 0.01) * 1.04
    step = round_step(right / 5)
    tall = [each.accuracy.value for each in listed]
    ends = [each.accuracy.interval for each in listed if _named(each, frontier)]
    tall += [end for each in ends for end in (each.low, each.high)]
    # What is far below everything else would press the rest together; it sits on the lower edge.
    low, high = max(min(tall), 2 * sorted(tall)[len(tall) // 4] - max(tall)), max(tall)
    margin = max((high - low) * 0.08, 0.002)
    return Scale(0.0, min(right, 1.0), step), Scale(
        low - margin, high + margin, round_step((high - low + 2 * margin) / 5)
    )


def _x(value: float, scale: Scale) -> float:
    return round(LEFT + (RIGHT - LEFT) * scale.place(value) / 100, 2)


def _y(value: float, scale: Scale) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * scale.place(value) / 100, 1)


def _at(place: float) -> str:
    return f"{place:g}%"


def _line(style: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return element("line", class_=style, x1=_at(x1), x2=_at(x2), y1=y1, y2=y2)


def _band(floor: Floor, across: Scale) -> list[Markup]:
    """Where violations say nothing: chance alone reaches the paler edge once in twenty times."""
    width = [_at(round(_x(end, across) - LEFT, 2)) for end in (floor.rare, floor.typical)]
    return [element("rect", class_="fb", x=_at(LEFT), y=TOP, width=each, height=BOTTOM - TOP) for each in width]


def _grid(across: Scale, up: Scale) -> list[Markup]:
    marks = []
    for tick in up.ticks:
        y = _y(tick, up)
        marks += [
            _line("fg", LEFT, y, RIGHT, y),
            element("text", f"{100 * tick:.4g}%", class_="fe", x=_at(LEFT - 1), y=y + 4),
        ]
    for tick in across.ticks:
        x = _x(tick, across)
        marks.append(element("text", f"{tick:.3g}", class_="fm", x=_at(x), y=BOTTOM + 16))
    marks.append(element("text", "violation", class_="fe", x=_at(RIGHT), y=BOTTOM + 31))
    marks.append(element("text", "accuracy", x="0", y=10))
    return [*marks, _line("fa", LEFT, BOTTOM, RIGHT, BOTTOM)]


def _tolerance(allowed: float, across: Scale) -> list[Markup]:
    x = _x(allowed, across)
    side = "fe" if x > 70 else "fs"
    word = element("text", "tolerance", class_=side, x=_at(x - 0.6 if side == "fe" else x + 0.6), y=BOTTOM - 8)
    return [_line("ft", x, TOP, x, BOTTOM), word]


def _steps(points: Iterable[Point], constraint: str, across: Scale, up: Scale) -> list[Markup]:
    """The edge of what can be had: no point lies above it and to its left."""
    places = sorted((each.violations[constraint].value, each.accuracy.value) for each in points)
    top, marks = -1.0, []
    kept = []
    for violation, accuracy in places:
        if accuracy > top:
            kept.append((violation, accuracy))
            top = accuracy
    for (left, low), (right, high) in pairwise(kept):
        x1, x2, y1, y2 = _x(left, across), _x(right, across), _y(low, up), _y(high, up)
        marks += [_line("fl", x1, y1, x2, y1), _line("fl", x2, y1, x2, y2)]
    return marks


def _intervals(point: Point, constraint: str, across: Scale, up: Scale, frontier: Frontier) -> list[Markup]:
    found, accuracy = point.violations[constraint], point.accuracy
    x, y = _x(found.value, across), _y(accuracy.value, up)
    style = "fi" if _named(point, frontier) else "fi fq"
    flat = _line(style, _x(found.interval.low, across), y, _x(found.interval.high, across), y)
    return [flat, _line(style, x, _y(accuracy.interval.low, up), x, _y(accuracy.interval.high, up))]


def _mark(stage: str, style: str) -> Markup:
    return element("path", d=_SHAPES.get(stage, _ROUND), class_=f"m{stage[0]} {style}".strip())


def _placed(point: Point, constraint: str, across: Scale, up: Scale, frontier: Frontier, efficient: bool) -> Markup:
    chosen = point.name == frontier.chosen and frontier.how != "refused"
    style = "fc" if chosen else "" if efficient or _named(point, frontier) else "fo"
    if point.method.endswith(", undone"):
        style = f"mu {style}".strip()
    told = f"{point.name}: accuracy {measured(point.accuracy)}, violation {measured(point.violations[constraint])}"
    x, y = _x(point.violations[constraint].value, across), _y(point.accuracy.value, up)
    return element("svg", element("title", told), _mark(point.stage, style), x=_at(x), y=y)


def _label(point: Point, constraint: str, across: Scale, up: Scale, frontier: Frontier) -> Markup:
    chosen = point.name == frontier.chosen and frontier.how != "refused"
    x = _x(point.violations[constraint].value, across)
    # Beyond the ends of the interval there is room: the chosen point is named below it, the unmended one above.
    end = _y(point.accuracy.interval.low, up) + 13 if chosen else _y(point.accuracy.interval.high, up) - 5
    style = "fs" if x < LEFT + 8 else "fe" if x > RIGHT - 8 else "fm"
    words = "chosen" if chosen else "unmended"
    return element("text", words, class_=f"{style} fw", x=_at(x), y=min(max(end, TOP + 4), BOTTOM - 3))
