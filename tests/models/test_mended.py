"""Mended models as folders: hostile and broken ones, and one answer a person."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evenhand as eh

GOOD: dict[str, Any] = {
    "method": "thresholds", "setting": "made", "members": [{"score": "score"}], "facets": [{"column": "group"}],
    "rule": {"rule": "thresholds", "cuts": {
        "a": {"thresholds": [0.3, 0.6], "shares": [0.5, 0.5]}, "(missing)": {"thresholds": [0.9]}, "(anyone)": {"thresholds": [0.5]},
    }},
    "classes": ["no", "yes"], "identity": "person",
}  # fmt: skip
ROWS = pd.DataFrame({"person": range(400), "group": ["a", "b", None, "a"] * 100, "score": np.linspace(0, 1, 400)})


def written(folder: Path, text: str) -> str:
    (folder / "model.json").write_text(text)
    return str(folder)


def test_people_get_one_answer_whatever_comes_with_them(tmp_path: Path) -> None:
    model = eh.load_model(written(tmp_path, json.dumps(GOOD)))
    labels = model.predict(ROWS)["label"]
    assert (model.predict(ROWS[100:103])["label"] == labels[100:103]).all()
    assert (labels[ROWS["score"].between(0.3, 0.6) & (ROWS["group"] == "a")] == "yes").mean() == pytest.approx(
        0.5, abs=0.2
    )
    assert (labels[ROWS["group"].isna() & (ROWS["score"] < 0.9)] == "no").all()
    assert (labels[(ROWS["group"] == "b") & (ROWS["score"] > 0.51)] == "yes").all()
    assert model.features == ("score", "group", "person")
    assert len(model.predict(ROWS[:0])["label"]) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"members": [{"file": "../secret.txt"}]}, "the files of a mended model lie beside it"),
        ({"members": [{"file": ".."}]}, "the files of a mended model lie beside it"),
        ({"members": [{}]}, "a member without a file, a column of scores or a constant"),
        ({"members": [{"file": "base.txt"}]}, "No model file"),
        ({"members": []}, "members: Tuple should have at least 1 item"),
        ({"rule": {"rule": "magic"}}, "is no mended model: rule"),
    ],
)
def test_broken_and_hostile_folders_get_one_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(eh.ModelError, match=message):
        eh.load_model(written(tmp_path, json.dumps(GOOD | change)))


def test_a_pickle_in_the_folder_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "base.pkl").write_bytes(b"\x80\x04N.")
    with pytest.raises(eh.UntrustedModel):
        eh.load_model(written(tmp_path, json.dumps(GOOD | {"members": [{"file": "base.pkl"}]})), trust_pickle=True)


def test_rows_without_a_needed_column_get_one_line(tmp_path: Path) -> None:
    model = eh.load_model(written(tmp_path, json.dumps(GOOD)))
    with pytest.raises(eh.ModelError, match="The mended model needs the column 'group', which the rows lack"):
        model.predict(ROWS.drop(columns="group"))
    with pytest.raises(eh.ModelError, match="needs named columns"):
        model.predict(ROWS.to_numpy())
