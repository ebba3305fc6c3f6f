"""Tables in memory: any table that hypothesis makes is counted as Python counts it, whatever library holds it."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenhand.core.errors import DataError
from evenhand.core.values import normalised
from evenhand.sources import read
from tests.sources import source_oracle as oracle

LIBRARIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "pandas": pd.DataFrame,
    "polars": lambda table: pl.DataFrame(table, strict=False),
    "pyarrow": pa.table,
    "dict": dict,
}
NUMBERS = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 1.0, 0.5, 2.0**-20, 2.0**40, 1 - 2**-53, -8.0, 8.0]))
TEXTS = st.text(st.characters(codec="utf-8"), max_size=6)
TABLES = st.lists(
    st.tuples(
        st.none() | TEXTS,
        st.none() | st.integers(-(2**62), 2**62),
        st.none() | NUMBERS,
        st.none() | st.booleans(),
    ),
    min_size=1,
    max_size=30,
)
EDGES = st.tuples(st.floats(-10, 10), st.floats(0.01, 20), st.integers(1, 2000))


def _there(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


@pytest.mark.parametrize("library", LIBRARIES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=TABLES, edges=EDGES, name=TEXTS)
def test_any_table(library: str, rows: list[tuple[Any, ...]], edges: tuple[float, float, int], name: str) -> None:
    low, width, bins = edges
    name = name if name not in ("i", "f", "b") else "t"
    table = dict(zip((name, "i", "f", "b"), map(list, zip(*rows, strict=True)), strict=True))
    if any(all(value is None for value in column) for column in table.values()):
        return
    frame = read(LIBRARIES[library](table))
    e = frame.expressions
    keys = {
        "t": (e.column(name), lambda row: row[0]),
        "i": (e.column("i"), lambda row: row[1]),
        "f": (e.column("f"), lambda row: _there(row[2])),
        "b": (e.column("b"), lambda row: row[3]),
        "lin": (e.linear_bin(e.number("f"), low, low + width, bins), lambda row: oracle.linear_bin(row[2], low, low + width, bins)),
        "log": (e.signed_log_bin(e.number("f"), 4, -20, 40), lambda row: oracle.signed_log_bin(row[2], 4, -20, 40)),
        "cut": (e.cut(e.number("f"), [low, low + width]), lambda row: oracle.cut(row[2], [low, low + width])),
    }  # fmt: skip
    made: list[Any] = rows
    for cube in ([key] for key in keys):
        # pandas holds whole numbers with missing ones as floats, which cannot tell the largest apart.
        if cube == ["i"] and library == "pandas" and None in table["i"]:
            continue
        (answer,) = frame.cells({key: made for key, (made, _) in keys.items()}, {}, [cube], 1000)
        wanted = oracle.counted(made, {key: make for key, (_, make) in keys.items()}, {}, cube)
        assert oracle.read_back(answer, cube, []) == wanted


@pytest.mark.parametrize("library", LIBRARIES)
def test_infinities_and_not_a_number(library: str) -> None:
    values = [math.inf, -math.inf, math.nan, None, 0.0]
    frame = read(LIBRARIES[library]({"f": values}))
    e = frame.expressions
    rows = frame.rows(
        {"l": e.linear_bin(e.number("f"), 0, 1, 4), "g": e.signed_log_bin(e.number("f"), 2, -3, 3), "m": e.missing(e.column("f"))}, 9, 0
    )  # fmt: skip
    assert [normalised(value) for value in rows["l"]] == [4, -1, None, None, 0]
    assert [normalised(value) for value in rows["g"]] == [13, -13, None, None, 0]
    assert rows["m"].tolist() == [False, False, True, True, False]


@pytest.mark.parametrize("library", LIBRARIES)
def test_many_keys_and_one_cube_each(library: str) -> None:
    table = {f"k{place}": [place, 1, 2] for place in range(70)}
    frame = read(LIBRARIES[library](table))
    keys = {name: frame.expressions.column(name) for name in table}
    answers = frame.cells(keys, {}, [[name] for name in table] + [[]], 10)
    assert [int(answer["count"].sum()) for answer in answers] == [3] * 71


def test_many_values_make_no_deep_query() -> None:
    frame = read({"i": np.arange(10_000)})
    e = frame.expressions
    (answer,) = frame.cells({"k": e.among(e.column("i"), list(range(0, 10_000, 2)))}, {}, [["k"]], 10)
    assert oracle.read_back(answer, ["k"], []) == {(True,): (5000, ()), (False,): (5000, ())}


def test_types_that_become_plain() -> None:
    frame = read(
        pl.DataFrame(
            {
                "decimal": pl.Series(["1.50", None]).cast(pl.Decimal(10, 2)),
                "category": pl.Series(["u", None], dtype=pl.Categorical),
                "date": pl.Series(["2020-01-31", None]).str.to_date(),
                "list": [[1], None],
                "none": [None, None],
                "small": pl.Series([1, None], dtype=pl.UInt8),
            }
        )
    )
    assert list(frame.kinds.values()) == ["number", "text", "other", "other", "other", "number"]
    assert [frame.distinct(name, 3) for name in frame.kinds] == [[1.5], ["u"], ["2020-01-31"], ["[1]"], [], [1]]


def test_columns_that_are_not_called_by_text() -> None:
    frame = read(pd.DataFrame([[1, 2]], columns=[5, ("a", 1)]))
    assert list(frame.kinds) == ["5", "('a', 1)"]
    assert next(frame.batches(["5"], 3)).columns.tolist() == ["5"]


def test_the_input_is_left_as_it_was() -> None:
    table = pd.DataFrame({"b": [1], "a": ["x"]})
    read(table).distinct("b", 3)
    assert table.columns.tolist() == ["b", "a"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([1, 2], r"A list is no table that evenhand reads; give a file, a folder, a database URL"),
        ({}, r"The table has no columns\."),
        ({"a": []}, r"The table holds no rows \(a dict of columns\)\."),
        (pl.DataFrame({"a": []}), r"The table holds no rows \(a polars table of 0 rows\)\."),
        ({"a": [1, 2], "b": [1]}, r"'b' has 1 values and 'a' 2; give every column one value a row\."),
        ({"a": [1, "x"]}, r"Column 'a' mixes values of the types int, str; make them one type"),
        ({"a": [True, 2]}, r"Column 'a' mixes values of the types bool, int; make them one type"),
        ({"a": [[1]]}, r"Column 'a' holds values of the type list, which evenhand cannot count"),
        ({"a": np.zeros((2, 2))}, r"Column 'a' has the shape \(2, 2\); give one value a row\."),
        (pd.DataFrame({"a": pd.Series([1, "x"], dtype=object)}), r"Column 'a' mixes values of the types int, str"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), r"Two columns of the table are called 'a'; rename one of them\."),
    ],
)
def test_tables_that_cannot_be_read(source: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(source)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_column_without_any_value_may_be_a_number(library: str) -> None:
    frame = read(LIBRARIES[library]({"a": [1, 2], "none": [None, None]}))
    e = frame.expressions
    (cells,) = frame.cells({"k": e.linear_bin(e.number("none"), 0, 1, 4)}, {"s": e.number("none")}, [["k"]], 9)
    assert oracle.read_back(cells, ["k"], ["s"]) == {(None,): (2, (0.0,))}
