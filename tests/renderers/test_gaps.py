"""Windows without a value: each stretch is marked once with its reason, and what is drawn elsewhere is not."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.outcome import DriftVerdict
from evenhand.renderers import timelines
from evenhand.renderers.gaps import gaps, sign
from tests.renderers.test_timelines import VERDICTS, line, parsed, point

WINDOWS = st.lists(st.tuples(st.sampled_from([None, 0.05]), st.sampled_from(VERDICTS)), max_size=12)


def marks(windows: Sequence[tuple[float | None, DriftVerdict]]) -> list[str]:
    svg = parsed(line([point(day, value, verdict) for day, (value, verdict) in enumerate(windows)]))
    return [str(group[0].text) for group in svg.iter("g") if group.attrib.get("class", "").startswith("g")]


@settings(deadline=None)
@given(WINDOWS)
def test_every_window_is_drawn_once_or_said_to_be_missing(windows: list[tuple[float | None, DriftVerdict]]) -> None:
    missing = sum(value is None and verdict != "drift" for value, verdict in windows)
    assert sum(int(text.split()[0]) for text in marks(windows)) == missing


def test_stretches_are_told_apart_by_their_reason() -> None:
    silent: list[tuple[float | None, DriftVerdict]] = [
        (None, "waiting for labels"), (None, "waiting for labels"), (None, "undefined"), (0.1, "no drift shown"),
        (None, "too little data"), (None, "drift"),
    ]  # fmt: skip
    assert marks(silent) == [
        "2 windows waiting for labels",
        "1 window without a value",
        "1 window with too little data",
    ]


def test_a_single_window_has_a_width() -> None:
    alone = point(0, None, "waiting for labels")
    (mark,) = gaps([alone], [50.0], [False], 140)
    assert 'x1="49.4%" x2="50.6%"' in mark and sign(alone)[0] in mark


def test_the_mark_of_an_estimate_is_hollow() -> None:
    svg = parsed(line([point(0, 0.1, "drift", estimated=True), point(1, 0.1, "drift")]))
    assert [each.attrib["class"] for each in svg.iter("path") if each.attrib["class"].startswith("tm")] == [
        "tm te",
        "tm",
    ]


def test_a_distance_is_read_from_nothing_and_a_share_in_percent() -> None:
    from dataclasses import replace

    far = replace(line([point(0, 0.9, half=None), point(1, 0.95, half=None)], 0.92), reference_interval=None)
    texts = [each.text for each in parsed(replace(far, measured="distance")).iter("text")]
    assert "0" in texts
    assert "0" not in [each.text for each in parsed(far).iter("text")]
    assert "90.0%" in [each.text for each in parsed(replace(far, share=True)).iter("text")]


def test_since_when_a_line_drifts() -> None:
    values: list[tuple[float | None, DriftVerdict]] = [
        (0.1, "drift"), (0.1, "no drift shown"), (0.1, "drift"), (None, "undefined"), (0.1, "drift"),
        (None, "waiting for labels"),
    ]  # fmt: skip
    found = line([point(day, value, verdict) for day, (value, verdict) in enumerate(values)])
    assert found.since is not None and found.since.when == "3 Nov 2026"
    assert found.drift_words == "drifts since 3 Nov 2026"
    assert line(found.points[:2]).drift_words == "drifted once, 1 Nov 2026"
    assert line([*found.points, point(6, 0.1)]).drift_words == "drifted in 3 windows, last 5 Nov 2026"
    assert line(found.points[1:2]).drift_words == ""
    assert timelines.timeline(found, identity="t") != timelines.timeline(line(found.points[:2]), identity="t")
