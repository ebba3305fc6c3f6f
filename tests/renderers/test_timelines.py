"""Lines over time: what is drawn stays on the sheet, says its numbers, and is the same every time."""

import math
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.finding import Interval
from evenhand.core.outcome import Drift, DriftVerdict, Outcome
from evenhand.core.visible import visible
from evenhand.renderers import timelines
from evenhand.renderers.timelines import BOTTOM, TOP, Line, Point
from tests.renderers.extremes import HOSTILE

GOLDEN = Path(__file__).with_name("golden")
DAY = timedelta(days=1)
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
NUMBERS = st.none() | st.floats()
VERDICTS: tuple[DriftVerdict, ...] = ("drift", "no drift shown", "too little data", "waiting for labels", "undefined")


def interval(low: float, high: float) -> Interval:
    return Interval(low=low, high=high, level=0.95, method="Wilson")


def point(
    day: int,
    value: float | None,
    verdict: DriftVerdict = "no drift shown",
    *,
    half: float | None = 0.02,
    estimated: bool = False,
) -> Point:
    span = interval(value - half, value + half) if value is not None and half is not None else None
    return Point(FIRST + day * DAY, FIRST + (day + 1) * DAY, value, span, 1000 + day, verdict, estimated)


def line(points: Sequence[Point], reference: float | None = 0.05, about: str = "sex=Female") -> Line:
    around = interval(0.03, 0.07) if reference is not None else None
    return Line("bias", about, "DPPL", "sex", "sex=Female", None, "value", reference, around, tuple(points))


DRAWN = {
    "drifting": line(
        [point(day, 0.05 + 0.01 * day, "drift" if day > 3 else "no drift shown") for day in range(6)],
    ),
    "with a gap and estimates": line(
        [point(0, 0.05), point(1, 0.06), point(2, None, "undefined"), point(3, 0.04), point(4, 0.05, estimated=True)]
    ),
    "one window": line([point(0, 0.05, "drift")], reference=None),
    "no window": line([]),
}


def parsed(drawn: Line) -> ElementTree.Element:
    return ElementTree.fromstring(str(timelines.timeline(drawn, identity="t", link=lambda at: f"/w?{at.rows}&x=1")))  # noqa: S314 - ours


def links(svg: ElementTree.Element) -> list[ElementTree.Element]:
    return list(svg.iter("a"))


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_the_drawing_is_the_golden_one(name: str) -> None:
    file = GOLDEN / f"timeline {name}.svg"
    drawn = timelines.timeline(DRAWN[name], identity="t", link=lambda at: f"/w?{at.rows}&x=1")
    if os.environ.get("EVENHAND_REDRAW") == "1":
        file.write_text(f"{drawn}\n".replace("><", ">\n<"), "utf-8")
    assert f"{drawn}\n".replace("><", ">\n<") == file.read_text("utf-8")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, st.sampled_from(VERDICTS), st.booleans()), max_size=8),
    NUMBERS,
)
def test_whatever_is_measured_every_mark_lies_on_the_sheet(
    rows: list[tuple[float | None, float | None, float | None, DriftVerdict, bool]], reference: float | None
) -> None:
    points = [
        Point(
            FIRST + day * DAY, FIRST + (day + 1) * DAY, value,
            interval(low, high) if low is not None and high is not None else None, 9, verdict, estimated,
        )
        for day, (value, low, high, verdict, estimated) in enumerate(rows)
    ]  # fmt: skip
    drawn = line(points, reference)
    svg = parsed(drawn)
    assert timelines.timeline(drawn, identity="t") == timelines.timeline(drawn, identity="t")
    assert len(links(svg)) == len(drawn.drifted)
    for circle in svg.iter("circle"):
        assert 0 <= float(circle.attrib["cx"].rstrip("%")) <= 100
        assert TOP <= float(circle.attrib["cy"]) <= BOTTOM
    for path in svg.iter("path"):
        assert "nan" not in path.attrib["d"] and "inf" not in path.attrib["d"]


def test_a_drift_is_a_link_that_says_its_numbers() -> None:
    (mark,) = links(parsed(DRAWN["one window"]))
    assert mark.attrib["href"] == "/w?1000&x=1"
    assert mark.attrib["aria-label"] == "1 Nov 2026: 0.050 (0.030 to 0.070), 1,000 rows, drift"


