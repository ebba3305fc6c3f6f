"""Writes tests/clarify/explanations/golden/shap.json: what shap's KernelExplainer finds for two real tables.

    benchmarks/.environments/shap/bin/python benchmarks/clarify_shap.py     the golden numbers, in shap's environment
    python benchmarks/clarify_shap.py speed 3000                            the time of 3,000 rows × 20 features

The models are small neural networks, trained here, whose weights are written down, so that the very same function is
explained by both; the baseline is three rows of quartiles, and the number of samples Clarify's default. Tables are
looked for in $EVENHAND_SHARED_DATA, else in ../shared/data beside the repository. Only numbers are written.
"""

import json
import os
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("EVENHAND_SHARED_DATA", ROOT.parent / "shared" / "data"))
GOLDEN = ROOT / "tests" / "clarify" / "explanations" / "golden" / "shap.json"
# The table, its label's column, the rows that are explained.
TABLES = {"german_credit": "class-label", "adult": "income-per-year"}
ROWS = 40


def coded(frame: pd.DataFrame) -> pd.DataFrame:
    """Every column as numbers: text as its place among the sorted values, and −1 where missing."""
    numbers = {}
    for name in frame.columns:
        column = frame[name]
        if column.dtype.kind in "ifb":
            numbers[name] = column.astype(float)
        else:
            known = {value: place for place, value in enumerate(sorted(set(column.dropna())))}
            numbers[name] = pd.Series([float(known.get(value, -1)) for value in column])
    return pd.DataFrame(numbers).fillna(-1.0)


def network(weights: dict[str, Any], rows: Floats) -> Floats:
    """A network of one hidden layer: the probability of the second class."""
    scaled = (rows - np.array(weights["mean"])) / np.array(weights["deviation"])
    hidden = np.maximum(scaled @ np.array(weights["first"]) + np.array(weights["first bias"]), 0)
    found: Floats = 1 / (1 + np.exp(-(hidden @ np.array(weights["second"]) + weights["second bias"])))
    return found


def trained(x: Floats, y: NDArray[np.int64]) -> dict[str, Any]:
    """The weights of a network of 16 units."""
    from sklearn.neural_network import MLPClassifier

    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-9
    model = MLPClassifier((16,), random_state=0, max_iter=60, alpha=0.1).fit((x - mean) / deviation, y)
    parts = {
        "mean": mean, "deviation": deviation, "first": model.coefs_[0], "first bias": model.intercepts_[0],
        "second": model.coefs_[1][:, 0],
    }  # fmt: skip
    rounded = {name: np.round(part, 6).tolist() for name, part in parts.items()}
    return rounded | {"second bias": round(float(model.intercepts_[1][0]), 6)}


def golden(name: str, label: str) -> dict[str, Any]:
    """What shap finds in one table."""
    import shap

    frame = pd.read_csv(DATA / f"{name}.csv", skipinitialspace=True)
    x = coded(frame.drop(columns=label))
    y = coded(frame[[label]])[label].to_numpy()
    values = x.to_numpy()
    weights = trained(values[:10_000], (y[:10_000] == y.max()).astype(int))
    baseline = np.quantile(values, [0.25, 0.5, 0.75], axis=0, method="nearest")
    samples = min(2 * x.shape[1] + 2048, 2 ** x.shape[1] - 2)
    explainer = shap.KernelExplainer(lambda rows: network(weights, rows), baseline)
    np.random.seed(0)  # what shap draws from
    found = explainer.shap_values(values[:ROWS], nsamples=samples, l1_reg=False, silent=True)
    return {
        "label": label, "features": list(x.columns), "samples": samples, "weights": weights,
        "baseline": baseline.tolist(), "values": np.round(found, 8).tolist(),
        "expected_value": float(explainer.expected_value),
    }  # fmt: skip


def speed(rows: int) -> None:
    """Explain rows × 20 features of a black box with default settings; prints what it took."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    from evenhand.clarify.analysis import Dataset
    from evenhand.clarify.config.analysis_config import AnalysisConfig
    from evenhand.clarify.explanations.tables import explain_table
    from evenhand.models import load_model

    random = np.random.default_rng(0)
    x = pd.DataFrame(random.normal(size=(rows, 20)), columns=[f"f{place}" for place in range(20)])
    y = (x["f0"] + x["f1"] * x["f2"] + np.maximum(x["f3"], 0) + random.normal(size=rows) > 0).astype(int)
    model = HistGradientBoostingClassifier(random_state=0).fit(x, y)
    config = AnalysisConfig.model_validate({
        "dataset_type": "text/csv", "methods": {"shap": {"save_local_shap_values": True}},
    })  # fmt: skip
    asked = load_model(lambda part: model.predict_proba(part)[:, 1])
    started = time.monotonic()

    def progress(stage: str, done: int, total: int) -> None:
        print(f"\r{stage} {done:,} of {total:,}: {time.monotonic() - started:,.0f} s", end="", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        dataset = Dataset(x, tuple(x.columns), label="y")
        found = explain_table(config, dataset, asked, Path(folder), progress=progress)
    facts = {key: value for key, value in found.facts.items() if key != "standard_errors"}
    print(f"\n{rows:,} rows: {time.monotonic() - started:,.1f} s; {json.dumps(facts)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["speed"]:
        speed(int(sys.argv[2]))
    else:
        made = {"shap": version("shap"), **{name: golden(name, label) for name, label in TABLES.items()}}
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        GOLDEN.write_text(json.dumps(made))
