"""Cases: configs built from the classes of either SDK, `c` being the module that has them; read by the golden script."""

from collections.abc import Callable
from typing import Any

Build = Callable[[Any], Any]
PLACES = ("s3://bucket/data", "s3://bucket/out")
KINDS = ("text/csv", "application/jsonlines", "application/json", "application/x-parquet", "application/x-image")


def data(c: Any, **more: Any) -> Any:
    return c.DataConfig(*PLACES, **({"label": "y", "headers": ["a", "b", "y"]} | more))


def model(c: Any, **more: Any) -> Any:
    return c.ModelConfig(**({"model_name": "m", "instance_count": 1, "instance_type": "ml.m5.xlarge"} | more))


def series_data(c: Any, layout: str = "ITEM_RECORDS", **more: Any) -> Any:
    return c.TimeSeriesDataConfig("t", "i", "ts", dataset_format=c.TimeSeriesJSONDatasetFormat[layout], **more)


def json_series(c: Any, **more: Any) -> Any:
    return c.DataConfig(*PLACES, dataset_type="application/json", time_series_data_config=series_data(c, **more))


def forecaster(c: Any, **more: Any) -> Any:
    return model(c, time_series_model_config=c.TimeSeriesModelConfig("predictions[*].mean"), **more)


def image(c: Any, **more: Any) -> Any:
    return c.ImageConfig("OBJECT_DETECTION", **more)


