"""The commands as a user runs them: processes, files and exit codes, with the container's layout among them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

KEYS = {
    "version": "1.0",
    "dataset_type": "text/csv",
    "label": "class-label",
    "predicted_label": "good",
    "label_values_or_threshold": [1],
    "facet": [{"name_or_index": "sex", "value_or_threshold": ["female"]}],
    "methods": {"pre_training_bias": {"methods": ["CI", "DPL"]}, "post_training_bias": {"methods": ["DI"]}},
}


def evenhand(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from evenhand.cli import main; main()", *arguments]
    settings = {**os.environ, "COLUMNS": "120", "PYTHONWARNINGS": "error", **environment}
    return subprocess.run(command, capture_output=True, text=True, env=settings, timeout=120, check=False)


@pytest.fixture(scope="module")
def job(real_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layout of a processing container, with a config and German credit in it."""
    root = tmp_path_factory.mktemp("ml")
    rows = pd.read_csv(real_tables / "german_credit.csv")[["class-label", "sex", "credit-amount", "age"]]
    rows["good"] = (rows["credit-amount"] < 4000).astype(int)
    for place in ("config", "data"):
        (root / "processing" / "input" / place).mkdir(parents=True)
    rows.to_csv(root / "processing" / "input" / "data" / "german.csv", index=False)
    (root / "processing" / "input" / "config" / "analysis_config.json").write_text(json.dumps(KEYS))
    return root


def test_a_container_needs_no_options(job: Path) -> None:
    done = evenhand("clarify", "run", EVENHAND_CLARIFY_ROOT=str(job))
    assert done.returncode == 0, done.stderr
    assert "Completed: SageMaker XAI Analyzer ran successfully" in done.stdout + done.stderr
    document = json.loads((job / "processing" / "output" / "analysis.json").read_text())
    rows = pd.read_csv(job / "processing" / "input" / "data" / "german.csv")
    female = rows["sex"] == "female"
    (entry,) = document["pre_training_bias_metrics"]["facets"]["sex"]
    assert entry["value_or_threshold"] == "female"
    values = {metric["name"]: metric["value"] for metric in entry["metrics"]}
    assert values["CI"] == pytest.approx(((~female).sum() - female.sum()) / len(rows))
    (after,) = document["post_training_bias_metrics"]["facets"]["sex"]
    ratio = rows["good"][female].mean() / rows["good"][~female].mean()
    assert after["metrics"][0]["value"] == pytest.approx(ratio)


def test_a_fault_is_one_line_and_exit_1(job: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(KEYS | {"facet": [{"name_or_index": "gender"}]}))
    data = str(job / "processing" / "input" / "data")
    done = evenhand("clarify", "run", "--config", str(wrong), "--data", data, "--output", str(tmp_path / "out"))
    assert done.returncode == 1
    assert "Unable to locate the facet." in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "analysis.json").exists()


@pytest.mark.parametrize(("change", "code"), [pytest.param(0, 0, marks=pytest.mark.slow), (1, 2)])
def test_a_gate_ends_with_2_where_bias_drifted(job: Path, tmp_path: Path, change: int, code: int) -> None:
    before = tmp_path / "before"
    settings = ["clarify", "run", "--config", str(job / "processing" / "input" / "config" / "analysis_config.json")]
    data = job / "processing" / "input" / "data" / "german.csv"
    assert evenhand(*settings, "--data", str(data), "--output", str(before)).returncode == 0
    rows = pd.read_csv(data)
    if change:
        rows.loc[rows["sex"] == "female", "good"] = 0
        rows.loc[rows.index[rows["sex"] == "female"][:5], "good"] = 1
    rows.to_csv(tmp_path / "now.csv", index=False)
    after = tmp_path / "after"
    assert evenhand(*settings, "--data", str(tmp_path / "now.csv"), "--output", str(after)).returncode == 0
    gate = tmp_path / "gate"
    done = evenhand("clarify", "check", "--baseline", str(before), "--current", str(after), "--output", str(gate))
    assert done.returncode == code, done.stdout + done.stderr
    if change:
        found = json.loads((gate / "constraint_violations.json").read_text())["violations"]
        assert {each["metric_name"] for each in found} == {"DI"}
