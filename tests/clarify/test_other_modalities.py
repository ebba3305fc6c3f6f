"""Whole runs of texts, images and series: config, data and model in, their files out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.clarify.config.reading import read_config
from evenhand.clarify.processing import process

PREDICTOR = {"model_name": "m", "instance_type": "x", "initial_instance_count": 1}


def run(keys: dict[str, Any], data: Path, output: Path, model: Any) -> dict[str, Any]:
    config, warnings = read_config({"predictor": PREDICTOR, **keys}, has_model=True)
    process(config, data, output, model=model, warnings=warnings)
    document: dict[str, Any] = json.loads((output / "analysis.json").read_text())
    return document


def test_texts(tmp_path: Path) -> None:
    reviews = ["a good and charming thing to wear", "a bad thing that I sent back at once", "good cloth but a bad seam"]
    pd.DataFrame({"rating": [1, 0, 1], "review": reviews, "age": [20, 30, 40]}).to_csv(tmp_path / "d.csv", index=False)

    def model(rows: Any) -> Any:
        words = [text.split() if isinstance(text, str) else [] for text in rows["review"]]
        return np.array([0.5 + 0.2 * each.count("good") - 0.1 * each.count("bad") for each in words])

    text = {"granularity": "token", "language": "english"}
    keys = {
        "dataset_type": "text/csv", "label": "rating",
        "methods": {"shap": {"baseline": [["", 30]], "text_config": text, "save_local_shap_values": True}},
    }  # fmt: skip
    document = run(keys, tmp_path / "d.csv", tmp_path / "out", model)
    (block,) = document["explanations"]["kernel_shap"].values()
    assert block["expected_value"] == pytest.approx(0.5)
    assert next(iter(block["global_top_shap_text"])) == "good"
    lines = [
        json.loads(line) for line in (tmp_path / "out" / "explanations_shap" / "out.jsonl").read_text().splitlines()
    ]
    found = {
        part["description"]["partial_text"]: part["attribution"][0]
        for feature in lines[2]["explanations"] if feature["feature_name"] == "review"
        for part in feature["attributions"]
    }  # fmt: skip
    assert found["good"] == pytest.approx(0.2) and found["bad"] == pytest.approx(-0.1)


def test_images(tmp_path: Path) -> None:
    pytest.importorskip("skimage")
    from PIL import Image

    (tmp_path / "pictures").mkdir()
    pixels = np.zeros((24, 32, 3), np.uint8)
    pixels[:12, :16] = (250, 0, 0)
    Image.fromarray(pixels).save(tmp_path / "pictures" / "red.png")

    def model(images: Any) -> Any:
        red = images[:, :12, :16, 0].astype(float).mean(axis=(1, 2)) / 255
        return np.stack([red, 1 - red], axis=1)

    keys = {
        "dataset_type": "application/x-image",
        "predictor": {**PREDICTOR, "label_headers": ["red", "not red"]},
        "methods": {"shap": {"seed": 1, "image_config": {"model_type": "IMAGE_CLASSIFICATION", "num_segments": 4}}},
    }
    document = run(keys, tmp_path / "pictures", tmp_path / "out", model)
    assert list((tmp_path / "out" / "explanations_shap").glob("shap_red*.jpeg"))
    assert document["version"] == "1.0"


def test_series(tmp_path: Path) -> None:
    columns = {"ids": [1, 1, 1, 2, 2], "times": [0, 1, 2, 0, 1], "target": [5, 6, 4, 0, 4]}
    (tmp_path / "d.json").write_text(json.dumps(columns))
    keys = {
        "dataset_type": "application/json",
        "time_series_data_config": {
            "target_time_series": "target", "item_id": "ids", "timestamp": "times", "dataset_format": "columns",
        },
        "predictor": {**PREDICTOR, "time_series_predictor_config": {"forecast": "mean"}},
        "methods": {"asymmetric_shapley_value": {"direction": "chronological", "granularity": "timewise"}},
    }  # fmt: skip
    document = run(keys, tmp_path / "d.json", tmp_path / "out", lambda batch: batch.target.sum(axis=1)[:, None])
    place = Path(document["explanations"]["asymmetric_shapley_value"]["explanation_results_path"])
    first = json.loads(place.read_text().splitlines()[0])
    assert first["offset"] == [0.0]
    assert [each["scores"] for each in first["explanations"]] == [[5.0], [6.0], [4.0]]
    assert not (tmp_path / "out" / "report.html").exists()