PARTS: dict[str, Build] = {
    "data": lambda c: data(c).get_config(),
    "data with everything": lambda c: data(
        c, joinsource="id", facet_dataset_uri="s3://b/f", facet_headers=["f"], predicted_label_dataset_uri="s3://b/p",
        predicted_label_headers=["p"], predicted_label=0, excluded_columns=[1, 2], features=None,
        s3_analysis_config_output_path="s3://b/c",
        segmentation_config=[c.SegmentationConfig("a", [[1, 2], ["[1, 4]"]], "by a", ["x", "y", "z"])],
    ).get_config(),
    "segment": lambda c: c.SegmentationConfig(0, [["x"]]).to_dict(),
    "segment, empty names": lambda c: c.SegmentationConfig(0, [["x"]], "", None).to_dict(),
    "segment, no name": lambda c: c.SegmentationConfig(None, [["x"]]),
    "segment, no lists": lambda c: c.SegmentationConfig("a", ["x"]),
    "segment, tuple": lambda c: c.SegmentationConfig("a", (["x"],)),
    "segment, aliases": lambda c: c.SegmentationConfig("a", [["x"]], display_aliases=["1", "2", "3"]),
    "data, type": lambda c: data(c, dataset_type="text/tsv"),
    "data, type in capitals": lambda c: data(c, dataset_type="TEXT/CSV"),
    "data, json without features": lambda c: data(c, dataset_type="application/json"),
    "data, json": lambda c: data(c, dataset_type="application/json", features="[*].f").get_config(),
    "data, images": lambda c: data(c, dataset_type="application/x-image", headers=None, label=None).get_config(),
    "bias": lambda c: c.BiasConfig([1], "sex").get_config(),
    "bias, one": lambda c: c.BiasConfig([1], "sex", [0], "age").get_config(),
    "bias, scalar": lambda c: c.BiasConfig(1, 3, 40).get_config(),
    "bias, several": lambda c: c.BiasConfig([1], ["sex", "age"], [[0], [40]]).get_config(),
    "bias, several, some values": lambda c: c.BiasConfig([1], ["sex", "age"], [[0], None]).get_config(),
    "bias, several without values": lambda c: c.BiasConfig([1], ["sex", "age"]).get_config(),
    "bias, lengths": lambda c: c.BiasConfig([1], ["sex", "age"], [[0]]),
    "bias, no facet": lambda c: c.BiasConfig([1], []),
    "model": lambda c: model(c).get_predictor_config(),
    "model, everything": lambda c: model(
        c, accept_type="application/json", content_type="application/json", content_template="$records",
        record_template="$features", custom_attributes="x=1", accelerator_type="ml.eia1.medium",
        endpoint_name_prefix="ab", target_model="t.tar.gz",
    ).get_predictor_config(),
    "model, templates by name": lambda c: model(c, content_template={"a": "$record"}).get_predictor_config(),
    "model, empty prefix": lambda c: model(c, endpoint_name_prefix="").get_predictor_config(),
    "model, endpoint": lambda c: c.ModelConfig(endpoint_name="e", target_model="t").get_predictor_config(),
    "model, nothing": lambda c: c.ModelConfig(),
    "model, both": lambda c: model(c, endpoint_name="e"),
    "model, half": lambda c: c.ModelConfig("m", 1),
    "model, half and endpoint": lambda c: c.ModelConfig("m", endpoint_name="e").get_predictor_config(),
    "model, endpoint prefix": lambda c: c.ModelConfig(endpoint_name="e", endpoint_name_prefix="ab"),
    "model, prefix": lambda c: model(c, endpoint_name_prefix="a"),
    "model, prefix not anchored": lambda c: model(c, endpoint_name_prefix="ab_$$").get_predictor_config(),
    "model, accept": lambda c: model(c, accept_type="image/png"),
    "model, content": lambda c: model(c, content_type="application/x-parquet"),
    "model, image/jpg": lambda c: model(c, content_type="image/jpg").get_predictor_config(),
    "model, jsonlines": lambda c: model(
        c, content_type="application/jsonlines", content_template='{"f":$features}'
    ).get_predictor_config(),
    "model, jsonlines without": lambda c: model(c, content_type="application/jsonlines"),
    "model, jsonlines wrong": lambda c: model(c, content_type="application/jsonlines", content_template="{}"),
    "model, json without": lambda c: model(c, content_type="application/json", content_template="$record"),
    "model, json wrong": lambda c: model(
        c, content_type="application/json", content_template="$features", record_template="$features"
    ),
    "model, series": lambda c: forecaster(c).get_predictor_config(),
    "model, series csv": lambda c: forecaster(c, accept_type="text/csv"),
    "model, series content": lambda c: forecaster(c, content_type="text/csv"),
    "forecast": lambda c: c.TimeSeriesModelConfig("f").get_time_series_model_config(),
    "forecast, int": lambda c: c.TimeSeriesModelConfig(1),
    "labels": lambda c: c.ModelPredictedLabelConfig(0, 1, 0.8, ["a", "b"]).get_predictor_config(),
    "labels, nothing": lambda c: c.ModelPredictedLabelConfig().get_predictor_config(),
    "labels, text": lambda c: c.ModelPredictedLabelConfig(probability_threshold="0.8").get_predictor_config(),
    "labels, threshold": lambda c: c.ModelPredictedLabelConfig(probability_threshold="high"),
    "pdp": lambda c: c.PDPConfig().get_explainability_config(),
    "pdp, features": lambda c: c.PDPConfig(["a"], 5, 3).get_explainability_config(),
    "shap": lambda c: c.SHAPConfig().get_explainability_config(),
    "shap, baseline": lambda c: c.SHAPConfig([[0, 0]], 10, "median", True, False, 7).get_explainability_config(),
    "shap, clusters": lambda c: c.SHAPConfig(num_clusters=3, features_to_explain=["a"]).get_explainability_config(),
    "shap, both": lambda c: c.SHAPConfig([[0]], num_clusters=3),
    "shap, aggregation": lambda c: c.SHAPConfig(agg_method="mean"),
    "shap, text": lambda c: c.SHAPConfig(text_config=c.TextConfig("token", "en")).get_explainability_config(),
    "shap, image": lambda c: c.SHAPConfig("s3://b", image_config=image(c, num_segments=5)).get_explainability_config(),
    "shap, text features": lambda c: c.SHAPConfig(text_config=c.TextConfig("token", "en"), features_to_explain=["a"]),
    "shap, image features": lambda c: c.SHAPConfig(image_config=image(c), features_to_explain=[]),
    "text": lambda c: c.TextConfig("sentence", "norwegian bokmål").get_text_config(),
    "text, in capitals": lambda c: c.TextConfig("token", "English"),
    "text, unit": lambda c: c.TextConfig("word", "en"),
    "text, language": lambda c: c.TextConfig("token", "klingon"),
    "image": lambda c: image(c).get_image_config(),
    "image, everything": lambda c: c.ImageConfig(
        "IMAGE_CLASSIFICATION", 5, "segmentation", 0.5, 2, 0.4, 0.0
    ).get_image_config(),
    "image, type": lambda c: c.ImageConfig("SEGMENTATION"),
    "series": lambda c: series_data(
        c, related_time_series=["r"], static_covariates=["s"]
    ).get_time_series_data_config(),
    "series, columns": lambda c: series_data(c, "COLUMNS", related_time_series=[]).get_time_series_data_config(),
    "series, places": lambda c: c.TimeSeriesDataConfig(1, 2, 3, [4], [5]).get_time_series_data_config(),
    "series, no target": lambda c: c.TimeSeriesDataConfig("", "i", "t"),
    "series, no item": lambda c: c.TimeSeriesDataConfig("t", None, "t"),
    "series, no time": lambda c: c.TimeSeriesDataConfig("t", "i", ""),
    "series, kinds": lambda c: c.TimeSeriesDataConfig("t", 1, "ts"),
    "series, kind of time": lambda c: c.TimeSeriesDataConfig(1, 1, "ts"),
    "series, list": lambda c: c.TimeSeriesDataConfig(["t"], 1, "ts"),
    "series, related": lambda c: series_data(c, related_time_series="r"),
    "series, related kinds": lambda c: series_data(c, related_time_series=[1]),
    "series, related empty": lambda c: series_data(c, related_time_series=[""]),
    "series, static": lambda c: series_data(c, static_covariates=("s",)),
    "series, static kinds": lambda c: series_data(c, static_covariates=[1]),
    "series, static empty": lambda c: series_data(c, static_covariates=["s", ""]),
    "series, no format": lambda c: c.TimeSeriesDataConfig("t", "i", "ts"),
    "series, format of places": lambda c: c.TimeSeriesDataConfig(
        1, 2, 3, dataset_format=c.TimeSeriesJSONDatasetFormat.COLUMNS
    ),
    "asymmetric": lambda c: c.AsymmetricShapleyValueConfig().get_explainability_config(),
    "asymmetric, fine": lambda c: c.AsymmetricShapleyValueConfig(
        "chronological", "fine_grained", 9, {"target_time_series": "mean"}
    ).get_explainability_config(),
    "asymmetric, direction": lambda c: c.AsymmetricShapleyValueConfig("backwards"),
    "asymmetric, granularity": lambda c: c.AsymmetricShapleyValueConfig(granularity="coarse"),
    "asymmetric, samples": lambda c: c.AsymmetricShapleyValueConfig(granularity="fine_grained"),
    "asymmetric, too many samples": lambda c: c.AsymmetricShapleyValueConfig(num_samples=3),
    "asymmetric, fine backwards": lambda c: c.AsymmetricShapleyValueConfig("bidirectional", "fine_grained", 3),
    "asymmetric, target": lambda c: c.AsymmetricShapleyValueConfig(baseline={"target_time_series": "one"}),
    "asymmetric, related": lambda c: c.AsymmetricShapleyValueConfig(baseline={"related_time_series": None}),
} | {
    f"{kind} with {key}": lambda c, kind=kind, key=key, value=value: data(
        c, dataset_type=kind, features="f", **{key: value}
    ).get_config()
    for kind in KINDS
    for key, value in {
        "predicted_label": "p", "excluded_columns": ["a"], "facet_dataset_uri": "s3://b", "facet_headers": ["f"],
        "predicted_label_dataset_uri": "s3://b", "predicted_label_headers": ["p"],
    }.items()
}  # fmt: skip

