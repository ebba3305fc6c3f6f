"""Tables in Clarify's shapes: the sums, the names, the settings and the files are what its documents say."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.clarify.analysis import Dataset, Explained
from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.explanations.aggregation import aggregated, ranking
from evenhand.clarify.explanations.budgets import samples_of
from evenhand.clarify.explanations.local_files import headers
from evenhand.clarify.explanations.table_labels import Labels
from evenhand.clarify.explanations.tables import explain_table
from evenhand.core.errors import EvenhandError
from evenhand.explaining import explain
from evenhand.models import load_model
from tests.explaining.models import COLUMNS, Progress, credit, odds, table

DATA = table(30).assign(outcome=np.arange(30) % 2, key=[f"r{place}" for place in range(30)])
FEATURES = tuple(table(1).columns)
BASELINE = json.loads(table(2, seed=9).to_json(orient="values"))


def config(shap: dict[str, Any] | None = None, pdp: dict[str, Any] | None = None) -> AnalysisConfig:
    methods = {name: value for name, value in (("shap", shap), ("pdp", pdp)) if value is not None}
    return AnalysisConfig.model_validate({"dataset_type": "text/csv", "methods": methods})


def dataset(**more: Any) -> Dataset:
    settings: dict[str, Any] = {"rows": DATA, "features": FEATURES, "label": "outcome"}
    return Dataset(**settings | more)


def run(place: Path, model: Any = credit, **shap: Any) -> Explained:
    return explain_table(config({"baseline": BASELINE} | shap), dataset(), load_model(model), place)


def lines(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize(
    ("players", "asked", "samples"), [(10, None, 1022), (20, None, 2088), (20, 100, 100), (3, 99, 6)]
)
def test_the_number_of_samples_is_their_rule(players: int, asked: int | None, samples: int) -> None:
    assert samples_of(players, asked) == samples


@settings(max_examples=10, deadline=None)
@given(asked=st.integers(1, 400), seed=st.integers(0, 5), logit=st.booleans())
def test_values_sum_to_the_prediction_less_the_expected_value(
    asked: int, seed: int, logit: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    model = odds if logit else credit
    found = run(tmp_path_factory.mktemp("run"), model, num_samples=asked, seed=seed, use_logit=logit)
    explanation = found.explanation
    assert explanation is not None and explanation.making.explainer == "regression"
    section = found.sections["kernel_shap"]["outcome"]
    answers = np.asarray(model(DATA))[:, 1] if logit else credit(DATA)
    expected = np.log(answers / (1 - answers)) if logit else answers
    np.testing.assert_allclose(explanation.attributions[:, :, 0].sum(axis=1) + section["expected_value"], expected)


def test_the_default_is_exact_where_few_samples_are_all_and_the_seed_decides(tmp_path: Path) -> None:
    found = run(tmp_path / "one", save_local_shap_values=True)
    exact = explain(credit, DATA, features=FEATURES, baseline=BASELINE, explainer="exact")
    assert found.explanation is not None and found.facts["num_samples"] == 2**COLUMNS - 2
    np.testing.assert_allclose(found.explanation.attributions, exact.attributions, atol=1e-10)
    again, other = run(tmp_path / "two", num_samples=60), run(tmp_path / "three", num_samples=60, seed=1)
    same = run(tmp_path / "four", num_samples=60, seed=0)
    assert again.sections == same.sections != other.sections


def test_a_forest_is_read_exactly_unless_samples_are_asked_for(tmp_path: Path) -> None:
    from sklearn.tree import DecisionTreeRegressor

    numbers = DATA[["income", "score", "rent"]]
    model = load_model(DecisionTreeRegressor(max_depth=4, random_state=0).fit(numbers, credit(DATA)))
    data = dataset(rows=numbers, features=tuple(numbers), label=None)
    read = explain_table(config({"num_clusters": 2}), data, model, tmp_path / "one")
    asked = explain_table(config({"num_clusters": 2, "num_samples": 6}), data, model, tmp_path / "two")
    assert (read.facts["method"], asked.facts["method"]) == ("tree", "regression")
    assert list(read.sections["kernel_shap"]) == ["label0"]
    values = read.sections["kernel_shap"]["label0"]["global_shap_values"]
    assert values == pytest.approx(asked.sections["kernel_shap"]["label0"]["global_shap_values"])
    assert len(lines(tmp_path / "one" / "explanations_shap" / "baseline.csv")) == 3


def test_local_values_stand_by_label_then_feature_and_the_join_column_is_last(tmp_path: Path) -> None:
    data = dataset(join="key")
    shap = config({"baseline": BASELINE, "save_local_shap_values": True, "num_samples": 80})
    three = load_model(lambda rows: np.stack([credit(rows), -credit(rows), credit(rows) * 2], axis=1))
    found = explain_table(shap, data, three, tmp_path, label_names=["a", "b", "c,d"])
    head, *rest = lines(tmp_path / "explanations_shap" / "out.csv")
    assert head == [f"{feature}_{label}" for label in ("a", "b", "c,d") for feature in FEATURES] + ["key"]
    assert [row[-1] for row in rest] == DATA["key"].tolist()
    assert found.explanation is not None
    numbers = np.array([row[:-1] for row in rest], float).reshape(30, 3, COLUMNS)
    np.testing.assert_array_equal(numbers.transpose(0, 2, 1), found.explanation.attributions)
    parquet = pd.read_parquet(tmp_path / "explanations_shap" / "out.parquet")
    assert list(parquet.columns) == head and parquet["key"].tolist() == DATA["key"].tolist()
    np.testing.assert_array_equal(parquet[head[:-1]].to_numpy(), numbers.reshape(30, -1))
    assert list(found.sections["kernel_shap"]) == ["a", "b", "c,d"]
    assert {path.name for path in found.files} == {"baseline.csv", "out.csv", "out.parquet"}
    assert {path.name for path in (tmp_path / "explanations_shap").iterdir()} == {path.name for path in found.files}


def test_no_local_values_unless_asked_and_the_baseline_has_the_features_alone(tmp_path: Path) -> None:
    found = run(tmp_path, num_samples=30)
    assert [path.name for path in found.files] == ["baseline.csv"]
    assert lines(found.files[0])[0] == list(FEATURES) and len(lines(found.files[0])) == 3
    missing = [[None if name == "city" else cell for name, cell in zip(FEATURES, BASELINE[0], strict=True)]]
    (place,) = run(tmp_path, num_samples=30, baseline=missing).files
    assert lines(place)[1][FEATURES.index("city")] == ""


def test_two_headers_of_a_classifier_of_two_classes_are_a_label_each(tmp_path: Path) -> None:
    model = load_model(odds, classes=["no", "yes"])
    shap = {"baseline": BASELINE, "num_samples": 40, "save_local_shap_values": True, "agg_method": "median"}
    asked = config(shap, {"features": ["owner"]})
    found = explain_table(asked, dataset(), model, tmp_path, label_names=["no", "yes"])
    no, yes = (found.sections["kernel_shap"][label] for label in ("no", "yes"))
    assert no["expected_value"] == pytest.approx(1 - yes["expected_value"])
    assert no["global_shap_values"] == pytest.approx({k: -v for k, v in yes["global_shap_values"].items()})
    first, second = found.sections["pdp"][0]["model_predictions"]
    np.testing.assert_allclose(np.add(first, second), 1)
    with pytest.raises(EvenhandError, match="label_headers names 3 labels and the model answers 1"):
        explain_table(asked, dataset(), model, tmp_path, label_names=["a", "b", "c"], resume=False)


@given(st.lists(st.lists(st.floats(-9, 9), min_size=2, max_size=2), min_size=1, max_size=9))
def test_the_three_ways_of_summing_up(rows: list[list[float]]) -> None:
    values, one = np.array(rows)[:, :, None], Labels(("y",))
    np.testing.assert_allclose(aggregated(values, one, "mean_abs")[:, 0], np.abs(rows).mean(axis=0))
    np.testing.assert_allclose(aggregated(values, one, "mean_sq")[:, 0], np.square(rows).mean(axis=0))
    np.testing.assert_allclose(aggregated(values, one, "median")[:, 0], np.median(rows, axis=0))


def test_the_most_important_have_the_largest_values_whatever_their_sign() -> None:
    section = {"y": {"global_shap_values": {"a": 0.1, "b": -3.0, "c": 1.0}}}
    assert ranking(section) == ["b", "c", "a"]
    assert headers(("F1", "F2"), ("L1", "L2")) == ["F1_L1", "F2_L1", "F1_L2", "F2_L2"]


def test_features_to_explain_are_the_players_and_the_others_stay_as_they_are(tmp_path: Path) -> None:
    found = run(tmp_path, features_to_explain=["age", 0, "city"])
    assert list(found.sections["kernel_shap"]["outcome"]["global_shap_values"]) == ["income", "age", "city"]
    assert found.facts["held"] == [name for name in FEATURES if name not in ("income", "age", "city")]
    assert found.explanation is not None
    np.testing.assert_allclose(
        found.explanation.attributions.sum(axis=1) + found.explanation.base, credit(DATA)[:, None]
    )
    for wrong in ("outcome", 99, "agge"):
        with pytest.raises(EvenhandError, match=r"Feature names not found\. features_to_explain names"):
            run(tmp_path, features_to_explain=[wrong])


def test_progress_and_no_features(tmp_path: Path) -> None:
    told = Progress()
    explain_table(
        config({"baseline": BASELINE, "num_samples": 40}, {"features": ["age"]}), dataset(), load_model(credit), tmp_path,
        progress=told,
    )  # fmt: skip
    assert told.of("explaining")[-1] == (30, 30) and told.of("partial dependence")
    with pytest.raises(EvenhandError, match="Data must contain features"):
        explain_table(config({}), dataset(features=()), load_model(credit), tmp_path)
