"""Whole runs: a config, real tables and a model in; the files that dashboards and gates read out."""

import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.config.reading import read_config
from evenhand.clarify.processing import process

FEATURES = ["duration", "credit-amount", "age", "existing-credits"]
COLUMNS = ["class-label", *FEATURES, "sex", "housing"]


def good(rows: Any) -> Any:
    """A model of two columns: the chance of a good credit."""
    amount, age = np.asarray(rows["credit-amount"], float), np.asarray(rows["age"], float)
    return 1 / (1 + np.exp(amount / 3000 - 2 - age / 40))


@pytest.fixture(scope="module")
def german(real_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """German credit as a CSV file in a folder of its own."""
    folder = tmp_path_factory.mktemp("german")
    pd.read_csv(real_tables / "german_credit.csv")[COLUMNS].head(300).to_csv(folder / "data.csv", index=False)
    return folder


def config(**changes: Any) -> AnalysisConfig:
    keys: dict[str, Any] = {
        "version": "1.0", "dataset_type": "text/csv", "label": "class-label", "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "sex"}, {"name_or_index": "age", "value_or_threshold": [40]}],
        "excluded_columns": ["sex", "housing"], "group_variable": "housing",
        "methods": {
            "pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"},
            "shap": {"num_clusters": 2, "num_samples": 100, "save_local_shap_values": True, "seed": 3},
            "pdp": {"grid_resolution": 5, "top_k_features": 2}, "report": {"name": "report", "title": "Credit"},
        },
        "predictor": {"model_name": "credit", "instance_type": "ml.m5.xlarge", "initial_instance_count": 1},
    }  # fmt: skip
    return read_config({**keys, **changes}, has_model=True)[0]


