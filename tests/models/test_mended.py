"""Mended models as folders: hostile and broken ones, and one answer a person."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evenhand as eh
from evenhand.core.group import Group
from evenhand.models.dividing import dividing, groups_of

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


def test_a_rule_without_chance_asks_for_no_id(tmp_path: Path) -> None:
    plain = {"rule": {"rule": "thresholds", "cuts": {"(anyone)": {"thresholds": [0.5]}}}}
    model = eh.load_model(written(tmp_path, json.dumps(GOOD | plain)))
    assert model.features == ("score", "group")
    assert set(model.predict(ROWS[["score", "group"]])["label"]) == {"no", "yes"}


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


def test_a_pickle_in_the_folder_is_loaded_only_where_it_is_trusted(tmp_path: Path) -> None:
    (tmp_path / "base.pkl").write_bytes(b"\x80\x04N.")
    folder = written(tmp_path, json.dumps(GOOD | {"members": [{"file": "base.pkl"}]}))
    with pytest.raises(eh.UntrustedModel):
        eh.load_model(folder)
    with pytest.raises(eh.ModelError, match="holds a NoneType, which is no model"):
        eh.load_model(folder, trust_pickle=True)


@pytest.mark.parametrize(
    ("group", "inside"),
    [
        ("sex=Female", [True, False, None, True]),
        ("~(sex=Female)", [False, True, None, False]),
        ("sex=Female & age<40", [False, False, None, True]),
        ("sex=Male | age>=60", [True, True, None, False]),
        ("age=50", [False, True, False, False]),
        ("sex is missing", [False, False, True, False]),
    ],
)
def test_one_group_against_the_rest(group: str, inside: list[bool | None]) -> None:
    """As SQL has it: what is unknown is neither in the group nor in its rest."""
    rows = {"sex": np.array(["Female", "Male", None, "Female"], object), "age": np.array([70.0, 50.0, 30.0, 20.0])}
    (facet,) = (dividing(group, list(rows)),)
    names = {True: str(Group.parse(group)), False: f"not ({Group.parse(group)})", None: "(missing)"}
    assert list(groups_of([facet], rows, 4)) == [names[each] for each in inside]
    assert set(facet.columns) <= set(rows)


def test_a_group_that_is_no_condition_gets_one_line(tmp_path: Path) -> None:
    with pytest.raises(eh.EvenhandError) as caught:
        eh.load_model(written(tmp_path, json.dumps(GOOD | {"facets": [{"group": "sex="}]})))
    assert "\n" not in str(caught.value)


def test_rows_without_a_needed_column_get_one_line(tmp_path: Path) -> None:
    model = eh.load_model(written(tmp_path, json.dumps(GOOD)))
    with pytest.raises(eh.ModelError, match="The mended model needs the column 'group', which the rows lack"):
        model.predict(ROWS.drop(columns="group"))
    with pytest.raises(eh.ModelError, match="needs named columns"):
        model.predict(ROWS.to_numpy())
