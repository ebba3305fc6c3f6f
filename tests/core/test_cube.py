"""Cube and tally: the one law — the tally of two parts adds up to the tally of the whole."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand import Audit, DataError, tally
from evenhand.core.cube import Cube
from evenhand.sources import read

rows = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "ü", None]), st.sampled_from([0, 1]), st.sampled_from([0, 1, None]),
        st.floats(0, 1), st.floats(0.1, 5),
    ),
    min_size=1, max_size=40,
)  # fmt: skip
AUDIT = Audit(
    label="y", positive=(1,), predicted_label="p", score="s", weight="w", facets=("g", "w@1,2"), score_bins=16
)


def table(rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    g, y, p, s, w = zip(*rows, strict=True)
    predicted = np.ma.MaskedArray([value or 0 for value in p], mask=[value is None for value in p])
    return {
        "g": np.array(g, dtype=object), "y": np.array(y), "p": np.ma.filled(predicted.astype(float), np.nan),
        "s": np.array(s), "w": np.array(w),
    }  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(rows, rows)
def test_tallies_of_parts_add_up(first: list[tuple[Any, ...]], second: list[tuple[Any, ...]]) -> None:
    parts = tally(read(table(first)), AUDIT) + tally(read(table(second)), AUDIT)
    whole = tally(read(table(first + second)), AUDIT)
    for mine, theirs in zip(parts.cubes, whole.cubes, strict=True):
        assert mine.levels == theirs.levels
        assert (mine.codes == theirs.codes).all()
        assert (mine.count == theirs.count).all()
        assert mine.sums["weight"] == pytest.approx(theirs.sums["weight"])


@settings(max_examples=25, deadline=None)
@given(rows)
def test_the_order_of_rows_does_not_matter(some: list[tuple[Any, ...]]) -> None:
    assert tally(read(table(some)), AUDIT) == tally(read(table(some[::-1])), AUDIT)


@settings(max_examples=25, deadline=None)
@given(rows)
def test_a_tally_counts_as_python_does(some: list[tuple[Any, ...]]) -> None:
    cube = tally(read(table(some)), AUDIT).over(["facet g", "label"])
    for code, count in zip(cube.codes, cube.count, strict=True):
        group, label = cube.levels["facet g"][code[0]], cube.levels["label"][code[1]]
        assert count == sum(row[0] == group and (row[1] == 1) == label for row in some)


def test_cubes_of_other_axes_do_not_add_up() -> None:
    one = Cube.of(["a"], {"a": np.array([1]), "count": np.array([1])})
    two = Cube.of(["b"], {"b": np.array([1]), "count": np.array([1])})
    with pytest.raises(ValueError, match="cannot be added"):
        one + two


def test_a_marginal_keeps_every_row() -> None:
    cube = Cube.of(["a", "b"], {"a": np.array([1, 1, 2]), "b": np.array(["x", "y", "x"]), "count": np.array([3, 4, 5])})
    over_b = cube.marginal(["b"])
    assert over_b.levels["b"] == ("x", "y")
    assert over_b.count.tolist() == [8, 4]
    assert cube.marginal([]).rows == cube.rows == 12


def test_true_and_one_are_different_levels() -> None:
    cube = Cube.of(["a"], {"a": np.array([True, 1, "1", None], dtype=object), "count": np.ones(4, int)})
    # In an object column Python's dict takes True and 1 for one key; a column of an engine has one type.
    assert cube.rows == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"w": np.array([1.0, -1.0])}, "Weights must not be negative"),
        ({"s": np.array([0.2, 1.2])}, "Scores in 's' lie outside 0 to 1; give score_range."),
        ({"s": np.array([0.2, np.inf])}, "Scores in 's' lie outside"),
    ],
)
def test_what_only_counts_can_show(change: dict[str, Any], message: str) -> None:
    data = table([("a", 1, 1, 0.5, 1.0), ("b", 0, 0, 0.5, 1.0)]) | change
    with pytest.raises(DataError, match=message):
        tally(read(data), AUDIT)


def test_rows_without_a_weight_are_left_out() -> None:
    data = table([("a", 1, 1, 0.5, 1.0), ("b", 0, 0, 0.5, 1.0)]) | {"w": np.array([2.0, np.nan])}
    found = tally(read(data), AUDIT)
    assert (found.rows, found.unweighted) == (1, 1)
    assert (found + found).unweighted == 2
