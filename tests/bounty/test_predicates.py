"""Predicates: trees of comparisons and the text form, their round trips, and what is refused."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evenhand import sources
from evenhand.bounty.submissions.kinds import kinds_of
from evenhand.bounty.submissions.predicates import group_of_json, json_of_group, read_group
from evenhand.core.bounty import Bounty, Limits
from evenhand.core.errors import GroupSyntaxError, SpecError
from evenhand.core.group import Group
from evenhand.models.membership import Members

COLUMNS = {
    "age": np.array([20, 30, 40, 50]),
    "income": np.array([1.5, np.nan, -3.0, 10.0]),
    "sex": np.array(["f", "m", None, "f"], object),
    "zip": np.array(["1", "02", "1", "x y"], object),
    "member": np.array([True, False, True, False]),
}
KINDS = kinds_of(COLUMNS)
BOUNTY = Bounty(name="b", label="y", classes=("no", "yes"), identity="id", features=tuple(COLUMNS))

numbers = st.one_of(st.integers(-(2**62), 2**62), st.floats(-1e300, 1e300))
words = st.one_of(st.text(max_size=6), st.sampled_from(["1", "true", "missing", " x ", '"', "a&b"]))


def mask_of(group: Group, columns: dict[str, NDArray[Any]]) -> NDArray[Any]:
    return Members(columns).mask(group)


def comparisons_of(column: str) -> st.SearchStrategy[dict[str, Any]]:
    value = {"number": numbers, "text": words, "boolean": st.booleans()}[KINDS[column]]
    found = [
        st.builds(lambda op: {"column": column, "op": op}, st.sampled_from(["isnull", "notnull"])),
        st.builds(lambda op, one: {"column": column, "op": op, "value": one}, st.sampled_from(["==", "!="]), value),
        st.builds(lambda many: {"column": column, "op": "in", "value": many}, st.lists(value, min_size=1, max_size=3)),
    ]
    if KINDS[column] == "number":
        sign = st.sampled_from(["<", "<=", ">", ">="])
        found.append(st.builds(lambda op, one: {"column": column, "op": op, "value": one}, sign, numbers))
        closed = st.sampled_from(["both", "left", "right", "neither"])
        found.append(
            st.builds(
                lambda a, b, ends: {"column": column, "op": "between", "value": sorted([a, b]), "closed": ends},
                numbers, numbers, closed,
            )
        )  # fmt: skip
    return st.one_of(found)


leaves = st.sampled_from(list(COLUMNS)).flatmap(comparisons_of)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"and": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"or": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=8,
)


def read(value: Any) -> Group:
    return read_group(json.dumps(value).encode(), BOUNTY, KINDS)


@given(trees)
def test_a_tree_is_the_same_group_as_its_text_and_its_own_tree(tree: Any) -> None:
    group = read(tree)
    assert group_of_json(json_of_group(group)) == group
    assert read(json_of_group(group)) == group
    assert Group.parse(str(group)) == group
    assert np.array_equal(mask_of(group, COLUMNS), mask_of(read(str(group)), COLUMNS))


@given(trees)
def test_nobody_is_both_in_a_group_and_in_its_complement(tree: Any) -> None:
    inside, outside = mask_of(read(tree), COLUMNS), mask_of(read({"not": tree}), COLUMNS)
    assert not (inside & outside).any()


@given(trees)
@settings(max_examples=60, deadline=None)
def test_masks_agree_with_what_an_engine_counts(tree: Any) -> None:
    group = read(tree)
    frame = sources.read({name: values.tolist() for name, values in COLUMNS.items()})
    [cells] = frame.cells({"inside": group.expression(frame.expressions)}, {}, [["inside"]], 10)
    counted = {
        value: int(count) for value, count in zip(cells["inside"].tolist(), cells["count"].tolist(), strict=True)
    }
    assert counted.get(True, 0) == mask_of(group, COLUMNS).sum()
    assert counted.get(False, 0) == mask_of(~group, COLUMNS).sum()


@pytest.mark.parametrize(
    ("tree", "rows"),
    [
        ({"column": "age", "op": "between", "value": [30, 40]}, [0, 1, 1, 0]),
        ({"column": "age", "op": "between", "value": [30, 40], "closed": "left"}, [0, 1, 0, 0]),
        ({"column": "income", "op": "<", "value": 5}, [1, 0, 1, 0]),
        ({"not": {"column": "income", "op": "<", "value": 5}}, [0, 0, 0, 1]),
        ({"column": "income", "op": "isnull"}, [0, 1, 0, 0]),
        ({"column": "sex", "op": "notnull"}, [1, 1, 0, 1]),
        ({"column": "sex", "op": "!=", "value": "f"}, [0, 1, 0, 0]),
        ({"or": [{"column": "sex", "op": "==", "value": "m"}, {"column": "member", "op": "==", "value": True}]}, [1, 1, 1, 0]),
        ("zip=1", [1, 0, 1, 0]),
        ("sex=f & age<30", [1, 0, 0, 0]),
    ],
)  # fmt: skip
def test_which_rows_a_group_has(tree: Any, rows: list[int]) -> None:
    assert mask_of(read(tree), COLUMNS).astype(int).tolist() == rows


def deep(levels: int) -> Any:
    tree: Any = {"column": "age", "op": "isnull"}
    for _ in range(levels):
        tree = {"not": tree}
    return tree


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "The group is not JSON"),
        (b"\xff\xff", "not UTF-8"),
        (b'{"column": "age", "op": "<", "value": NaN}', "NaN is no JSON"),
        (b'{"column": "age", "op": "<", "value": -Infinity}', "-Infinity is no JSON"),
        (b'{"column": "age", "op": "<", "value": 1e999}', "larger than any that is kept"),
        (b'{"column": "age", "op": "<", "value": ' + b"9" * 5000 + b"}", "beyond 64 bits"),
        (b'{"column": "age", "column": "sex", "op": "isnull"}', "'column' comes twice"),
        (b"[" * 60_000, "nested deeper than"),
        (b'"' + b"(" * 60_000 + b'"', "nested deeper than"),
        (b'"' + b"~" * 60_000 + b'"', "nested deeper than"),
        (b'"age' + b" " * 60_000 + b'<3"', "20 spaces in a row"),
        (b'"age<' + b"9" * 60_000 + b'"', "too long"),
        (b'"age<' + b"9" * 400 + b'"', "too long"),
        (b'"age in (1,2"', "cannot be read"),
        (b'"' + b"x" * 70_000 + b'"', "larger than 65,536 bytes"),
        (b"3", 'object with "and"'),
        (b"{}", "holds nothing"),
        (b'{"and": []}', '"and" needs a list'),
        (b'{"and": [], "or": []}', "holds 'and', 'or'"),
        (b'{"column": "age", "op": "exec", "value": 1}', "No comparison is called 'exec'"),
        (b'{"column": "age", "op": "<"}', "needs a value"),
        (b'{"column": "age", "op": "<", "value": 1, "then": 2}', "has no 'then'"),
        (b'{"column": "age", "op": "isnull", "value": 1}', "has no 'value'"),
        (b'{"column": "age", "op": "==", "value": null}', "use 'isnull'"),
        (b'{"column": "age", "op": "in", "value": []}', "needs a list of values"),
        (b'{"column": "age", "op": "between", "value": [4, 1]}', "is empty: 4 is above 1"),
        (b'{"column": "age", "op": "between", "value": [1]}', "needs two numbers"),
        (b'{"column": "age", "op": "between", "value": [1, 2], "closed": "no"}', '"closed" says'),
        (b'{"column": "age", "op": "<", "value": "3"}', "needs a number, not '3'"),
        (b'{"column": "age", "op": "==", "value": "3"}', "holds numbers, and '3' is none"),
        (b'{"column": "age", "op": "==", "value": true}', "holds numbers, and 'True' is none"),
        (b'{"column": "sex", "op": "==", "value": 3}', "holds texts, and '3' is none"),
        (b'{"column": "sex", "op": "<", "value": 3}', "holds no numbers, so it has no ranges"),
        (b'{"column": "member", "op": "==", "value": "yes"}', "holds true or false, and 'yes' is none"),
        (b'{"column": "label", "op": "==", "value": 3}', "No group may use the column 'label'"),
        (b'"y=yes"', "No group may use the column 'y'"),
        (json.dumps(deep(17)).encode(), "nested deeper than 16"),
        (json.dumps({"column": "age", "op": "in", "value": list(range(1001))}).encode(), "more than 1,000 values"),
        (json.dumps({"or": [{"column": "age", "op": "isnull"}] * 65}).encode(), "more than 64 comparisons"),
    ],
    ids=lambda each: each[:40] if isinstance(each, str) else "",
)  # fmt: skip
def test_what_is_refused_is_named(content: bytes, told: str) -> None:
    with pytest.raises(SpecError) as refused:
        read_group(content, BOUNTY, KINDS)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_group_or_refused(content: bytes) -> None:
    try:
        read_group(content, BOUNTY, KINDS)
    except SpecError as error:
        assert str(error)


@given(st.text(max_size=80))
def test_any_text_form_is_a_group_or_refused(text: str) -> None:
    try:
        read_group(json.dumps(text).encode(), BOUNTY, KINDS)
    except SpecError as error:
        assert str(error)


def test_the_limit_of_comparisons_is_the_bounty_s() -> None:
    tight = BOUNTY.model_copy(update={"limits": Limits(conditions=1)})
    with pytest.raises(SpecError, match="more than 1 comparisons"):
        read_group(b'"age<3 | age>5"', tight, KINDS)


def test_a_column_that_is_nearly_right_is_suggested() -> None:
    with pytest.raises(SpecError, match="Did you mean 'income'"):
        read_group(b'"incom<3"', BOUNTY, KINDS)


def test_syntax_is_told_apart_from_what_is_not_allowed() -> None:
    with pytest.raises(GroupSyntaxError):
        read_group(b'"age<"', BOUNTY, KINDS)
