"""Every sample config of a table runs: on rows made for it, with a function in the place of the endpoint."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.clarify.config.reading import read_config
from evenhand.clarify.processing import process

FOLDER = Path(__file__).parent / "config" / "samples"
TABLES = [
    path.stem for path in sorted(FOLDER.glob("*.json"))
    if not path.stem.startswith(("image_", "series_", "capture"))
]  # fmt: skip
ROWS = 60


def people() -> pd.DataFrame:
    draws = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "Age": draws.integers(18, 80, ROWS), "Gender": draws.integers(0, 2, ROWS),
            "Amount": draws.normal(2000, 500, ROWS).round(1), "Target": draws.integers(0, 2, ROWS),
        }
    )  # fmt: skip


def answer(rows: Any) -> Any:
    """Scores that depend on the row, whatever its columns."""
    sums = np.zeros(len(rows))
    for column in rows:
        sums += np.array([len(value) if isinstance(value, str) else float(value) for value in rows[column]]) % 7
    return 1 / (1 + np.exp(3 - np.nan_to_num(sums)))


def three(rows: Any) -> Any:
    scores = answer(rows)
    return np.stack([scores / 2, (1 - scores), scores / 2], axis=1)


def prepared(name: str, folder: Path) -> tuple[dict[str, Any], Path]:
    """The sample with places on this machine, and the data that it is about."""
    keys = json.loads((FOLDER / f"{name}.json").read_text())
    table = people()
    if name == "csv_multiclass":
        table["Target"] = np.array(["cat", "dog", "fish"])[np.arange(ROWS) % 3]
        table["Gender"] = np.where(table["Gender"] == 0, "f", "m")
    if name == "csv_regression":
        table["Target"] = table["Amount"] / 20
    if name == "csv_shap_inline_baseline":
        table = table.drop(columns="Target").assign(Note=1.0, Target=table["Target"])
        table["Gender"] = np.where(table["Gender"] == 0, "f", "m")
    if "Review" in keys.get("headers", ()):
        words = ["good", "bad", "cloth", "seam", "wear", "colour"]
        reviews = [" ".join(words[(row + place) % 6] for place in range(4 + row % 3)) + "." for row in range(4)]
        table = pd.DataFrame({"Review": reviews, "Age": [20, 30, 40, 50], "Rating": [0, 1, 0, 1]})[keys["headers"]]
    if name == "csv_joined":
        table["id"] = np.arange(ROWS)
        table[["Gender", "id"]].to_csv(folder / "facets.csv", index=False)
        predictions = pd.DataFrame({"predicted_label": table["Amount"] > 2000, "id": table["id"]}).astype(int)
        predictions.to_csv(folder / "predictions.csv", index=False)
        keys |= {
            "facet_dataset_uri": str(folder / "facets.csv"),
            "predicted_label_dataset_uri": str(folder / "predictions.csv"),
        }
        table = table[["Age", "Amount", "Target", "id"]]
    if "Predicted" in keys.get("headers", ()):
        table["Predicted"] = (table["Amount"] > 2000).astype(int)
    shap = keys["methods"].get("shap", {})
    if str(shap.get("baseline")).startswith("s3://"):
        table.drop(columns="Target").head(2).to_csv(folder / "baseline.csv", index=False, header=False)
        shap["baseline"] = str(folder / "baseline.csv")
    data = folder / "data"
    data.mkdir()
    write(keys, table, data)
    return keys, data


def write(keys: Mapping[str, Any], table: pd.DataFrame, folder: Path) -> None:
    """The table in the format of the config."""
    match keys["dataset_type"]:
        case "application/json":
            (folder / "d.json").write_text(table.to_json(orient="records"))
        case "application/jsonlines":
            records = [
                {"features": row[:-1], "label": row[-1], "predicted_label": row[2] > 2000}
                for row in table.astype(object).to_numpy().tolist()
            ]
            for record in records:
                record["predicted_label"] = int(record["predicted_label"])
            (folder / "d.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
        case "application/x-parquet":
            table.to_parquet(folder / "d.parquet")
        case _:
            table.to_csv(folder / "d.csv", index=False)


@pytest.mark.parametrize("name", [*TABLES[:6], *(pytest.param(each, marks=pytest.mark.slow) for each in TABLES[6:])])
def test_a_sample_runs(name: str, tmp_path: Path) -> None:
    keys, data = prepared(name, tmp_path)
    config, warnings = read_config(keys, has_model="predictor" in keys)
    model = (three if name == "csv_multiclass" else answer) if "predictor" in keys else None
    process(config, data, tmp_path / "out", model=model, warnings=warnings)
    document = json.loads((tmp_path / "out" / "analysis.json").read_text())
    for stage in ("pre_training_bias", "post_training_bias"):
        assert (f"{stage}_metrics" in document) == (stage in keys["methods"])
    explained = document.get("explanations", {})
    assert ("kernel_shap" in explained) == ("shap" in keys["methods"])
    assert ("pdp" in explained) == ("pdp" in keys["methods"])
