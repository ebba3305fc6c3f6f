"""What the validator of the SageMaker SDK turns away: its schema of analysis_config.json, with all its peculiarities.

A list of scalars must be a list, 1 is no float, null is never allowed, and metric names are not looked at.
"""

from collections.abc import Mapping
from typing import Any

from evenhand.clarify.config.checks import Object, Rejection, a, either, list_of, mapping_of, matching, one_of, passing
from evenhand.clarify.config.languages import is_language

DATASET_TYPES = (
    "text/csv",
    "application/jsonlines",
    "application/json",
    "application/x-parquet",
    "application/x-image",
    "application/sagemakercapturejson",
)
ACCEPT_TYPES = ("text/csv", "application/jsonlines", "application/json")
CONTENT_TYPES = (*ACCEPT_TYPES, "image/jpeg", "image/png", "application/x-npy")
# Not anchored at its end, so that "ab_$$" passes and "a" does not.
ENDPOINT_PREFIX = r"^[a-zA-Z0-9](-*[a-zA-Z0-9])"

_TEXT, _WHOLE, _NAME = a(str), a(int), a(str, int)
_TEXTS, _NAMES, _CELLS = list_of(_TEXT), list_of(a(int, str)), list_of(a(int, float, str))
_BIAS = Object(needed={"methods": either(_TEXT, _TEXTS)})
_BASELINE = either(_TEXT, list_of(either(list_of(a(int, float, str, None)), mapping_of())), mapping_of())

_TEXT_CONFIG = Object(
    needed={
        "granularity": one_of(("token", "sentence", "paragraph")),
        "language": passing(lambda value: isinstance(value, str) and is_language(value), "a language by name or code"),
    },
    optional={"max_top_tokens": _WHOLE},
)
_DEBUG = Object({"image_names": _TEXTS, "class_ids": list_of(_WHOLE), "sample_from": _WHOLE, "sample_to": _WHOLE})
_IMAGE_CONFIG = Object(
    {
        "model_type": _TEXT,
        "num_segments": _WHOLE,
        "segment_compactness": _WHOLE,
        "feature_extraction_method": _TEXT,
        "max_objects": _WHOLE,
        "iou_threshold": a(float),
        "context": a(float),
        "debug": _DEBUG,
    }
)
_SHAP = Object(
    {
        "baseline": _BASELINE,
        "num_clusters": _WHOLE,
        "num_samples": _WHOLE,
        "use_logit": a(bool),
        "agg_method": one_of(("mean_abs", "median", "mean_sq")),
        "save_local_shap_values": a(bool),
        "seed": _WHOLE,
        "features_to_explain": _NAMES,
        "text_config": _TEXT_CONFIG,
        "image_config": _IMAGE_CONFIG,
    }
)
_ASYMMETRIC = Object(
    needed={
        "direction": one_of(("chronological", "anti_chronological", "bidirectional")),
        "granularity": one_of(("timewise", "fine_grained")),
    },
    optional={"num_samples": _WHOLE, "baseline": either(_TEXT, mapping_of())},
)
_METHODS = Object(
    {
        "pre_training_bias": _BIAS,
        "post_training_bias": _BIAS,
        "shap": _SHAP,
        "pdp": Object(needed={"grid_resolution": _WHOLE}, optional={"features": _NAMES, "top_k_features": _WHOLE}),
        "report": Object(needed={"name": _TEXT}, optional={"title": _TEXT}),
        "asymmetric_shapley_value": _ASYMMETRIC,
    }
)
_SEGMENT = Object(
    needed={"name_or_index": _NAME, "segments": list_of(_NAMES)},
    optional={"config_name": _TEXT, "display_aliases": _TEXTS},
)
_SERIES = Object(
    needed={
        "target_time_series": _NAME,
        # The SDK's class asks `if not item_id`, so that the index 0 counts as none.
        "item_id": passing(lambda value: type(value) in (str, int) and bool(value), "a text, or an index above 0"),
        "timestamp": _NAME,
    },
    optional={
        "related_time_series": either(_TEXTS, list_of(_WHOLE)),
        "static_covariates": either(_TEXTS, list_of(_WHOLE)),
        "dataset_format": one_of(("columns", "item_records", "timestamp_records")),
    },
)
_PREDICTOR = Object(
    {
        "model_name": _TEXT,
        "initial_instance_count": _WHOLE,
        "instance_type": _TEXT,
        "endpoint_name": _TEXT,
        "endpoint_name_prefix": matching(ENDPOINT_PREFIX),
        "accelerator_type": _TEXT,
        "target_model": _TEXT,
        "custom_attributes": _TEXT,
        "content_type": one_of(CONTENT_TYPES),
        "accept_type": one_of(ACCEPT_TYPES),
        "content_template": either(_TEXT, mapping_of(_TEXT)),
        "record_template": _TEXT,
        "label": _NAME,
        "probability": _NAME,
        "label_headers": _NAMES,
        "time_series_predictor_config": Object(needed={"forecast": _TEXT}),
    }
)
_CONFIG = Object(
    needed={"dataset_type": one_of(DATASET_TYPES), "methods": _METHODS},
    optional={
        "version": _TEXT,
        "dataset_uri": _TEXT,
        "headers": _TEXTS,
        "label": _NAME,
        "predicted_label": _NAME,
        "features": _TEXT,
        "label_values_or_threshold": _CELLS,
        "probability_threshold": a(float),
        "facet": list_of(Object(needed={"name_or_index": _NAME}, optional={"value_or_threshold": _CELLS})),
        "facet_dataset_uri": _TEXT,
        "facet_headers": _TEXTS,
        "predicted_label_dataset_uri": _TEXT,
        "predicted_label_headers": _TEXTS,
        "joinsource_name_or_index": _NAME,
        "excluded_columns": _NAMES,
        "group_variable": _NAME,
        "segment_config": list_of(_SEGMENT),
        "time_series_data_config": _SERIES,
        "predictor": _PREDICTOR,
    },
)


def rejections(document: Mapping[str, Any]) -> tuple[Rejection, ...]:
    """Everything in a config that the SDK's validator turns away, in the document's order."""
    return tuple(_CONFIG((), document))
