"""Series in Clarify's shapes: linear forecasts have known asymmetric Shapley values."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.clarify.analysis import Explained
from evenhand.clarify.config.analysis_config import AnalysisConfig, TimeSeriesDataConfig
from evenhand.clarify.explanations.series import WORKING, explain_series
from evenhand.clarify.explanations.series_data import read_items
from evenhand.clarify.explanations.stepwise import Stepwise
from evenhand.core.errors import DataError, EvenhandError, ModelError, SpecError, UnreadableSource
from evenhand.explainers.asymmetric import Asymmetric
from evenhand.modalities.series import SeriesBaseline, SeriesBatch, SeriesGame
from tests.clarify.explanations.posted import posting

COLUMNS = {
    "ids": [1, 1, 1, 2, 2], "timestamps": [0, 1, 2, 2, 3], "target_ts": [5, 6, 4, 0, 4],
    "rts1": [0, 1, 0, 1, 1], "rts2": [0, 0, 0, 1, 0], "scv1": [-1, -1, -1, 0, 0], "scv2": [1, 1, 1, 2, 2],
}  # fmt: skip
STEPS = [
    {"id": i, "timestamp": t, "target_ts": x, "rts1": r, "rts2": q, "scv1": u, "scv2": v}
    for i, t, x, r, q, u, v in zip(*COLUMNS.values(), strict=True)
]
RECORDS = [
    {
        "id": item, "scv1": STEPS[start]["scv1"], "scv2": STEPS[start]["scv2"],
        "timeseries": [{key: step[key] for key in ("timestamp", "target_ts", "rts1", "rts2")} for step in STEPS[start:end]],
    }
    for item, start, end in ((1, 0, 3), (2, 3, 5))
]  # fmt: skip


def places(layout: str, prefix: str, static: str, first: str = "id", time: str = "timestamp") -> dict[str, Any]:
    return {
        "item_id": static + first, "timestamp": prefix + time, "target_time_series": prefix + "target_ts",
        "related_time_series": [prefix + "rts1", prefix + "rts2"],
        "static_covariates": [static + "scv1", static + "scv2"], "dataset_format": layout,
    }  # fmt: skip


LAYOUTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "columns": (COLUMNS, places("columns", "", "", "ids", "timestamps")),
    "timestamp_records": (STEPS, places("timestamp_records", "[].", "[].")),
    "item_records, nested": (RECORDS, places("item_records", "[*].timeseries[*].", "[*].")),
    "item_records, flattened": (RECORDS, places("item_records", "[*].timeseries[].", "[*].")),
    "item_records below a key": ({"all": RECORDS}, places("item_records", "all[*].timeseries[*].", "all[*].")),
}


def config(layout: str = "columns", predictor: dict[str, Any] | None = None, **method: Any) -> AnalysisConfig:
    return AnalysisConfig.model_validate(
        {
            "dataset_type": "application/json", "time_series_data_config": LAYOUTS[layout][1], "predictor": predictor,
            "methods": {"asymmetric_shapley_value": method},
        }
    )  # fmt: skip


def written(folder: Path, layout: str = "columns") -> Path:
    path = folder / "data.json"
    path.write_text(json.dumps(LAYOUTS[layout][0]))
    return path


def forecast(batch: SeriesBatch) -> Any:
    """Two steps: the target weighed by 1, 2, …, and the sum of the first related series and the second covariate."""
    assert batch.related is not None
    weights = np.arange(1, batch.target.shape[1] + 1)
    return np.stack([batch.target @ weights, batch.related[:, :, 0].sum(axis=1) + 10 * batch.static["scv2"]], axis=1)


def lines(explained: Explained) -> list[Any]:
    return [json.loads(line) for line in explained.files[0].read_text().splitlines()]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_items(tmp_path: Path, layout: str) -> None:
    first, second = read_items(written(tmp_path, layout), TimeSeriesDataConfig.model_validate(LAYOUTS[layout][1]))
    assert (first.item_id, first.times, first.static) == (1, (0, 1, 2), (-1, 1))
    assert first.target.tolist() == [5, 6, 4]
    assert first.related is not None and first.related.tolist() == [[0, 0], [1, 0], [0, 0]]
    assert (second.item_id, second.times, second.static) == (2, (2, 3), (0, 2))
    assert second.related is not None and second.related.tolist() == [[1, 1], [1, 0]]


@pytest.mark.parametrize("direction", ["chronological", "anti_chronological", "bidirectional"])
def test_steps_of_a_linear_forecast_get_their_own_part(tmp_path: Path, direction: str) -> None:
    found = explain_series(config(direction=direction), written(tmp_path), forecast, tmp_path / "out")
    place = tmp_path / "out" / "asymmetric_shapley_value" / f"timewise_{direction}" / "out.jsonl"
    assert found.sections == {
        "asymmetric_shapley_value": {"explanation_results_path": str(place), "direction": direction, "granularity": "timewise"}
    }  # fmt: skip
    first, second = lines(found)
    assert first["item_id"] == 1
    assert first["offset"] == [0.0, 10.0]
    assert first["explanations"] == [
        {"timestamp": 0, "scores": [5.0, 0.0]},
        {"timestamp": 1, "scores": [12.0, 1.0]},
        {"timestamp": 2, "scores": [12.0, 0.0]},
    ]
    assert [each["scores"] for each in second["explanations"]] == [[0.0, 1.0], [8.0, 1.0]]


def test_directions_share_interactions_differently(tmp_path: Path) -> None:
    def product(batch: SeriesBatch) -> Any:
        return batch.target.prod(axis=1)

    scores = {}
    for direction in ("chronological", "anti_chronological", "bidirectional"):
        found = explain_series(config(direction=direction), written(tmp_path), product, tmp_path)
        scores[direction] = [each["scores"][0] for each in lines(found)[0]["explanations"]]
    assert scores == {"chronological": [0, 0, 120], "anti_chronological": [120, 0, 0], "bidirectional": [60, 0, 60]}


def test_fine_grained_names_features_and_covariates(tmp_path: Path) -> None:
    static = {"static_covariates": {"1": [0, 0], "2": [0, 5]}, "target_time_series": "mean"}
    asked = config(granularity="fine_grained", num_samples=9, baseline=static)
    first, second = lines(explain_series(asked, written(tmp_path), forecast, tmp_path))
    assert first["offset"] == [5 * 6, 0]
    named = {(each["feature_name"], each.get("timestamp")): each["scores"] for each in first["explanations"]}
    assert named["target_ts", 0] == pytest.approx([0, 0])
    assert named["target_ts", 1] == pytest.approx([2, 0])
    assert named["target_ts", 2] == pytest.approx([-3, 0])
    assert named["rts1", 1] == pytest.approx([0, 1])
    assert named["scv2", None] == pytest.approx([0, 10])
    assert len(named) == 3 * 3 + 2
    by_name = {each["feature_name"]: each for each in second["explanations"]}
    assert by_name["scv2"]["scores"] == pytest.approx([0, -30])
    assert "timestamp" not in by_name["scv2"]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(1, 2), st.integers(0, 2**32 - 1))
def test_stepwise_values_are_those_of_all_orders(steps: int, related: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.normal(size=(steps, 1 + related))

    def bent(batch: SeriesBatch) -> Any:
        assert batch.related is not None
        cells = np.concatenate([batch.target[:, :, None], batch.related], axis=2)
        total = (cells * weights).sum(axis=(1, 2))
        return np.stack([total**2, np.tanh(total) + batch.static["a"] * total], axis=1)

    game = SeriesGame(
        random.normal(size=steps), bent, related=random.normal(size=(steps, related)), static={"a": 2.0},
        by="feature in step", baseline=SeriesBaseline("zero", "zero", {"a": 0.0}),
    )  # fmt: skip
    ours = Stepwise(game.blocks, samples=64).explain(game, np.arange(1), 0)
    theirs = Asymmetric(game.blocks).explain(game, np.arange(1), 0)
    assert ours.values == pytest.approx(theirs.values, abs=1e-8)
    assert ours.values.sum(axis=1) == pytest.approx(ours.full - ours.base, abs=1e-8)


def test_related_series_reach_into_the_future(tmp_path: Path) -> None:
    data = {**COLUMNS, "target_ts": [5, 6, None, 0, 4]}
    (tmp_path / "data.json").write_text(json.dumps(data))
    first = lines(explain_series(config(), tmp_path / "data.json", forecast, tmp_path))[0]
    assert [each["timestamp"] for each in first["explanations"]] == [0, 1, 2]
    assert [each["scores"][0] for each in first["explanations"]] == [5, 12, 0]


TEMPLATES = {
    "content_type": "application/json",
    "content_template": '{"instances": $records}',
    "record_template": '{"start":$start_time,"target":$target_time_series,"dynamic_feat":$related_time_series,"cat":$static_covariates}',
    "time_series_predictor_config": {"forecast": "predictions[*].mean[:2]"},
}


def answered(record: Any) -> list[float]:
    weights = range(1, len(record["target"]) + 1)
    return [
        sum(w * x for w, x in zip(weights, record["target"], strict=True)),
        sum(record["dynamic_feat"][0]) + 10 * record["cat"][1],
        99,
    ]


def test_an_endpoint_is_asked_by_templates(tmp_path: Path) -> None:
    def answer(body: bytes) -> bytes:
        return json.dumps(
            {"predictions": [{"mean": answered(each)} for each in json.loads(body)["instances"]]}
        ).encode()

    own = lines(explain_series(config(), written(tmp_path), forecast, tmp_path / "own"))
    with posting(answer) as posted:
        asked = config(predictor={"endpoint_name": posted.url, "custom_attributes": "a=b", **TEMPLATES})
        assert lines(explain_series(asked, written(tmp_path), None, tmp_path / "asked")) == own
    record = json.loads(posted.bodies[0])["instances"][-1]
    assert record == {"start": 0, "target": [5, 6, 4], "dynamic_feat": [[0, 1, 0], [0, 0, 0]], "cat": [-1, 1]}
    assert posted.headers[0]["X-Amzn-SageMaker-Custom-Attributes"] == "a=b"


def test_an_endpoint_may_take_one_record_a_request(tmp_path: Path) -> None:
    def answer(body: bytes) -> bytes:
        return json.dumps({"prediction": {"mean": answered(json.loads(body))[:2]}}).encode()

    own = lines(explain_series(config(), written(tmp_path), forecast, tmp_path / "own"))
    with posting(answer) as posted:
        single = {
            **TEMPLATES,
            "content_template": "$record",
            "time_series_predictor_config": {"forecast": "prediction.mean"},
        }
        found = explain_series(config(predictor=single), written(tmp_path), posted.url, tmp_path / "asked")
    assert lines(found) == own


def test_an_endpoint_may_take_lines(tmp_path: Path) -> None:
    def answer(body: bytes) -> bytes:
        return "\n".join(
            json.dumps({"mean": answered(json.loads(line))[:2]}) for line in body.decode().splitlines()
        ).encode()

    own = lines(explain_series(config(), written(tmp_path), forecast, tmp_path / "own"))
    with posting(answer) as posted:
        each = {
            **TEMPLATES,
            "content_type": "application/jsonlines",
            "content_template": "$record",
            "time_series_predictor_config": {"forecast": "mean"},
        }
        assert lines(explain_series(config(predictor=each), written(tmp_path), posted.url, tmp_path / "asked")) == own


def test_a_run_that_failed_goes_on(tmp_path: Path) -> None:
    asked: list[int] = []

    def failing(batch: SeriesBatch) -> Any:
        asked.append(batch.target.shape[1])
        if batch.target.shape[1] == 2 and len(asked) < 5:
            raise ModelError("busy")
        return forecast(batch)

    with pytest.raises(ModelError, match="busy"):
        explain_series(config(), written(tmp_path), failing, tmp_path)
    assert not (tmp_path / "asymmetric_shapley_value").exists()
    asked.extend([0] * 5)
    found = explain_series(config(), written(tmp_path), failing, tmp_path)
    assert 3 not in asked[asked.index(0) :]
    assert [line["item_id"] for line in lines(found)] == [1, 2]
    assert not (tmp_path / WORKING).exists()


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"granularity": "fine_grained", "direction": "bidirectional"}, SpecError, "not supported together"),
        ({"baseline": {"target_time_series": "median"}}, SpecError, "zero or mean"),
        ({"baseline": {"target": "zero"}}, SpecError, "no part"),
        ({"granularity": "fine_grained", "baseline": {"static_covariates": {"1": [0, 0]}}}, SpecError, "item 2"),
        ({"granularity": "fine_grained", "baseline": {"static_covariates": {"1": [0]}}}, SpecError, "2 values"),
    ],
)
def test_bad_settings_are_told(tmp_path: Path, changes: dict[str, Any], error: type[EvenhandError], match: str) -> None:
    with pytest.raises(error, match=match):
        explain_series(config(**changes), written(tmp_path), forecast, tmp_path)


@pytest.mark.parametrize(
    ("document", "error", "match"),
    [
        ("{", UnreadableSource, "no JSON"),
        ("{}", DataError, "finds nothing"),
        (json.dumps({**COLUMNS, "rts1": [1]}), DataError, "different lengths"),
        (json.dumps({**COLUMNS, "target_ts": ["a", 1, 2, 3, 4]}), DataError, "Could not convert string to float"),
    ],
)
def test_bad_data_is_told(tmp_path: Path, document: str, error: type[EvenhandError], match: str) -> None:
    (tmp_path / "data.json").write_text(document)
    with pytest.raises(error, match=match):
        explain_series(config(), tmp_path, forecast, tmp_path / "out")


def test_an_answer_of_another_shape_is_told(tmp_path: Path) -> None:
    with posting(lambda _: b'{"predictions": [{"mean": [1, 2]}]}') as posted, pytest.raises(ModelError, match="shape"):
        explain_series(config(predictor=TEMPLATES), written(tmp_path), posted.url, tmp_path)
    with pytest.raises(SpecError, match="endpoint_name"):
        explain_series(config(predictor=TEMPLATES), written(tmp_path), None, tmp_path)