@pytest.fixture(scope="module")
def run(german: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("output")
    process(config(), german, output, model=good)
    return output


def test_the_document_has_their_keys_and_one_of_ours(run: Path) -> None:
    document = json.loads((run / "analysis.json").read_text())
    assert list(document) == [
        "version", "pre_training_bias_metrics", "post_training_bias_metrics", "explanations", "evenhand",
    ]  # fmt: skip
    before = document["pre_training_bias_metrics"]
    assert set(before) == {"label", "facets", "label_value_or_threshold"}
    assert before["label"], before["label_value_or_threshold"] == ("class-label", "1")
    assert set(before["facets"]) == {"sex", "age"}
    names = [metric["name"] for metric in before["facets"]["sex"][0]["metrics"]]
    assert names == ["CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD"]
    after = document["post_training_bias_metrics"]["facets"]["age"][0]
    assert [metric["name"] for metric in after["metrics"]] == [
        "AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "FT", "GE", "RD", "SD", "TE",
    ]  # fmt: skip


def test_values_are_those_counted_by_hand(run: Path, german: Path) -> None:
    rows = pd.read_csv(german / "data.csv")
    document = json.loads((run / "analysis.json").read_text())
    for entry in document["pre_training_bias_metrics"]["facets"]["sex"]:
        inside = rows["sex"].astype(str) == entry["value_or_threshold"]
        positive = rows["class-label"] == 1
        values = {metric["name"]: metric["value"] for metric in entry["metrics"]}
        assert values["DPL"] == pytest.approx(positive[~inside].mean() - positive[inside].mean(), abs=1e-12)
        assert values["CI"] == pytest.approx(((~inside).sum() - inside.sum()) / len(rows), abs=1e-12)


def test_intervals_of_the_same_values_stand_in_our_key(run: Path) -> None:
    document = json.loads((run / "analysis.json").read_text())
    intervals = document["evenhand"]["intervals"]
    checked = 0
    for stage in ("pre_training_bias_metrics", "post_training_bias_metrics"):
        for facet, entries in document[stage]["facets"].items():
            for entry in entries:
                for metric in entry["metrics"]:
                    found = intervals[stage][facet][entry["value_or_threshold"]].get(metric["name"])
                    if found is not None and isinstance(metric["value"], float):
                        assert float(found[0]) <= metric["value"] <= float(found[1]), (facet, metric)
                        checked += 1
    assert checked > 30


def test_attributions_sum_to_the_prediction(run: Path, german: Path) -> None:
    document = json.loads((run / "analysis.json").read_text())
    (block,) = document["explanations"]["kernel_shap"].values()
    with (run / "explanations_shap" / "out.csv").open() as file:
        header, *lines = list(csv.reader(file))
    assert [name.rpartition("_")[0] for name in header] == FEATURES
    sums = np.array(lines, float).sum(axis=1)
    predicted = good(pd.read_csv(german / "data.csv"))
    assert np.allclose(sums + block["expected_value"], predicted, atol=1e-9)
    shares = np.abs(np.array(lines, float)).mean(axis=0)
    assert [block["global_shap_values"][name] for name in FEATURES] == pytest.approx(shares.tolist())


def test_curves_are_of_the_features_that_matter(run: Path) -> None:
    blocks = json.loads((run / "analysis.json").read_text())["explanations"]["pdp"]
    assert {block["feature_name"] for block in blocks} == {"credit-amount", "age"}
    for block in blocks:
        assert len(block["feature_values"]) == len(block["data_distribution"]) == len(block["model_predictions"][0])
        assert math.isclose(sum(block["data_distribution"]), 1)


def test_a_threshold_divides_the_statistics_too(run: Path, german: Path) -> None:
    rows = pd.read_csv(german / "data.csv")
    document = json.loads((run / "analysis.json").read_text())
    found = {each["value"]: each["rows"] for each in document["evenhand"]["statistics"]["facets"]["age"]}
    assert len(found) == 2
    assert found["the other rows"] == (rows["age"] <= 40).sum()


def test_nothing_unfinished_is_left_and_the_report_is_there(run: Path) -> None:
    assert not (run / ".evenhand").exists()
    page = (run / "report.html").read_text()
    assert "Credit" in page and "disadvantaged" in page
    assert json.loads((run / "report.ipynb").read_text())["nbformat"] == 4


def test_the_old_arithmetic_can_be_had(german: Path, tmp_path: Path) -> None:
    only = {"methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}}}
    analysis = process(config(**only), german, tmp_path, model=good, arithmetic="compat")
    document = json.loads((tmp_path / "analysis.json").read_text())
    assert document["evenhand"]["arithmetic"] == "compat"
    assert analysis.bias is not None and analysis.bias.differences
    assert {each["metric"] for each in document["evenhand"]["differences"]} >= {"FT"}


def test_segments_are_analysed_apart(german: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(german / "data.csv")
    common = rows["housing"].value_counts().index[0]
    asked = config(
        segment_config=[{"name_or_index": "housing", "segments": [[common]]}],
        facet=[{"name_or_index": "sex"}], methods={"pre_training_bias": {"methods": ["CI"]}},
    )  # fmt: skip
    process(asked, german, tmp_path, model=good)
    segments = json.loads((tmp_path / "analysis.json").read_text())["evenhand"]["segments"]
    assert len(segments) == 2
    inside = rows[rows["housing"] == common]
    for found in segments.values():
        if found["pre_training_bias_metrics"]["facets"]["sex"]:
            break
    values = {
        entry["value_or_threshold"]: entry["metrics"][0]["value"]
        for entry in next(iter(segments.values()))["pre_training_bias_metrics"]["facets"]["sex"]
    }
    for text, value in values.items():
        member = inside["sex"].astype(str) == text
        assert value == pytest.approx(((~member).sum() - member.sum()) / len(inside))


KILLED = """
import sys, time, numpy as np
from evenhand.clarify.processing import process
from evenhand.clarify.config.reading import read_config

def slow(rows):
    if sys.argv[3] == "slow":
        time.sleep(0.05)
    return np.asarray(rows["a"], float) * 2 + np.asarray(rows["b"], float) * np.asarray(rows["c"], float)

keys = {
    "dataset_type": "text/csv", "label": "y",
    "methods": {"shap": {"baseline": [[0.5, 0.5, 0.5]], "save_local_shap_values": True, "num_samples": 4}},
    "predictor": {"model_name": "m", "instance_type": "x", "initial_instance_count": 1},
}
process(read_config(keys, has_model=True)[0], sys.argv[1], sys.argv[2], model=slow)
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).random((400_000, 4)).round(4)
    pd.DataFrame(numbers, columns=["a", "b", "c", "y"]).to_csv(tmp_path / "data.csv", index=False)
    output = tmp_path / "out"
    command = [sys.executable, "-c", KILLED, str(tmp_path / "data.csv"), str(output)]
    with subprocess.Popen([*command, "slow"], env={**os.environ}) as process_:
        until = time.monotonic() + 60
        while time.monotonic() < until and not list(output.rglob("*.npy")):
            time.sleep(0.1)
        time.sleep(1)
        process_.send_signal(signal.SIGKILL)
    assert list((output / ".evenhand").rglob("*.npy"))
    assert not (output / "analysis.json").exists()
    subprocess.run([*command, "quick"], check=True)
    fresh = tmp_path / "fresh"
    subprocess.run([*command[:4], str(fresh), "quick"], check=True)
    assert (output / "explanations_shap" / "out.csv").read_bytes() == (
        fresh / "explanations_shap" / "out.csv"
    ).read_bytes()


def test_the_page_says_of_each_group_what_its_finding_says(run: Path) -> None:
    """Also of a group above a threshold, and of a value that is a part of another's name (male, female)."""
    page = (run / "report.html").read_text()
    assert page.count("No difference shown; in these rows, age&gt;40") >= 3
    for name in ("sex=male", "sex=female"):
        assert f"in these rows, {name}" in page or f"labels of {name} and the rest" in page
