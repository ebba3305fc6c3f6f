"""Items: patterns hold for the same rows as the groups that they are said as."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.core.group import Group
from evenhand.core.items import Coded, Items, Pattern

AGES = (
    Group.between("age", None, 18),
    Group.between("age", 18, 25),
    Group.between("age", 25, 65, includes_high=True),
    Group.between("age", 65, None, includes_low=False),
    Group.missing("age"),
)
SEXES = (Group.of("sex", "F"), Group.of("sex", "M"), Group.of("sex", "a & b"))
ITEMS = Items((Coded("age", AGES, np.array([0, 1, 2, 3, 4]), True), Coded("sex", SEXES, np.array([0, 1, 2, 0, 1]))), 5)


@pytest.mark.parametrize(
    ("levels", "text"),
    [
        ((0,), "age<18"),
        ((0, 1), "age<25"),
        ((1, 2), "18<=age<=65"),
        ((2, 3), "age>=25"),
        ((0, 2), "age<18 | 25<=age<=65"),
        ((0, 1, 4), "age<25 | age is missing"),
        ((0, 1, 2, 3), "age<=65 | age>65"),  # no range has no bounds
    ],
)
def test_ranges_that_follow_each_other_are_one(levels: tuple[int, ...], text: str) -> None:
    group = Pattern(((0, levels),)).group(ITEMS)
    assert str(group) == text
    assert Group.parse(text) == group


def test_values_of_a_column_are_a_list() -> None:
    assert str(Pattern(((0, (1, 2)), (1, (0, 2)))).group(ITEMS)) == '18<=age<=65 & sex=F,"a & b"'


def test_ranges_with_a_number_between_or_in_both_stay_apart() -> None:
    for low in (True, False):
        levels = (Group.between("x", 0, 1, includes_high=low), Group.between("x", 1, 2, includes_low=low))
        items = Items((Coded("x", levels, np.array([0, 1])),), 2)
        assert " | " in str(Pattern(((0, (0, 1)),)).group(items))


@given(st.sets(st.integers(0, 4), min_size=1), st.sets(st.integers(0, 2), min_size=1))
def test_a_pattern_holds_where_all_conditions_do(ages: set[int], sexes: set[int]) -> None:
    pattern = Pattern(((0, tuple(sorted(ages))), (1, tuple(sorted(sexes)))))
    expected = [age in ages and sex in sexes for age, sex in zip(range(5), (0, 1, 2, 0, 1), strict=True)]
    assert pattern.holds(ITEMS).tolist() == expected
    assert pattern.holds(ITEMS.chosen(np.array([4, 0]))).tolist() == [expected[4], expected[0]]
    assert Group.parse(str(pattern.group(ITEMS))) == pattern.group(ITEMS)
