"""Partial dependence in Clarify's blocks: buckets and categories, shares, and mean answers."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.clarify.analysis import Dataset
from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.explanations import dependence as module
from evenhand.clarify.explanations.dependence import UNSUPPORTED, dependence
from evenhand.clarify.explanations.tables import explain_table
from evenhand.core.errors import EvenhandError
from evenhand.models import load_model

RANDOM = np.random.default_rng(0)
ROWS = pd.DataFrame({
    "age": RANDOM.integers(18, 90, 40), "pay": RANDOM.normal(size=40).astype(np.float32),
    "city": RANDOM.choice(np.array(["Bonn", "Köln", None], object), 40), "owner": RANDOM.random(40) < 0.5,
    "same": np.full(40, 7.0), "none": np.full(40, np.nan), "when": pd.date_range("2020-01-01", periods=40),
    "note": [f"this is the long and only note number {place}" for place in range(40)],
    "kind": pd.Categorical(RANDOM.choice(["a", "b"], 40)),
})  # fmt: skip
DATASET = Dataset(ROWS, tuple(ROWS.columns), label="y")


def answers(rows: pd.DataFrame) -> Any:
    return rows["age"].to_numpy() * 2.0 + (rows["city"] == "Bonn") * rows["pay"] + rows["owner"] * (rows["kind"] == "a")


def blocks(*features: str, grid: int = 15, model: Any = answers) -> list[dict[str, Any]]:
    return dependence(load_model(model), DATASET, features, grid_resolution=grid)[0]


@settings(max_examples=20, deadline=None)
@given(grid=st.integers(1, 30))
def test_buckets_of_a_number_are_of_one_width_and_hold_everybody(grid: int) -> None:
    (block,) = blocks("age", grid=grid)
    low, high = ROWS["age"].min(), ROWS["age"].max()
    width = (high - low) / grid
    np.testing.assert_allclose(block["feature_values"], low + width * (np.arange(grid) + 0.5))
    counts, _ = np.histogram(ROWS["age"], grid)
    np.testing.assert_allclose(block["data_distribution"], counts / 40, atol=1.01 / 40)
    assert sum(block["data_distribution"]) == pytest.approx(1)
    rest = answers(ROWS.assign(age=0)).mean()
    np.testing.assert_allclose(block["model_predictions"], [2 * np.array(block["feature_values"]) + rest])
    assert block["label_headers"] == ["y"] and block["data_type"] == "numerical"
    assert set(block) == {
        "feature_name", "data_type", "feature_values", "data_distribution", "model_predictions", "label_headers"
    }  # fmt: skip


def test_categories_are_all_there_with_what_the_model_says_of_each() -> None:
    city, owner, kind = blocks("city", "owner", "kind")
    assert city["feature_values"] == ["Bonn", "Köln"] and city["data_type"] == "categorical"
    known = ROWS["city"].dropna()
    np.testing.assert_allclose(city["data_distribution"], [(known == name).mean() for name in ("Bonn", "Köln")])
    for value, found in zip(city["feature_values"], city["model_predictions"][0], strict=True):
        assert found == pytest.approx(answers(ROWS.assign(city=value)).mean())
    assert owner["feature_values"] == ["False", "True"] and kind["feature_values"] == ["a", "b"]
    assert owner["model_predictions"][0][1] == pytest.approx(answers(ROWS.assign(owner=True)).mean())
    assert kind["model_predictions"][0][0] == pytest.approx(answers(ROWS.assign(kind="a")).mean())


@pytest.mark.parametrize("name", ["note", "when", "none"])
def test_a_column_that_is_no_number_or_category_has_an_error_in_place_of_the_arrays(name: str) -> None:
    (block,) = blocks(name)
    assert block["error"] == UNSUPPORTED and set(block) == {"feature_name", "data_type", "error", "label_headers"}


def test_a_constant_is_one_bucket_and_every_class_has_its_curve() -> None:
    (block,) = blocks("same", model=lambda rows: np.stack([answers(rows), -answers(rows), answers(rows)], axis=1))
    assert block["feature_values"] == [7.0] and block["data_distribution"] == [1.0]
    assert np.shape(block["model_predictions"]) == (3, 1) and block["label_headers"] == ["label0", "label1", "label2"]


def test_many_rows_are_sampled_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 30)
    found, notes = dependence(load_model(answers), DATASET, ["city"], grid_resolution=15)
    assert len(found[0]["model_predictions"][0]) == 2
    assert any("is the mean over a random 30 of 40 rows" in note for note in notes)
    assert any("rows have no value of city" in note for note in notes)


def test_features_are_those_named_or_the_most_important(tmp_path: Path) -> None:
    few = Dataset(ROWS[["age", "pay", "city", "owner", "kind"]], ("age", "pay", "city", "owner", "kind"))
    shap = {"baseline": [[50, 0.0, "Köln", True, "b"]]}

    def features(methods: dict[str, Any]) -> list[str]:
        config = AnalysisConfig.model_validate({"dataset_type": "text/csv", "methods": methods})
        found = explain_table(config, few, load_model(answers), tmp_path)
        return [block["feature_name"] for block in found.sections["pdp"]]

    assert features({"shap": shap, "pdp": {"top_k_features": 2}})[0] == "age"
    assert len(features({"shap": shap, "pdp": {}})) == 5
    assert features({"pdp": {"features": ["city", 0]}}) == ["city", "age"]
    with pytest.raises(EvenhandError, match="pdp needs features where shap is not computed"):
        features({"pdp": {}})
    with pytest.raises(EvenhandError, match=r"Feature names not found. pdp.features names 'town'"):
        features({"pdp": {"features": ["town"]}})
