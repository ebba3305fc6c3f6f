"""Group: the algebra, and a text form that parses back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand import Group
from evenhand.core.errors import GroupSyntaxError, SpecError

names = st.one_of(
    st.sampled_from(
        ["sex", "age", "income-per-year", "a b", "is", "x is missing", "1", "true", "", "@", "ä", "a\nb", '"']
    ),
    st.text(min_size=1, max_size=8),
)
numbers = st.one_of(st.integers(-(10**12), 10**12), st.floats(allow_nan=False, allow_infinity=False))
values = st.one_of(
    st.booleans(), numbers, st.text(max_size=8), st.sampled_from(["25", "true", "missing", ">50K", " x "])
)


@st.composite
def ranges(draw: st.DrawFn) -> Group:
    low, high = sorted([draw(numbers), draw(numbers)])
    shape = draw(st.sampled_from(["low", "high", "both"]))
    inclusive = {"includes_low": draw(st.booleans()), "includes_high": draw(st.booleans())}
    return Group.between(draw(names), None if shape == "high" else low, None if shape == "low" else high, **inclusive)


atoms = st.one_of(
    st.builds(lambda name, listed: Group.of(name, *listed), names, st.lists(values, min_size=1, max_size=3)),
    st.builds(Group.missing, names),
    ranges(),
)
groups = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        st.builds(lambda a: ~a, inner),
    ),
    max_leaves=6,
)


@given(groups)
def test_a_group_reads_back_from_its_text(group: Group) -> None:
    assert Group.parse(str(group)) == group


@given(groups, groups)
def test_joining_groups_reads_both_their_columns(first: Group, second: Group) -> None:
    assert set((first & second).columns) == set(first.columns) | set(second.columns)
    assert (first | second).columns == (first & second).columns


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("sex=Female", "sex=Female"),
        (" sex = Female , Other ", "sex=Female,Other"),
        ("25>age", "age<25"),
        ("18 <= age < 25", "18<=age<25"),
        ("race != White", "~race=White"),
        ("age is not missing", "~age is missing"),
        ('"a=b"="c,d"', '"a=b"="c,d"'),
        ("(a=1)&b=2|c=3", "a=1 & b=2 | c=3"),
        ("score_text=Greater than 45", "score_text=Greater than 45"),
    ],
)
def test_texts_people_write(text: str, plain: str) -> None:
    assert str(Group.parse(text)) == plain


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it ends too early"),
        ("age", "a comparison must follow 'age'"),
        ("age<x", "'x' is no number to compare 'age' with"),
        ("(a=1", "a parenthesis is not closed"),
        ("1<a>2", "point the same way"),
        ("a=1 & ", "it ends too early"),
        ("a==1", "unexpected '='"),
        ('a="', "unexpected '\"'"),
        ("9<a<3", "is empty"),
    ],
)
def test_a_bad_text_says_where_and_what_is_allowed(text: str, why: str) -> None:
    with pytest.raises(GroupSyntaxError) as caught:
        Group.parse(text)
    assert why in str(caught.value)


def test_a_group_needs_something_to_say() -> None:
    with pytest.raises(SpecError, match="lists no value"):
        Group.of("a")
    with pytest.raises(SpecError, match="finite bound"):
        Group.between("a")
