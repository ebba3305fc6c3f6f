"""Laws of the charts: positions, sums, and markup that stays well-formed whatever the names are."""

import math
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.core.finding import Interval
from evenhand.core.visible import visible
from evenhand.renderers import charts
from evenhand.renderers.charts import Scale
from tests.renderers.extremes import HOSTILE
from tests.renderers.reports import GROUPS, NOTES, finding

NUMBERS = st.floats(-1e6, 1e6)
SCALES = st.tuples(NUMBERS, st.floats(1e-3, 1e6)).map(lambda pair: Scale(pair[0], pair[0] + pair[1]))
BINS = st.lists(st.floats(0, 1e6), min_size=1, max_size=2000)
SVG = ElementTree.Element


def parsed(markup: str) -> SVG:
    return ElementTree.fromstring(markup)  # noqa: S314 - made by ourselves a line above


def percents(svg: SVG, tag: str, attribute: str) -> list[float]:
    return [float(element.attrib[attribute].removesuffix("%")) for element in svg.iter(tag)]


@given(SCALES, NUMBERS, NUMBERS)
def test_places_keep_the_order_and_stay_inside(scale: Scale, first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert 0 <= scale.place(low) <= scale.place(high) <= 100


@given(SCALES)
def test_the_ends_lie_at_the_edges_and_what_is_infinite_too(scale: Scale) -> None:
    assert (scale.place(scale.low), scale.place(scale.high)) == (0, 100)
    assert (scale.place(-math.inf), scale.place(math.inf)) == (0, 100)


@given(SCALES)
def test_ticks_ascend_and_lie_within_the_scale(scale: Scale) -> None:
    ticks = scale.ticks
    width = scale.high - scale.low
    assert 2 <= len(ticks) <= 6
    assert list(ticks) == sorted(ticks)
    assert all(scale.low - 1e-6 * width <= tick <= scale.high + 1e-6 * width for tick in ticks)


@given(st.lists(st.floats(0, 1), min_size=1))
def test_a_scale_of_rates_starts_at_nothing_and_holds_every_rate(rates: list[float]) -> None:
    scale = charts.rate_scale(rates)
    assert scale.low == 0
    assert max(rates) <= scale.high <= 1


def test_a_scale_of_rates_without_rates_is_the_whole_range() -> None:
    assert charts.rate_scale([None, None]) == Scale(0.0, 1.0)


@given(BINS)
def test_coarser_bins_hold_the_same_rows(bins: list[float]) -> None:
    coarse = charts.rebinned(bins)
    assert len(coarse) <= charts.BINS
    assert math.isclose(sum(coarse), sum(bins), rel_tol=1e-9, abs_tol=1e-6)


def test_coarser_bins_of_an_even_spread_are_even() -> None:
    assert max(charts.rebinned([1.0] * 1000)) - min(charts.rebinned([1.0] * 1000)) < 1e-9


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=8))
def test_a_stacked_bar_is_full_and_in_proportion(amounts: list[float]) -> None:
    svg = parsed(charts.stacked([("A", amount, "c0") for amount in amounts], "a bar"))
    widths = percents(svg, "rect", "width")
    assert math.isclose(sum(widths), 100, abs_tol=0.1)
    ends = [sum(widths[:number]) for number in range(len(widths))]
    assert percents(svg, "rect", "x") == pytest.approx(ends, abs=0.1)
    assert all(
        math.isclose(width, 100 * amount / sum(amounts), abs_tol=0.02)
        for width, amount in zip(widths, amounts, strict=True)
    )


def test_a_stacked_bar_of_nothing_is_empty_and_still_named() -> None:
    svg = parsed(charts.stacked([("A", 0.0, "c0")], "nobody"))
    assert (len(svg), svg.attrib["aria-label"]) == (0, "nobody")


def test_a_strip_shows_the_rate_where_the_scale_has_it() -> None:
    svg = parsed(charts.strip(0.3, Interval(low=0.2, high=0.4, level=0.95, method="x"), Scale(0, 0.5), "30%"))
    assert percents(svg, "circle", "cx") == [60]
    interval = next(line for line in svg.iter("line") if line.attrib["class"] == "i")
    assert (interval.attrib["x1"], interval.attrib["x2"]) == ("40%", "80%")


def test_a_strip_without_a_rate_has_no_dot() -> None:
    assert not list(parsed(charts.strip(None, None, Scale(0, 1), "not defined")).iter("circle"))


@pytest.mark.parametrize("value", [0.0, -0.25, 0.4, math.inf, -math.inf])
def test_an_interval_bar_keeps_every_mark_on_the_sheet(value: float) -> None:
    found = finding(NOTES[0], GROUPS[0], value)
    svg = parsed(charts.interval_bar(found, charts.metric_scale([found])))
    assert all(0 <= float(circle.attrib["cx"]) <= 100 for circle in svg.iter("circle"))
    band = next(svg.iter("rect"))
    assert float(band.attrib["x"]) + float(band.attrib["width"]) <= 100.1


def test_a_half_open_range_is_drawn_to_the_edge() -> None:
    found = finding(NOTES[1], GROUPS[0], 0.5, acceptable=(0.8, math.inf))
    band = next(parsed(charts.interval_bar(found, Scale(0, 2))).iter("rect"))
    assert (band.attrib["x"], band.attrib["width"]) == ("40", "60")


def test_an_interval_bar_says_its_numbers() -> None:
    found = finding(NOTES[0], GROUPS[0], 0.25)
    label = parsed(charts.interval_bar(found, Scale(-1, 1))).attrib["aria-label"]
    assert label == "0.250; acceptable: −0.100 to 0.100"


def test_a_histogram_of_nobody_is_drawn_empty() -> None:
    assert len(parsed(charts.histogram([0.0] * 10, [], 0.5, "nobody"))) == 0


def test_a_histogram_marks_the_threshold_in_proportion() -> None:
    svg = parsed(charts.histogram([1.0] * 10, [0.5] * 10, 0.25, "even"))
    assert [path.attrib["d"] for path in svg.iter("path") if path.attrib["class"] == "y"] == ["M32 0v40"]


@pytest.mark.parametrize(("value", "style"), [(0.0, "h0"), (1.0, "h6"), (0.5, "h3"), (None, "hx"), (math.inf, "hx")])
def test_shades_span_the_range(value: float | None, style: str) -> None:
    assert charts.shade(value, 0.0, 1.0) == style


def test_equal_rates_have_the_middle_shade() -> None:
    assert charts.shade(0.2, 0.2, 0.2) == "h3"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text(text: str) -> None:
    for svg in (
        parsed(charts.strip(0.5, None, Scale(0, 1), text)),
        parsed(charts.stacked([(text, 1.0, "c0")], text)),
        parsed(charts.histogram([1.0], [], None, text)),
    ):
        assert svg.attrib["role"] == "img"
        assert svg.attrib["aria-label"] == visible(text)
        assert {element.tag for element in svg.iter()} <= {"svg", "line", "circle", "rect", "text", "path"}