def test_without_places_to_go_marks_are_pictures() -> None:
    svg = ElementTree.fromstring(str(timelines.timeline(DRAWN["one window"], identity="t")))  # noqa: S314 - ours
    assert [each.attrib["aria-label"] for each in svg.iter("g") if each.attrib.get("role") == "img"] == [
        "1 Nov 2026: 0.050 (0.030 to 0.070), 1,000 rows, drift"
    ]


def test_the_chart_has_a_name_and_a_description() -> None:
    svg = parsed(DRAWN["drifting"])
    texts = {each.attrib["id"]: each.text for each in svg if "id" in each.attrib}
    assert texts[svg.attrib["aria-labelledby"]] == "DPPL: sex=Female"
    assert texts[svg.attrib["aria-describedby"]] == (
        "6 windows, values from 0.050 to 0.100, baseline 0.050; 2 windows drifted. The table below says every number."
    )


def test_a_missing_window_breaks_line_and_band() -> None:
    svg = parsed(DRAWN["with a gap and estimates"])
    paths = {
        style: [each for each in svg.iter("path") if each.attrib["class"] == style] for style in ("ti", "tv", "tv te")
    }
    assert (len(paths["ti"]), len(paths["tv"]), len(paths["tv te"])) == (2, 1, 1)
    assert paths["tv"][0].attrib["d"].count("M") == 1


def drift(value: float | None, baseline: float | None = None, distance: float | None = None) -> Drift:
    return Drift(
        kind="bias", about="a", metric="m", value=value, baseline=baseline, distance=distance, limit=0.1, rows=5,
        verdict="no drift shown", reading="r",
    )  # fmt: skip


def outcome(day: int, *drifts: Drift) -> Outcome:
    at = FIRST + day * DAY
    return Outcome(
        monitor="m", start=at.isoformat(), end=(at + DAY).isoformat(), rows=7, labelled=0, status="fine", drifts=drifts
    )


def test_lines_keep_a_place_for_windows_that_say_nothing() -> None:
    (found,) = timelines.lines(
        [outcome(3, drift(None)), outcome(0, drift(0.2, 0.1)), outcome(1), outcome(2, drift(0.3))]
    )
    assert [each.value for each in found.points] == [0.2, None, 0.3, None]
    assert [each.start.day for each in found.points] == [1, 2, 3, 4]
    assert found.reference == 0.1


def test_what_has_no_value_is_drawn_by_its_distance() -> None:
    (found,) = timelines.lines([outcome(0, drift(None, distance=0.04))])
    assert (found.measured, found.points[0].value, found.reference_words) == ("distance", 0.04, "limit 0.100")


def test_what_drifted_latest_comes_first() -> None:
    early, late = drift(1.0).model_copy(update={"verdict": "drift"}), drift(1.0).model_copy(update={"about": "z"})
    found = timelines.lines([outcome(0, early, late), outcome(1, late.model_copy(update={"verdict": "drift"}))])
    assert [each.about for each in found] == ["z", "a"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text(text: str) -> None:
    svg = parsed(line([point(0, 0.5, "drift")], about=text))
    assert next(svg.iter("title")).text == visible(f"DPPL: {text}")
    assert {each.tag for each in svg.iter()} <= {"svg", "title", "desc", "g", "a", "line", "path", "circle", "text"}


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (FIRST, FIRST + DAY, "1 Nov 2026"),
        (FIRST, FIRST + 7 * DAY, "1 Nov 2026 to 7 Nov 2026"),
        (FIRST, FIRST + DAY / 24, "1 Nov 2026, 00:00 to 01:00"),
        (FIRST, FIRST + 25 * DAY / 24, "1 Nov 2026, 00:00 to 2 Nov 2026, 01:00"),
    ],
)
def test_windows_in_words(start: datetime, end: datetime, words: str) -> None:
    assert timelines.when(start, end) == words


def test_many_windows_are_a_line_without_dots() -> None:
    svg = parsed(line([point(day, math.sin(day)) for day in range(365)]))
    assert not list(svg.iter("circle"))
    assert len(ElementTree.tostring(svg)) < 25_000
