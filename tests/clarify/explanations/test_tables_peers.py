"""Tables against shap's KernelExplainer at equal settings, and runs that were killed and go on."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.clarify.analysis import Dataset
from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.explanations.tables import explain_table
from evenhand.models import load_model

GOLDEN = json.loads((Path(__file__).parent / "golden" / "shap.json").read_text())


def coded(frame: pd.DataFrame) -> pd.DataFrame:
    """Every column as numbers, as the golden numbers' models were given them."""
    numbers = {}
    for name in frame.columns:
        column = frame[name]
        known = {value: place for place, value in enumerate(sorted(set(column.dropna())))}
        plain = column.dtype.kind in "ifb"
        numbers[name] = column.astype(float) if plain else pd.Series([float(known.get(each, -1)) for each in column])
    return pd.DataFrame(numbers).fillna(-1.0)


def network(weights: dict[str, Any], rows: Any) -> Any:
    scaled = (np.asarray(rows, float) - np.array(weights["mean"])) / np.array(weights["deviation"])
    hidden = np.maximum(scaled @ np.array(weights["first"]) + np.array(weights["first bias"]), 0)
    return 1 / (1 + np.exp(-(hidden @ np.array(weights["second"]) + weights["second bias"])))


def largest(sizes: Any) -> set[int]:
    return set(np.argsort(-np.asarray(sizes))[:10].tolist())


@pytest.mark.parametrize("name", [name for name in GOLDEN if name != "shap"])
def test_the_ten_most_important_features_are_those_of_shap(name: str, real_tables: Path, tmp_path: Path) -> None:
    golden = GOLDEN[name]
    theirs = np.array(golden["values"])
    frame = pd.read_csv(real_tables / f"{name}.csv", skipinitialspace=True)
    rows = coded(frame.drop(columns=golden["label"])).head(len(theirs))
    assert list(rows.columns) == golden["features"]
    methods = {"shap": {"baseline": golden["baseline"], "num_samples": golden["samples"]}}
    config = AnalysisConfig.model_validate({"dataset_type": "text/csv", "methods": methods})
    model = load_model(lambda part: network(golden["weights"], part))
    found = explain_table(config, Dataset(rows, tuple(rows.columns)), model, tmp_path)
    section = found.sections["kernel_shap"]["label0"]
    assert found.explanation is not None and found.facts["evaluations_a_row"] <= golden["samples"]
    assert section["expected_value"] == pytest.approx(golden["expected_value"], abs=1e-6)
    ours = found.explanation.attributions[:, :, 0]
    importance = list(section["global_shap_values"].values())
    assert len(largest(importance) & largest(np.abs(theirs).mean(axis=0))) >= 9
    overlap = [len(largest(abs(one)) & largest(abs(other))) for one, other in zip(ours, theirs, strict=True)]
    assert np.mean(overlap) >= 9
    assert np.square(ours - theirs).sum() < 0.01 * np.square(theirs).sum()


PROGRAM = """
import sys
from pathlib import Path
from tests.clarify.explanations.test_tables import config, dataset, BASELINE
from tests.explaining.models import Counting
from evenhand.clarify.explanations.tables import explain_table
from evenhand.models import load_model
shap = {"baseline": BASELINE, "num_samples": 200, "save_local_shap_values": True}
model = load_model(Counting(fails=float(sys.argv[2]), how="kill"))
explain_table(config(shap), dataset(), model, Path(sys.argv[1]), memory="150KB")
"""


def started(place: Path, fails: str) -> int:
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": f"{root}:{root / 'src'}"}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(place), fails], cwd=root, env=environment, check=False
    ).returncode


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_and_writes_what_an_undisturbed_one_writes(tmp_path: Path) -> None:
    assert started(tmp_path / "killed", "9") == -9
    done = np.load(tmp_path / "killed" / ".evenhand" / "explanation.unfinished" / "done.npy")
    assert 0 < (done > 0).sum() < len(done)
    assert not (tmp_path / "killed" / "explanations_shap").exists()
    assert started(tmp_path / "killed", "inf") == 0
    assert started(tmp_path / "whole", "inf") == 0
    for name in ("out.csv", "baseline.csv"):
        both = [(tmp_path / run / "explanations_shap" / name).read_text() for run in ("killed", "whole")]
        assert both[0] == both[1] != ""
