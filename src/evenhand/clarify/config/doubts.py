"""Doubts: what Clarify's validator lets through although it means nothing, or is not used."""

import re
from collections.abc import Iterator

from evenhand.clarify.config.analysis_config import AnalysisConfig, MetricsConfig
from evenhand.clarify.config.series_rules import MODEL_KEYS
from evenhand.core.errors import suggestion

METRICS = {
    "pre_training_bias": ("CI", "DPL", "KL", "JS", "LP", "TVD", "KS", "CDDL"),
    "post_training_bias": (
        "DPPL", "DI", "DCA", "DCR", "SD", "RD", "DAR", "DRR", "AD", "TE", "CDDPL", "FT", "GE",
    ),
}  # fmt: skip
PREFIX, PREFIX_LETTERS = r"[a-zA-Z0-9](-*[a-zA-Z0-9])*", 23


def doubts(config: AnalysisConfig) -> Iterator[str]:
    """Each thing that is read but means nothing, as `key: why`."""
    if config.version not in (None, "1.0"):
        yield f"version: the only version is '1.0', and this is {config.version!r}; it is read as '1.0'."
    if not config.methods.model_fields_set:
        yield "methods: it is empty, so that nothing is computed."
    for name in METRICS:
        yield from _metrics(name, getattr(config.methods, name))
    yield from _unused(config)
    yield from _predictor(config)


def _metrics(name: str, asked: MetricsConfig | None) -> Iterator[str]:
    if asked is None or asked.methods == "all":
        return
    for place, metric in enumerate(asked.methods):
        if metric not in METRICS[name]:
            near = suggestion(metric, list(METRICS[name]), most=13)
            yield f"methods.{name}.methods[{place}]: Invalid metric_name {metric!r}.{near}"


def _unused(config: AnalysisConfig) -> Iterator[str]:
    for key in ("facet", "predicted_label"):
        if getattr(config, f"{key}_headers") is not None and getattr(config, f"{key}_dataset_uri") is None:
            yield f"{key}_headers: without {key}_dataset_uri it is not used."
    images = config.dataset_type == "application/x-image"
    if config.segment_config and (images or config.time_series_data_config is not None):
        yield "segment_config: only tables fall into segments; it is not used."
    shap = config.methods.shap
    if shap is not None and shap.image_config is not None and not images:
        yield f"methods.shap.image_config: it is not used for {config.dataset_type}."


def _predictor(config: AnalysisConfig) -> Iterator[str]:
    predictor = config.predictor
    if predictor is None:
        return
    prefix = predictor.endpoint_name_prefix
    if prefix is not None and (len(prefix) > PREFIX_LETTERS or not re.fullmatch(PREFIX, prefix)):
        yield (
            f"predictor.endpoint_name_prefix: {prefix!r} is no name of an endpoint: letters, digits and single hyphens,"
            f" at most {PREFIX_LETTERS}. No endpoint is created here, so it is not used."
        )
    given = [key for key in MODEL_KEYS if getattr(predictor, key) is not None]
    if predictor.endpoint_name is not None and predictor.model_name is not None:
        yield "predictor.model_name: endpoint_name goes before model_name, which is not used."
    elif predictor.model_name is not None and len(given) < len(MODEL_KEYS):
        yield f"predictor: SageMaker needs {', '.join(MODEL_KEYS)} together; here model_name alone is used."
    if config.dataset_type == "application/x-image" and not predictor.label_headers:
        yield "predictor.label_headers: Clarify needs them for images; classes are called by their numbers."
