"""Tallies as text: reading what was written gives the same tally to the last bit, and reading anything else says so."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand import Audit, EvenhandError, Facet, Tally, UnreadableSource, tally
from evenhand.core.cube import Cube
from evenhand.core.values import Level
from evenhand.sources import read

LEVELS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False),
    st.text(), st.sampled_from(["1", "true", "null", "inf", "NaN", "{}", ""]),
)  # fmt: skip
SUMS = st.one_of(st.floats(), st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1 + 0.2]))
FACETS = ["g", "w@1,2.5", "g=a & ~(w<2)", 'g="1"', "g=1", "is missing=2", '"a=b"']
AUDITS = st.builds(
    Audit,
    label=st.sampled_from(["y", 'y="1"', "ü\n"]),
    positive=st.lists(st.one_of(st.booleans(), st.integers(), st.floats(-1e9, 1e9), st.text()), max_size=3).map(tuple),
    facets=st.lists(st.sampled_from(FACETS), min_size=1, max_size=3).map(tuple),
    intersections=st.sampled_from([(), 2]),
    thresholds=st.dictionaries(st.sampled_from(["DI", "CI"]), st.floats(0, 1)),
    missing=st.dictionaries(st.text(max_size=3), st.sampled_from(["drop", "error", "own group"]), max_size=2),
    weight=st.sampled_from([None, "w"]),
)


def _kinds(levels: tuple[Level, ...]) -> list[tuple[str, str]]:
    return [(type(level).__name__, repr(level)) for level in levels]


@st.composite
def cubes(draw: st.DrawFn) -> Cube:
    axes = draw(st.lists(st.text(), max_size=3, unique=True))
    cells = draw(st.integers(0, 6))
    columns: dict[str, Any] = {
        "count": np.array(draw(st.lists(st.integers(0, 2**40), min_size=cells, max_size=cells)), np.int64)
    }
    for axis in axes:
        column = np.empty(cells, object)
        column[:] = draw(st.lists(LEVELS, min_size=cells, max_size=cells))
        columns[f"axis {axis}"] = column
    cube = Cube.of([f"axis {axis}" for axis in axes], columns)
    size = len(cube.count)
    sums = {
        name: np.array(draw(st.lists(SUMS, min_size=size, max_size=size)), np.float64)
        for name in draw(st.sets(st.text()))
    }
    return Cube(cube.axes, cube.levels, cube.codes, cube.count, sums)


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    audit = draw(AUDITS)
    return Tally(
        audit=audit,
        outcome=draw(st.sampled_from(["binary", "multiclass", "regression"])),
        facets={text: draw(st.sampled_from([Facet.parse(text), Facet(column=text)])) for text in audit.facets},
        cubes=tuple(draw(st.lists(cubes(), min_size=1, max_size=3))),
        positive=audit.positive,
        notes=tuple(draw(st.lists(st.text()))),
        unweighted=draw(st.integers(0, 2**40)),
    )


@settings(max_examples=150, deadline=None)
@given(tallies())
def test_what_was_written_reads_back_to_the_last_bit(one: Tally) -> None:
    text = one.to_json()
    back = Tally.from_json(text)
    assert text.isascii()
    assert text.count("\n") == 1
    assert back == one
    assert back.fingerprint == one.fingerprint
    assert (back.audit, back.outcome, back.facets) == (one.audit, one.outcome, one.facets)
    assert (back.notes, back.unweighted) == (one.notes, one.unweighted)
    assert _kinds(back.positive) == _kinds(one.positive)
    for mine, theirs in zip(back.cubes, one.cubes, strict=True):
        assert mine.axes == theirs.axes
        assert [_kinds(mine.levels[axis]) for axis in mine.axes] == [_kinds(theirs.levels[axis]) for axis in mine.axes]
        assert mine.codes.dtype == mine.count.dtype == np.int64
        assert mine.codes.shape == theirs.codes.shape
        assert (mine.codes == theirs.codes).all()
        assert (mine.count == theirs.count).all()
        assert list(mine.sums) == list(theirs.sums)
        for name in mine.sums:
            # Which of the many NaN it is says nothing.
            first, second = (np.where(np.isnan(cube.sums[name]), 0.5, cube.sums[name]) for cube in (mine, theirs))
            assert first.tobytes() == second.tobytes()
            assert (np.isnan(mine.sums[name]) == np.isnan(theirs.sums[name])).all()
    assert back.to_json() == text


ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "1", None]), st.sampled_from([0, 1]), st.floats(0, 1), st.floats(0.1, 5)),
    min_size=1, max_size=30,
)  # fmt: skip
AUDIT = Audit(label="y", positive=(1,), score="s", weight="w", facets=("g", "w@1,2"), score_bins=16)


def counted(rows: list[tuple[Any, ...]]) -> Tally:
    g, y, s, w = zip(*rows, strict=True)
    return tally(read({"g": np.array(g, object), "y": np.array(y), "s": np.array(s), "w": np.array(w)}), AUDIT)


@settings(max_examples=20, deadline=None)
@given(ROWS, ROWS)
def test_stored_tallies_add_up_as_counted_ones_do(first: list[Any], second: list[Any]) -> None:
    a, b = counted(first), counted(second)
    stored = Tally.from_json(a.to_json()) + Tally.from_json(b.to_json())
    assert stored.to_json() == (a + b).to_json()
    assert stored == a + b


def test_a_tally_is_saved_whole_and_loaded_equal(tmp_path: Path) -> None:
    one = counted([("a", 1, 0.5, 1.0), ("b", 0, 0.25, 2.0)])
    one.save(tmp_path / "below" / "one.json")
    assert Tally.load(tmp_path / "below" / "one.json") == one
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["one.json"]
    with pytest.raises(UnreadableSource, match=r"Cannot read the tally '.*none.json': No such file or directory\."):
        Tally.load(tmp_path / "none.json")
    (tmp_path / "file").write_text("x")
    with pytest.raises(EvenhandError, match=r"Cannot write '.*one.json': .*\."):
        one.save(tmp_path / "file" / "one.json")


GOOD = json.loads(counted([("a", 1, 0.5, 1.0), ("b", 0, 0.25, 2.0)]).to_json())


def _with(*path: str | int, to: Any) -> str:
    wrong = json.loads(json.dumps(GOOD))
    place = wrong
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return json.dumps(wrong)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value"),
        (b"PAR1\x15\x04", "Expecting value"),
        (b'"\xff"', "codec can't decode"),
        ("[" * 100_000, "recursion"),
        ("[]", "indices must be integers"),
        ("{}", "it has no 'tally'"),
        (_with("tally", to=2), "its schema is 2, and this evenhand reads 1"),
        (_with("outcome", to="vague"), "its outcome is 'vague'"),
        (_with("cubes", to=[]), "it has no cube"),
        (_with("audit", "colour", to="red"), "colour: Extra inputs are not permitted"),
        (_with("audit", "facets", to=[]), "No facet"),
        (_with("facets", "g", to={"group": "("}), "not"),
        (_with("positive", to=[[1]]), r"\[1\] is no level"),
        (_with("cubes", 0, "codes", 0, to="u1:Y2M="), "the codes of 'facet g' do not fit its levels and counts"),
        (_with("cubes", 0, "codes", 0, to="u1:AA=="), "the codes of 'facet g' do not fit its levels and counts"),
        (
            _with("cubes", 0, "codes", 0, to="i8://////////8AAAAAAAAAAA=="),
            "the codes of 'facet g' do not fit its levels",
        ),
        (_with("cubes", 0, "codes", 0, to="O:AAAA"), "numbers of the type 'O' where u1 or u2 or u4 or i8 must be"),
        (_with("cubes", 0, "codes", 0, to=[0, 1]), "'list' object has no attribute 'partition'"),
        (_with("cubes", 0, "count", to="u2:AAAA"), "buffer size must be a multiple"),
        (_with("cubes", 0, "count", to="u1:ä"), "ASCII"),
        (_with("cubes", 0, "sums", "weight", to="f8:AAAAAAAA8D8="), "a sum does not have as many cells"),
        (_with("cubes", 0, "sums", "weight", to="u1:AAAA"), "numbers of the type 'u1' where f8 must be"),
    ],
)
def test_what_is_no_tally_is_said_in_one_line(text: str | bytes, why: str) -> None:
    with pytest.raises(UnreadableSource, match=rf"^This is not a tally of evenhand: .*{why}") as caught:
        Tally.from_json(text)
    assert "\n" not in str(caught.value)