# Each run: the method of the processor, and its arguments.
RUNS: dict[str, tuple[str, Build]] = {
    "labels": ("run_pre_training_bias", lambda c: (data(c), c.BiasConfig([1], "a", [0]))),
    "labels, chosen": ("run_pre_training_bias", lambda c: (data(c), c.BiasConfig([1], "a", [0]), ["CI", "DPL"])),
    "labels, none": ("run_pre_training_bias", lambda c: (data(c), c.BiasConfig([1], "a", [0]), [])),
    "predictions": (
        "run_post_training_bias",
        lambda c: (data(c), c.BiasConfig([1], "a", [0]), model(c), c.ModelPredictedLabelConfig(0, 1, 0.8)),
    ),
    "predictions by file": (
        "run_post_training_bias",
        lambda c: (data(c, predicted_label="p"), c.BiasConfig([1], "a"), None, c.ModelPredictedLabelConfig(0, 1, 0.8)),
    ),
    "predictions without": ("run_post_training_bias", lambda c: (data(c), c.BiasConfig([1], "a", [0]))),
    "both": ("run_bias", lambda c: (data(c), c.BiasConfig([1], "a"), model(c), None, ["CI"], ["DI"])),
    "both, only labels": ("run_bias", lambda c: (data(c), c.BiasConfig([1], "a"), None, None, "all", None)),
    "both, locator": ("run_bias", lambda c: (data(c), c.BiasConfig([1], "a"), model(c), "label")),
    "shap": ("run_explainability", lambda c: (data(c), model(c), c.SHAPConfig([[0, 0]]), "score")),
    "shap and pdp": (
        "run_explainability",
        lambda c: (data(c), model(c), [c.PDPConfig(), c.SHAPConfig()], c.ModelPredictedLabelConfig(probability=0)),
    ),
    "pdp": ("run_explainability", lambda c: (data(c), model(c), c.PDPConfig(["a"]))),
    "pdp without features": ("run_explainability", lambda c: (data(c), model(c), c.PDPConfig())),
    "pdp without features, listed": ("run_explainability", lambda c: (data(c), model(c), [c.PDPConfig()])),
    "twice": ("run_explainability", lambda c: (data(c), model(c), [c.SHAPConfig(), c.SHAPConfig()])),
    "nothing": ("run_explainability", lambda c: (data(c), model(c), [])),
    "series": ("run_explainability", lambda c: (json_series(c), forecaster(c), c.AsymmetricShapleyValueConfig())),
    "series, listed": (
        "run_explainability", lambda c: (data(c), model(c), [c.AsymmetricShapleyValueConfig()])
    ),
    "series without data": (
        "run_explainability", lambda c: (data(c), forecaster(c), c.AsymmetricShapleyValueConfig())
    ),
    "series without model": (
        "run_explainability", lambda c: (json_series(c), model(c), c.AsymmetricShapleyValueConfig())
    ),
    "series with shap": ("run_explainability", lambda c: (json_series(c), model(c), c.SHAPConfig())),
    "forecast with shap": ("run_explainability", lambda c: (data(c), forecaster(c), c.SHAPConfig())),
    **{
        f"covariates {name}": (
            "run_explainability",
            lambda c, given=given, static=static: (  # type: ignore[misc]
                json_series(c, static_covariates=static),
                forecaster(c),
                c.AsymmetricShapleyValueConfig(baseline={"static_covariates": given}),
            ),
        )
        for name, given, static in (
            ("right", {"i": [1, 2]}, ["s", "t"]), ("short", {"i": [1]}, ["s", "t"]),
            ("scalar", {"i": 1}, ["s"]), ("unasked", {"i": [1]}, None),
        )
    },
    "everything": (
        "run_bias_and_explainability",
        lambda c: (
            data(c), model(c), [c.SHAPConfig(), c.PDPConfig()], c.BiasConfig([1], "a", [0], "b"), "all", ["DI"],
            c.ModelPredictedLabelConfig("label", "score", 0.7, ["yes", "no"]),
        ),
    ),
    "everything of series": (
        "run_bias_and_explainability",
        lambda c: (json_series(c), forecaster(c), c.AsymmetricShapleyValueConfig(), c.BiasConfig([1], "a")),
    ),
    "everything without methods": (
        "run_bias_and_explainability", lambda c: (data(c), model(c), [], c.BiasConfig([1], "a"))
    ),
}  # fmt: skip
