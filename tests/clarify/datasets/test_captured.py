"""Captured traffic: requests, answers and ground truth become one table."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from evenhand.clarify.datasets import read_dataset
from evenhand.core.errors import DataError
from tests.clarify.datasets.configs import config

CAPTURE = "application/sagemakercapturejson"


def record(sent: str, answered: str, truth: str | None = None, kind: str = "text/csv", encoding: str = "CSV") -> Any:
    part = {"observedContentType": kind, "encoding": encoding}
    captured = {"endpointInput": {**part, "mode": "INPUT", "data": sent}}
    captured["endpointOutput"] = {**part, "mode": "OUTPUT", "data": answered}
    merged = {} if truth is None else {"groundTruthData": {"data": truth, "encoding": "CSV"}}
    return {"captureData": captured, "eventMetadata": {"eventId": "1"}, "eventVersion": "0", **merged}


def written(folder: Path, records: list[Any]) -> Path:
    path = folder / "yyyy" / "hour.jsonl"
    path.parent.mkdir()
    path.write_text("\n".join(map(json.dumps, records)))
    return folder


def test_csv_with_ground_truth(tmp_path: Path) -> None:
    folder = written(tmp_path, [record("30,f", "0.7", "1"), record("41,m\n29,f", "0.2\n0.51", "0\n0")])
    asked = config(
        CAPTURE, headers=["age", "sex", "hired", "predicted"], label="hired", facet=[{"name_or_index": "sex"}]
    )
    read = read_dataset(asked, folder)
    assert read.rows["predicted"].tolist() == [1, 0, 1] and read.rows["hired"].tolist() == [1, 0, 0]
    assert (read.features, read.label, read.predicted_label) == (("age", "sex"), "hired", "predicted")
    assert str(read.rows["age"].dtype) == "int64"


def test_json_and_base64(tmp_path: Path) -> None:
    sent = json.dumps({"instances": [{"features": [1, 2.5]}, {"features": [3, 4]}]})
    answered = json.dumps({"predictions": [{"s": [0.1, 0.9]}, {"s": [0.8, 0.2]}]})
    plain = record(sent, answered, kind="application/json", encoding="JSON")
    one, two = (base64.b64encode(text.encode()).decode() for text in (sent, answered))
    packed = record(one, two, kind="application/json", encoding="BASE64")
    asked = config(
        CAPTURE, features="instances[*].features",
        predictor={"probability": "predictions[*].s", "label_headers": ["no", "yes"]},
    )  # fmt: skip
    read = read_dataset(asked, written(tmp_path, [plain, packed]))
    assert read.rows["predicted_label"].tolist() == ["yes", "no", "yes", "no"]
    assert read.features == ("column_0", "column_1")


def test_lines_without_requests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"record 1 .* has no captureData"):
        read_dataset(config(CAPTURE), written(tmp_path, [{"features": [1]}]))
