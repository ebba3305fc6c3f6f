"""Facets and predictions from other tables: by key, by order, and what is refused."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.clarify.datasets import read_dataset
from evenhand.core.errors import DataError
from tests.clarify.datasets.configs import config

KEYS = st.lists(st.integers(0, 12), min_size=1, max_size=12, unique=True)


def tables(folder: Path, data: str, facets: str | None = None, predictions: str | None = None) -> dict[str, Any]:
    keys = {"dataset_uri": data, "facet_dataset_uri": facets, "predicted_label_dataset_uri": predictions}
    found = {}
    for name, text in keys.items():
        if text is not None:
            (folder / f"{name}.csv").write_text(text)
            found[name] = str(folder / f"{name}.csv")
    return found


@settings(max_examples=60, deadline=None)
@given(left=KEYS, right=KEYS)
def test_a_join_keeps_what_both_have_in_the_order_of_the_data(
    left: list[int], right: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("join")
    data = "id,x,y\n" + "".join(f"{key},{key * 2},1\n" for key in left)
    uris = tables(folder, data, "sex,id\n" + "".join(f"s{key},{key}\n" for key in right))
    asked = config(label="y", facet=[{"name_or_index": "sex"}], joinsource_name_or_index="id", **uris)
    kept = [key for key in left if key in right]
    if not kept:
        with pytest.raises(DataError, match="leaves no rows"):
            read_dataset(asked, None)
        return
    read = read_dataset(asked, None)
    assert read.rows["id"].tolist() == kept and read.rows["sex"].tolist() == [f"s{key}" for key in kept]
    assert read.dropped == len(left) - len(kept)
    assert (read.features, read.join, read.facets) == (("x",), "id", ("sex",))
    assert bool(read.notes) == (set(left) != set(right))


def test_by_order_and_what_the_model_is_not_sent(tmp_path: Path) -> None:
    uris = tables(tmp_path, "x,y\n1,0\n2,1\n", "sex\nf\nm\n", "predicted_label\n1\n1\n")
    read = read_dataset(config(label="y", facet=[{"name_or_index": "sex"}], **uris), None)
    assert (read.features, read.predicted_label) == (("x",), "predicted_label")
    assert read.rows["sex"].tolist() == ["f", "m"] and str(read.rows["sex"].dtype) == "str"
    assert read.rows["predicted_label"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("predictions", "keys", "labels"),
    [
        ("0.5\n0.51\n", {}, [0, 1]),
        ("0.5\n0.51\n", {"probability_threshold": 0.505, "predictor": {"probability": 0}}, [0, 1]),
        ("p,q\na,0.5\nb,0.4\n", {"probability_threshold": 0.4, "predictor": {"probability": "q"}}, [1, 0]),
        ("p\n1\n0\n", {"predicted_label": "p"}, [1, 0]),
        ("a,b\n0.1,0.9\n0.6,0.4\n", {"predictor": {"label_headers": [0, 1]}}, [1, 0]),
        ("l,s\n\"['0','1']\",\"[0.2,0.8]\"\n\"['1','0']\",\"[0.2,0.8]\"\n",
         {"predictor": {"label": "l", "probability": "s"}}, [1, 0]),
        ('"[0.2,0.8]"\n"[0.7,0.3]"\n', {"predicted_label_headers": ["p"], "predictor": {"label_headers": ["0", "1"]}}, [1, 0]),
    ],
)  # fmt: skip
def test_recorded_predictions_become_labels(
    tmp_path: Path, predictions: str, keys: dict[str, Any], labels: list[int]
) -> None:
    uris = tables(tmp_path, "x,y\n1,0\n2,1\n", predictions=predictions)
    read = read_dataset(config(label="y", **uris, **keys), None)
    assert read.rows[read.predicted_label].tolist() == labels
    assert read.rows[read.predicted_label].dtype == read.rows["y"].dtype


@pytest.mark.parametrize(
    ("facets", "keys", "words"),
    [
        ("id,sex\n1,f\n1,m\n", {"joinsource_name_or_index": "id"}, "'1' more than once in facet_dataset_uri"),
        ("id,sex\n1,f\n2,m\n", {}, "both have a column 'id'"),
        ("sex\nf\n", {}, r"The data has 2 rows and facet_dataset_uri 1"),
        ("id,x\n1,f\n2,m\n", {"joinsource_name_or_index": "id"}, "both have a column 'x'"),
        ("id,sex\n7,f\n", {"joinsource_name_or_index": "id"}, "leaves no rows"),
        ("sex\nf\nm\n", {"joinsource_name_or_index": "key"}, "joinsource_name_or_index is 'key'"),
    ],
)
def test_joins_that_cannot_be_are_refused(tmp_path: Path, facets: str, keys: dict[str, Any], words: str) -> None:
    uris = tables(tmp_path, "id,x,y\n1,1,0\n2,2,1\n", facets)
    with pytest.raises(DataError, match=words):
        read_dataset(config(label="y", **uris, **keys), None)


def test_many_files_need_a_key(tmp_path: Path) -> None:
    for part in "ab":
        pd.DataFrame({"x": [1], "y": [0]}).to_csv(tmp_path / f"{part}.csv", index=False)
    (tmp_path / "facets").mkdir()
    (tmp_path / "facets" / "f.csv").write_text("sex\nf\nm\n")
    data = tmp_path / "data"
    data.mkdir()
    for part in "ab":
        (tmp_path / f"{part}.csv").rename(data / f"{part}.csv")
    with pytest.raises(DataError, match="set joinsource_name_or_index"):
        read_dataset(config(label="y", dataset_uri=str(data), facet_dataset_uri=str(tmp_path / "facets")), None)
