"""generation: the analysis_config.json of each kind of run, from the config classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evenhand.clarify.sdk.data_config import BiasConfig, DataConfig
from evenhand.clarify.sdk.errors import EmptyConfig, InvalidConfig
from evenhand.clarify.sdk.explainability import ExplainabilityConfig, PDPConfig
from evenhand.clarify.sdk.model_config import ModelConfig, ModelPredictedLabelConfig
from evenhand.clarify.sdk.time_series import AsymmetricShapleyValueConfig

REPORT = {"name": "report", "title": "Analysis Report"}
EXPLANATIONS = ("shap", "pdp", "asymmetric_shapley_value")
Metrics = str | list[str]
Explanations = ExplainabilityConfig | list[ExplainabilityConfig]
Scores = ModelPredictedLabelConfig | str | int | None


@dataclass(frozen=True)
class Asked:
    """Which methods a run is to compute."""

    pre_training: Metrics | None = None
    post_training: Metrics | None = None
    explanations: Explanations | None = None


def config_of_labels(data: DataConfig, bias: BiasConfig, metrics: Metrics) -> dict[str, Any]:
    """The config of a run that measures bias in labels, and needs no model."""
    return {**data.get_config(), **bias.get_config(), "methods": methods(Asked(pre_training=metrics))}


def config_of_bias(
    data: DataConfig, bias: BiasConfig, asked: Asked, model: ModelConfig | None = None, scores: Scores = None
) -> dict[str, Any]:
    """The config of a run that measures bias, and explains too where that is asked.

    Raises InvalidConfig where the parts do not fit each other.
    """
    if asked.explanations is not None and _is_series(data, model, asked.explanations):
        raise InvalidConfig("Bias metrics are unsupported for time series.")
    config = {**data.get_config(), **bias.get_config(), "methods": methods(asked)}
    return config | _predictor(config, model, scores)


def config_of_explanations(
    data: DataConfig, model: ModelConfig, explanations: Explanations, scores: Scores = None
) -> dict[str, Any]:
    """The config of a run that only explains; raises InvalidConfig where the parts do not fit each other."""
    if not isinstance(model, ModelConfig):
        raise InvalidConfig("model_config must be provided when explainability methods are selected.")
    if isinstance(explanations, AsymmetricShapleyValueConfig):
        _check_series(data, model)
        _check_covariates(data, explanations)
    else:
        _check_no_series(data, model)
    config = {**data.get_config(), "methods": methods(Asked(explanations=explanations))}
    return config | _predictor(config, model, scores)


def methods(asked: Asked) -> dict[str, Any]:
    """The value of `methods`; raises EmptyConfig where nothing is asked, and InvalidConfig where methods exclude."""
    if not any((asked.pre_training, asked.post_training, asked.explanations)):
        raise EmptyConfig(
            "analysis_config must have at least one working method: One of the `pre_training_methods`, "
            "`post_training_methods`, `explainability_config`."
        )
    found: dict[str, Any] = {"report": dict(REPORT)}
    if asked.pre_training:
        found["pre_training_bias"] = {"methods": asked.pre_training}
    if asked.post_training:
        found["post_training_bias"] = {"methods": asked.post_training}
    return found | (_explained(asked.explanations) if asked.explanations is not None else {})


def _explained(explanations: Explanations) -> dict[str, Any]:
    if isinstance(explanations, AsymmetricShapleyValueConfig):
        return explanations.get_explainability_config()
    listed = explanations if isinstance(explanations, list) else [explanations]
    if not listed:
        raise InvalidConfig("Please provide at least one explainability config.")
    if any(isinstance(config, AsymmetricShapleyValueConfig) for config in listed):
        raise InvalidConfig("Please do not provide Asymmetric Shapley Value configs for non-TimeSeries uses.")
    found: dict[str, Any] = {}
    for config in listed:
        found |= config.get_explainability_config()
    if len(found) != len(listed):
        raise InvalidConfig("Duplicate explainability configs are provided")
    alone = "shap" not in found and any(isinstance(config, PDPConfig) for config in listed)
    if alone and "features" not in found["pdp"]:
        raise InvalidConfig("PDP features must be provided when ShapConfig is not provided")
    return found


def _predictor(config: Mapping[str, Any], model: ModelConfig | None, scores: Scores) -> dict[str, Any]:
    """The keys that say how predictions come about: `predictor` and `probability_threshold`."""
    found: dict[str, Any] = {}
    if isinstance(model, ModelConfig):
        found["predictor"] = model.get_predictor_config()
    elif any(name in config["methods"] for name in EXPLANATIONS):
        raise InvalidConfig("model_config must be provided when explainability methods are selected.")
    elif "predicted_label_dataset_uri" not in config and "predicted_label" not in config:
        raise InvalidConfig(
            "model_config must be provided when `predicted_label_dataset_uri` or `predicted_label` are not provided in "
            "data_config."
        )
    if isinstance(scores, ModelPredictedLabelConfig):
        threshold, located = scores.get_predictor_config()
        if "predictor" in found:
            found["predictor"] |= located
        return found if threshold is None else found | {"probability_threshold": threshold}
    if "predictor" in found and scores is not None:
        found["predictor"]["label"] = scores
    return found


def _is_series(data: DataConfig, model: ModelConfig | None, explanations: Explanations) -> bool:
    return (
        isinstance(explanations, AsymmetricShapleyValueConfig)
        or "time_series_data_config" in data.get_config()
        or (isinstance(model, ModelConfig) and "time_series_predictor_config" in model.get_predictor_config())
    )


def _check_series(data: DataConfig, model: ModelConfig) -> None:
    if "time_series_data_config" not in data.get_config():
        raise InvalidConfig("Please provide a TimeSeriesDataConfig to DataConfig.")
    if "time_series_predictor_config" not in model.get_predictor_config():
        raise InvalidConfig("Please provide a TimeSeriesModelConfig to ModelConfig.")


def _check_no_series(data: DataConfig, model: ModelConfig) -> None:
    given = {
        "TimeSeriesDataConfig": "time_series_data_config" in data.get_config(),
        "TimeSeriesModelConfig": "time_series_predictor_config" in model.get_predictor_config(),
    }
    for name, present in given.items():
        if present:
            raise InvalidConfig(
                "Please provide an AsymmetricShapleyValueConfig for time series explainability cases. "
                f"For non time series cases, please do not provide a {name}."
            )


def _check_covariates(data: DataConfig, explanations: AsymmetricShapleyValueConfig) -> None:
    """Whether each item's baseline has one value for each static covariate."""
    baseline = explanations.get_explainability_config()["asymmetric_shapley_value"].get("baseline")
    if not isinstance(baseline, dict) or "static_covariates" not in baseline:
        return
    count = len(data.get_config()["time_series_data_config"].get("static_covariates", []))
    if count == 0:
        raise InvalidConfig(
            "Static covariate baselines are provided in AsymmetricShapleyValueConfig when no static covariate columns "
            "are provided in TimeSeriesDataConfig. Please check these configs."
        )
    for item, values in baseline["static_covariates"].items():
        if not isinstance(values, list):
            raise InvalidConfig(f"Baseline entry for {item} must be a list, is {type(values)}.")
        if len(values) != count:
            raise InvalidConfig(
                f"Length of baseline entry for {item} does not match number of static covariate columns. Please ensure "
                "every covariate has a baseline value for every item id."
            )
