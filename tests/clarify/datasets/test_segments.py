"""Segments: every row in its own, the rest in __default__."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.clarify.analysis import Dataset
from evenhand.clarify.datasets import segments_of
from evenhand.core.errors import SpecError
from tests.clarify.datasets.configs import config

ROWS = pd.DataFrame(
    {"age": [1, 2, 4, 5, 9], "sex": ["f", "m", "f", None, "x"], "yes": [True, False, True, True, False]}
)


def cut(**division: Any) -> dict[str, list[int]]:
    found = segments_of(config(segment_config=[division]), Dataset(ROWS, ("age",)))
    return {name: np.flatnonzero(inside).tolist() for name, inside in found.items()}


def test_lists_ranges_and_aliases() -> None:
    assert cut(name_or_index="sex", segments=[["f"], ["m", "x"]]) == {"f": [0, 2], "m, x": [1, 4], "__default__": [3]}
    assert cut(name_or_index="age", segments=[["[1, 4]"], ["(4, 5]"]]) == {
        "[1, 4]": [0, 1, 2], "(4, 5]": [3], "__default__": [4],
    }  # fmt: skip
    assert cut(name_or_index=0, segments=[["(2, inf)", 1]], display_aliases=["most", "rest"]) == {
        "most": [0, 2, 3, 4], "rest": [1],
    }  # fmt: skip
    assert cut(name_or_index="yes", segments=[["true"]], display_aliases=["y"]) == {
        "y": [0, 2, 3],
        "__default__": [1, 4],
    }


def test_several_divisions_are_told_apart() -> None:
    divisions = [
        {"name_or_index": "sex", "segments": [["f"]]},
        {"config_name": "years", "name_or_index": "age", "segments": [[1]]},
    ]
    found = segments_of(config(segment_config=divisions), Dataset(ROWS, ("age",)))
    assert list(found) == ["sex: f", "sex: __default__", "years: 1", "years: __default__"]
    assert segments_of(config(), Dataset(ROWS, ("age",))) == {}


@given(st.lists(st.lists(st.integers(0, 10), min_size=1, max_size=3, unique=True), min_size=1, max_size=4))
def test_the_default_is_all_other_rows(lists: list[list[int]]) -> None:
    aliases = [f"s{place}" for place in range(len(lists))]
    asked = config(segment_config=[{"name_or_index": "age", "segments": lists, "display_aliases": aliases}])
    found = segments_of(asked, Dataset(ROWS, ("age",)))
    assert len(found) == len(lists) + 1
    rest = found.pop("__default__")
    assert np.array_equal(~rest, np.any(list(found.values()), axis=0))
    assert np.array_equal(~rest, ROWS["age"].isin([value for values in lists for value in values]))


@pytest.mark.parametrize(
    "division",
    [
        {"segments": [["[4, 1]"]]}, {"segments": [["old"]]}, {"segments": [["[a, b]"]]},
        {"segments": [[1], [2]], "display_aliases": ["one"]}, {"segments": [[1], [1]]},
    ],
)  # fmt: skip
def test_divisions_that_make_no_sense_are_refused(division: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        cut(name_or_index="age", **division)
