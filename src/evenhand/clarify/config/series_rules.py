"""Rules between the keys of a config for time series."""

from collections.abc import Iterator

from evenhand.clarify.config.analysis_config import (
    AnalysisConfig,
    AsymmetricConfig,
    PredictorConfig,
    TimeSeriesDataConfig,
)
from evenhand.core.errors import suggestion

MODEL_KEYS = ("model_name", "initial_instance_count", "instance_type")
_PARTS = ("target_time_series", "related_time_series", "static_covariates")


def series_rules(config: AnalysisConfig, has_model: bool) -> Iterator[str]:
    """Each rule about time series that a config breaks."""
    asymmetric, series = config.methods.asymmetric_shapley_value, config.time_series_data_config
    if asymmetric is not None and series is None:
        yield "time_series_data_config: methods.asymmetric_shapley_value needs this key."
    if series is None:
        return
    if config.dataset_type != "application/json":
        yield f"dataset_type: time series are read from application/json alone, and this is {config.dataset_type}."
    yield from _unsupported(config)
    if asymmetric is not None:
        yield from _asymmetric(asymmetric, series)
        yield from _predictor(config.predictor, has_model)


def _unsupported(config: AnalysisConfig) -> Iterator[str]:
    methods = config.methods
    for name in ("pre_training_bias", "post_training_bias"):
        if getattr(methods, name) is not None:
            yield f"methods.{name}: Bias metrics are unsupported for time series."
    if methods.report is not None:
        yield "methods.report: reports are unsupported for time series; leave this key out."
    for name in ("shap", "pdp"):
        if getattr(methods, name) is not None:
            yield f"methods.{name}: time series are explained by asymmetric_shapley_value alone."


def _asymmetric(asymmetric: AsymmetricConfig, series: TimeSeriesDataConfig) -> Iterator[str]:
    place = "methods.asymmetric_shapley_value"
    if asymmetric.granularity == "fine_grained":
        if asymmetric.direction != "chronological":
            yield f"{place}.direction: fine_grained goes only with chronological, and this is {asymmetric.direction}."
        if asymmetric.num_samples is None:
            parts = max(len(series.related_time_series or ()), len(series.static_covariates or ()))
            yield f"{place}.num_samples: fine_grained needs this key; a rule of thumb gives {(1 + parts) ** 2} here."
    elif asymmetric.num_samples is not None:
        yield f"{place}.num_samples: only fine_grained has samples; leave it out for {asymmetric.granularity}."
    yield from _baseline(asymmetric, f"{place}.baseline")


def _baseline(asymmetric: AsymmetricConfig, place: str) -> Iterator[str]:
    baseline = asymmetric.baseline
    if baseline is None or isinstance(baseline, str):
        return
    if not isinstance(baseline, dict):
        yield f"{place}: it must be the place of a file, or an object, and is {baseline!r}."
        return
    for name, value in baseline.items():
        if name not in _PARTS:
            yield f"{place}.{name}: unknown key {name!r}.{suggestion(name, list(_PARTS))}"
        elif name == "static_covariates":
            if not isinstance(value, dict):
                yield f"{place}.{name}: it must be an object of item_id: [values]."
        elif value not in ("zero", "mean"):
            yield f"{place}.{name}: it must be zero or mean, and is {value!r}."


def _predictor(predictor: PredictorConfig | None, has_model: bool) -> Iterator[str]:
    if predictor is None or has_model:
        return  # that a predictor is needed at all is a rule for every modality
    given = [key for key in MODEL_KEYS if getattr(predictor, key) is not None]
    if predictor.endpoint_name is not None and given:
        yield "predictor.endpoint_name: a time series model is endpoint_name or model_name, not both."
    if predictor.endpoint_name is None and given and len(given) < len(MODEL_KEYS):
        missing = next(key for key in MODEL_KEYS if key not in given)
        yield f"predictor.{missing}: {', '.join(MODEL_KEYS)} are needed together."
    if predictor.time_series_predictor_config is None:
        yield "predictor.time_series_predictor_config: a time series model needs this key, with a forecast (JMESPath)."
