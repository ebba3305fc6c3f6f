"""JSON Lines, JSON documents and Parquet hold the same rows as CSV."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evenhand.clarify.datasets import read_dataset
from evenhand.core.errors import DataError, UnreadableSource
from tests.clarify.datasets.configs import config

LINES, JSON, PARQUET = "application/jsonlines", "application/json", "application/x-parquet"
ROWS = [([25, "f", 1.5], 0), ([37, "m", None], 1), ([61, "f", 2.0], 1)]


def lines(path: Path, documents: list[Any]) -> Path:
    path.write_text("\n".join(map(json.dumps, documents)) + "\n")
    return path


def check(read: Any) -> None:
    assert list(read.rows.columns) == ["age", "sex", "score", "hired"]
    assert [str(kind) for kind in read.rows.dtypes] == ["int64", "str", "float64", "int64"]
    assert read.rows["hired"].tolist() == [0, 1, 1] and read.rows["score"].isna().tolist() == [False, True, False]
    assert (read.features, read.label) == (("age", "sex", "score"), "hired")


HEADERS = ["age", "sex", "score", "hired"]


def test_dense_lines(tmp_path: Path) -> None:
    path = lines(tmp_path / "data.jsonl", [{"features": row, "label": label} for row, label in ROWS])
    check(read_dataset(config(LINES, features="features", label="label", headers=HEADERS), path))
    check(read_dataset(config(LINES, label="label", headers=HEADERS), path))
    assert len(read_dataset(config(LINES, label="label"), path, first=2).rows) == 2


def test_free_lines(tmp_path: Path) -> None:
    shaped = [{"who": {"age": a, "sex": b}, "more": [c], "class-label": y} for (a, b, c), y in ROWS]
    path = lines(tmp_path / "data.jsonl", shaped)
    check(
        read_dataset(config(LINES, features="[who.age, who.sex, more[0]]", label="class-label", headers=HEADERS), path)
    )
    flat = lines(tmp_path / "flat.jsonl", [dict(zip(HEADERS, [*row, label], strict=True)) for row, label in ROWS])
    check(read_dataset(config(LINES, label="hired"), flat))


def test_documents(tmp_path: Path) -> None:
    people = [dict(zip(HEADERS, [*row, label], strict=True)) for row, label in ROWS]
    path = tmp_path / "data.json"
    path.write_text(json.dumps({"people": people}, indent=1))
    asked = {"features": "people[*].[age, sex, score]", "label": "people[*].hired", "headers": HEADERS}
    check(read_dataset(config(JSON, **asked), path))
    objects = {"features": "people[*].{age: age, sex: sex, score: score}", "label": "people[*].hired"}
    assert read_dataset(config(JSON, **objects), path).features == ("age", "sex", "score")
    path.write_text(json.dumps(people))
    check(read_dataset(config(JSON, label="hired"), path))


def test_parquet_files_and_folders(tmp_path: Path) -> None:
    frame = pd.DataFrame([[*row, label] for row, label in ROWS], columns=HEADERS)
    frame.to_parquet(tmp_path / "one.parquet")
    check(read_dataset(config(PARQUET, label="hired"), tmp_path / "one.parquet"))
    frame.to_parquet(tmp_path / "two.parquet", row_group_size=1)
    assert len(read_dataset(config(PARQUET, label="hired"), tmp_path).rows) == 6
    assert len(read_dataset(config(PARQUET, label="hired"), tmp_path, first=2).rows) == 2
    renamed = read_dataset(config(PARQUET, headers=["a", "b", "c", "d"]), tmp_path / "one.parquet")
    assert list(renamed.rows.columns) == ["a", "b", "c", "d"]
    with pytest.raises(DataError, match="do not match with the number of columns"):
        read_dataset(config(PARQUET, headers=["a"]), tmp_path / "one.parquet")


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2], "int64"), ([1, None], "float64"), ([True, False], "bool"), ([True, None], "object"),
        (["a", None], "str"), ([1, "a"], "str"), ([None, None], "float64"), ([1, 2.5], "float64"),
    ],
)  # fmt: skip
def test_types_of_values_in_json(tmp_path: Path, values: list[Any], dtype: str) -> None:
    path = lines(tmp_path / "data.jsonl", [{"features": [value]} for value in values])
    column = read_dataset(config(LINES), path).rows["column_0"]
    assert str(column.dtype) == dtype
    assert column.isna().tolist() == [value is None for value in values]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"features": "nothing"}, "Data must contain features."),
        ({"features": "label"}, "Data must contain features."),
        ({"features": "features", "label": "label", "headers": ["a", "b", "c"]}, "Headers must contain label."),
        ({"features": "features", "headers": ["a"]}, "do not match with the number of columns"),
    ],
)
def test_faults_are_told_in_their_words(tmp_path: Path, keys: dict[str, Any], words: str) -> None:
    path = lines(tmp_path / "data.jsonl", [{"features": row, "label": label} for row, label in ROWS])
    with pytest.raises(DataError, match=words):
        read_dataset(config(LINES, **keys), path)


def test_lines_that_are_no_json_are_named(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text('{"features": [1]}\n{"features": [\n')
    with pytest.raises(UnreadableSource, match="Line 2 "):
        read_dataset(config(LINES), tmp_path)
    (tmp_path / "data.jsonl").write_text('{"features": [[1, 2]]}\n')
    with pytest.raises(DataError, match="column_0"):
        read_dataset(config(LINES), tmp_path)
