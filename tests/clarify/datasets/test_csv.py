"""CSV: headers of the file, of the config or none, many files, gzip, and types as pandas settles them."""

import gzip
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.clarify.datasets import read_dataset
from evenhand.core.errors import DataError, UnreadableSource
from tests.clarify.datasets.configs import config

TEXT = "age,sex,hired\n30,f,1\n41,m,0\n29,f,1\n"
CELLS = st.sampled_from(["1", "2.5", "", "NA", "true", "False", "x", 'é,"\n', "007", "nan", "-3", "9" * 20])


def written(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_text(text, newline="")
    return path


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12), parts=st.integers(1, 3))
def test_whatever_the_files_types_are_those_of_pandas_over_whole_columns(
    rows: list[tuple[str, str]], parts: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    frame = pd.DataFrame([("k", *row) for row in rows], columns=["key", "one", "two"])
    expected = pd.read_csv(StringIO(frame.to_csv(index=False)), low_memory=False)
    size = -(-len(frame) // parts)
    for place in range(0, len(frame), size):
        frame[place : place + size].to_csv(folder / f"part-{place:03}.csv", index=False)
    read = read_dataset(config(headers=["key", "one", "two"]), folder)
    pd.testing.assert_frame_equal(read.rows, expected)


def test_the_files_header_names_and_places_find_columns(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT)
    named = read_dataset(config(label="hired", facet=[{"name_or_index": "sex"}], group_variable="age"), path)
    placed = read_dataset(config(label=2, facet=[{"name_or_index": 1}], group_variable=0), path)
    for read in (named, placed):
        assert (read.label, read.facets, read.group_variable) == ("hired", ("sex",), "age")
        assert read.features == ("age", "sex")
    assert read_dataset(config(label=2, excluded_columns=[1]), path).features == ("age",)


@pytest.mark.parametrize("text", [TEXT, TEXT.partition("\n")[2], "\ufeff" + TEXT])
def test_a_first_line_equal_to_headers_is_no_row(tmp_path: Path, text: str) -> None:
    read = read_dataset(config(headers=["age", "sex", "hired"], label="hired"), written(tmp_path, text))
    assert read.rows["age"].tolist() == [30, 41, 29]


def test_headers_beside_another_first_line_leave_it_a_row(tmp_path: Path) -> None:
    read = read_dataset(config(headers=["a", "b", "c"]), written(tmp_path, TEXT))
    assert read.rows["a"].tolist() == ["age", "30", "41", "29"]


def test_without_any_header_columns_are_counted_and_it_is_said(tmp_path: Path) -> None:
    read = read_dataset(config(label=2), written(tmp_path, TEXT.partition("\n")[2]))
    assert list(read.rows.columns) == ["column_0", "column_1", "column_2"]
    assert len(read.rows) == 3 and "no header" in read.notes[0]


def test_a_folder_is_read_whole_but_for_hidden_files_and_the_config(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.csv.gz").write_bytes(gzip.compress(TEXT.encode()))
    written(tmp_path, TEXT.rstrip("\n"), "a.csv")  # without the last line's end
    for name in (".hidden.csv", "_SUCCESS", "analysis_config.json"):
        written(tmp_path, "nonsense", name)
    written(tmp_path, "words", "README.md")
    read = read_dataset(config(label="hired"), tmp_path)
    assert len(read.rows) == 6 and read.rows["age"].dtype == "int64"
    assert any("README.md" in note for note in read.notes)
    assert list(read.rows.index) == list(range(6))
    assert len(read_dataset(config(label="hired"), tmp_path, first=4).rows) == 4


def test_dataset_uri_goes_before_the_folder(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT)
    assert len(read_dataset(config(dataset_uri=path.as_uri()), tmp_path / "nowhere").rows) == 3


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"headers": ["a", "b"]}, "Headers in config do not match with the number of columns in the dataset."),
        ({"label": "wanted"}, "Headers must contain label."),
        ({"label": 7}, "Headers must contain label."),
        ({"facet": [{"name_or_index": "gender"}]}, "Unable to locate the facet."),
        ({"excluded_columns": ["height"]}, "Feature names not found."),
        ({"label": "hired", "excluded_columns": [0, 1]}, "Data must contain features."),
        ({"headers": ["a", "a", "b"]}, "Two columns"),
    ],
)
def test_faults_are_told_in_their_words_and_one_line(tmp_path: Path, keys: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words) as told:
        read_dataset(config(**keys), written(tmp_path, TEXT))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("text", ["a,b\n1,2\n1,2,3\n", 'a,b\nx,"y\n', "\n\n"])
def test_what_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnreadableSource):
        read_dataset(config(), written(tmp_path, text))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_bytes(b"a,b\n1,\xff\xfe\n")
    with pytest.raises(UnreadableSource, match="UTF-8"):
        read_dataset(config(), tmp_path)


def test_real_tables_are_those_of_pandas(real_tables: Path) -> None:
    for name, label in (("adult.csv", "income"), ("german_credit.csv", "class-label")):
        expected = pd.read_csv(real_tables / name, low_memory=False)
        label = label if label in expected else str(expected.columns[-1])
        read = read_dataset(config(label=label), real_tables / name)
        pd.testing.assert_frame_equal(read.rows, expected)
        assert read.features == tuple(column for column in expected if column != label)
