"""Membership: masks over dataframes say what DuckDB says, missing values and all."""

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.condition import Among, Both, Condition, Either, Missing, Other, Range
from evenhand.core.errors import ColumnNotFound, DataError
from evenhand.core.group import Group
from evenhand.models.membership import Members
from evenhand.sources import read

BOUNDS = st.sampled_from([-1, 0, 0.1, 0.5, 1, 2.5, 3])
VALUES: dict[str, list[Any]] = {
    "whole": [-1, 0, 1, 2, 3, None],
    "number": [-1.0, 0.1, 0.5, 2.5, 3.0, None],
    "text": ["a", "b", "1", "", "true", None],
    "flag": [True, False, None],
}
WANTED: dict[str, list[Any]] = {
    "whole": [0, 1, 2.0, "3", 7, True],
    "number": [0.1, 3, "0.5", 7],
    "text": ["a", "b", 1, "", True, "z"],
    "flag": [True, False, "true", 0],
}


def ranges(column: str) -> st.SearchStrategy[Condition]:
    two = st.tuples(BOUNDS, BOUNDS).map(sorted)
    bounds = st.one_of(two, BOUNDS.map(lambda low: (low, None)), BOUNDS.map(lambda high: (None, high)))
    return st.builds(
        lambda pair, low, high: Range(column, pair[0], pair[1], low, high), bounds, st.booleans(), st.booleans()
    )


def amongs(column: str) -> st.SearchStrategy[Condition]:
    values = st.lists(st.sampled_from(WANTED[column]), min_size=1, max_size=3)
    return values.map(lambda chosen: Among(column, tuple(chosen)))


ATOMS = st.one_of(
    st.sampled_from(list(VALUES)).flatmap(amongs),
    st.sampled_from(["whole", "number"]).flatmap(ranges),
    st.sampled_from(list(VALUES)).map(Missing),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Both(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Either(tuple(parts))),
        inner.map(Other),
    ),
    max_leaves=8,
)


def table(seed: int) -> pa.Table:
    numbers = np.random.default_rng(seed)
    types = {"whole": pa.int64(), "number": pa.float64(), "text": pa.string(), "flag": pa.bool_()}
    drawn = {
        name: [values[place] for place in numbers.integers(len(values), size=60)] for name, values in VALUES.items()
    }
    return pa.table({name: pa.array(values, types[name]) for name, values in drawn.items()})


def counted(rows: Any, group: Group) -> int:
    """How many rows DuckDB says are in the group."""
    frame = read(rows)
    cells = frame.cells({"inside": group.expression(frame.expressions)}, {}, [["inside"]], 10)[0]
    inside = np.ma.filled(np.ma.asarray(cells["inside"]).astype(object), None)
    return int(sum(count for value, count in zip(inside, cells["count"], strict=True) if value is not None and value))


@given(CONDITIONS, st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_masks_agree_with_the_counts_of_a_frame(condition: Condition, seed: int) -> None:
    rows, group = table(seed), Group(condition)
    mask = Members(rows).mask(group)
    assert mask.dtype == bool
    assert int(mask.sum()) == counted(rows, group)
    for same in (rows.to_pandas(), pl.from_arrow(rows), rows.to_pandas(types_mapper=pd.ArrowDtype)):
        assert (Members(same).mask(group) == mask).all()
    assert not (mask & Members(rows).mask(~group)).any()


def test_every_kind_of_column() -> None:
    rows = pd.DataFrame(
        {
            "narrow": np.array([0.1, 0.5, np.nan], np.float32), "nullable": pd.array([1, None, 3], "Int64"),
            "category": pd.Categorical(["x", None, "y"]), "day": [date(2020, 1, 2), None, date(2021, 1, 1)],
            "time": [datetime(2020, 1, 2, 3, 4, 5, 120000), datetime(2020, 1, 1), pd.NaT],
            "nothing": [None, None, None], "mixed": pd.Series(["a", 1, None], dtype=object),
            "maybe": pd.array([True, None, False], "boolean"), "small": np.array([1, 200, 3], np.uint8),
        }
    )  # fmt: skip
    expected = {
        "narrow=0.5": [1], "narrow=0.1": [], "nullable>=1": [0, 2], "~nullable=1": [2], "category=y": [2],
        "~category=y": [0], '"day"="2020-01-02"': [0], '"time"="2020-01-02 03:04:05.12"': [0],
        '"time"="2020-01-01 00:00:00"': [1], "nothing=1": [], "nothing is missing": [0, 1, 2], "nothing>1": [],
        "~nothing>1": [], "mixed=1": [1], "maybe=true": [0], "~maybe=true": [2], "small=200": [1], "small=256": [],
        "small=-1": [],
    }  # fmt: skip
    arrays = {name: rows[name].to_numpy() for name in rows if name not in ("nullable", "maybe")}
    for text, places in expected.items():
        group = Group.parse(text)
        assert np.flatnonzero(Members(rows).mask(group)).tolist() == places, text
        if group.columns[0] in arrays:
            assert np.flatnonzero(Members(arrays).mask(group)).tolist() == places, text


def test_what_a_column_cannot_be_asked() -> None:
    rows = Members({"age": np.array([1, 2]), "sex": np.array(["f", "m"], object)})
    with pytest.raises(ColumnNotFound, match=r"No column 'agee' in the data\. Did you mean 'age'\?"):
        rows.mask(Group.parse("agee>1"))
    with pytest.raises(DataError, match="Column 'sex' holds no numbers; take its values: column=value"):
        rows.mask(Group.parse("sex>1"))
    with pytest.raises(DataError, match="Column 'age' holds numbers, so 'old' cannot occur in it"):
        rows.mask(Group.parse("age=old"))
