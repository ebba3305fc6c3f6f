"""Levels: every code is exactly the rows that its group means, however the column looks."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evenhand.core.group import Group
from evenhand.discovering.levels import MOST_LEVELS, coded
from evenhand.sources import read

texts = st.one_of(st.none(), st.text(max_size=4), st.sampled_from(["a", "true", "1", "<b>", "x & y", 'say "no"', "女"]))
numbers = st.one_of(st.none(), st.floats(-1e6, 1e6).map(lambda x: round(x, 2)), st.sampled_from([0.0, 1.0, 1e300]))


def as_objects(values: Sequence[object]) -> NDArray[np.object_]:
    found = np.empty(len(values), object)
    found[:] = values
    return found


def same_rows(name: str, values: list[object], least: int) -> None:
    """Every level, written and read back as text, finds the rows of its code in the table itself."""
    frame = read({name: values})
    fetched = frame.rows({"v": frame.expressions.column(name)}, len(values), 0)["v"]
    column = coded(name, fetched, frame.kinds[name], least)
    for place, level in enumerate(column.levels):
        expression = Group.parse(str(level)).expression(frame.expressions)
        found = frame.rows({"in": expression}, len(values), 0)["in"]
        assert [bool(each) for each in found] == (column.codes == place).tolist(), str(level)
    assert set(column.codes.tolist()) <= set(range(len(column.levels)))


@settings(deadline=None, max_examples=60)
@given(st.lists(texts, min_size=2, max_size=40), st.integers(1, 3), st.sampled_from(["name", "a=b", "<i>ß", "x y"]))
def test_a_text_is_told_apart_as_its_group_says(values: list[object], least: int, name: str) -> None:
    if any(value is not None for value in values):
        same_rows(name, values, least)


@settings(deadline=None, max_examples=60)
@given(st.lists(numbers, min_size=2, max_size=60), st.integers(1, 3))
def test_a_number_is_told_apart_as_its_group_says(values: list[object], least: int) -> None:
    if any(value is not None for value in values):
        same_rows("n", values, least)


def test_a_number_is_cut_where_people_would() -> None:
    column = coded("age", np.repeat(np.arange(18, 78), 20), "number")
    assert [str(level) for level in column.levels] == [
        "age<30", "30<=age<40", "40<=age<50", "50<=age<60", "60<=age<70", "age>=70",
    ]  # fmt: skip
    assert column.ordered


def test_a_number_that_is_mostly_nothing_keeps_its_tail() -> None:
    gain = np.concatenate([np.zeros(9_000), np.arange(1, 1_001)])
    texts = [str(level) for level in coded("gain", gain, "number").levels]
    assert texts[0] == "gain<1"
    assert len(texts) == 4


def test_infinite_numbers_have_a_range_too() -> None:
    column = coded("n", np.array([*range(100), np.inf, -np.inf], float), "number")
    assert column.codes[100] == len(column.levels) - 1
    assert column.codes[101] == 0


def test_of_many_values_the_most_frequent_are_kept() -> None:
    values = as_objects([f"v{place % 50:02d}" for place in range(5_000)] + ["often"] * 1_000)
    column = coded("c", values, "text", 10)
    assert len(column.levels) == MOST_LEVELS + 1
    assert str(column.levels[0]) == "c=often"
    assert str(column.levels[-1]).startswith("~c=")


@pytest.mark.parametrize("values", [[f"id{place}" for place in range(100_000)]])
def test_a_hundred_thousand_names_are_one_level(values: list[object]) -> None:
    column = coded("id", as_objects(values), "text", 1_000)
    assert [str(level) for level in column.levels] == ["~id is missing"]


def test_missing_values_are_a_level_and_break_no_order() -> None:
    column = coded("n", np.array([1.0, 2.0, np.nan, 3.0]), "number")
    assert [str(level) for level in column.levels] == ["n=1", "n=2", "n=3", "n is missing"]
    assert column.ordered
    assert column.absent.tolist() == [False, False, True, False]
