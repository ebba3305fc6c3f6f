"""The JSON Schema of analysis_config.json: everything that evenhand reads, with what each key means."""

from typing import Any

from evenhand.clarify.config.analysis_config import AnalysisConfig

_NOTE = (
    "Everything that Clarify's documents or its validator accept. Words such as text/csv are read in whatever case;"
    " rules between keys are checked by `evenhand clarify validate`."
)
# Keys that explain themselves to whoever reads the code, but not to whoever reads the schema.
_MEANINGS = {
    "direction": "Which steps are explained by which: chronological, anti_chronological or bidirectional.",
    "granularity": "timewise: a value a time step; fine_grained: a value a time step and series.",
    "image_names": "Only these images.",
    "class_ids": "Only these classes.",
    "sample_from": "The first image.",
    "sample_to": "The image to stop before.",
    "feature_extraction_method": "How images are cut; segmentation is the only way.",
    "debug": "Which images and classes to explain.",
    "pre_training_bias": "Bias of the labels.",
    "post_training_bias": "Bias of the predictions.",
    "shap": "Shapley values of the features.",
    "pdp": "Partial dependence of predictions on features.",
    "report": "The report for people.",
    "asymmetric_shapley_value": "Shapley values of time series.",
    "initial_instance_count": "Not used here: how many machines SageMaker starts.",
    "instance_type": "Not used here: which machines SageMaker starts.",
    "endpoint_name_prefix": "Not used here: how SageMaker's temporary endpoint is called.",
    "accelerator_type": "Not used here: the accelerator of SageMaker's temporary endpoint.",
    "custom_attributes": "Sent along with each request, as it is.",
    "content_type": "The format of requests; by default that of the data, and image/jpeg for images.",
    "accept_type": "The format of replies; by default that of requests, and application/json for images.",
    "content_template": "A request, with $features (JSON Lines), or $record or $records and $feature_names (JSON).",
    "record_template": 'A record in a request, with $features, $feature_names, $features_kvp or "${column name}".',
    "time_series_predictor_config": "Where forecasts stand in a reply.",
    "text_config": "How text columns fall into units.",
    "image_config": "How images are cut into segments, and which detections are explained.",
    "version": 'The version of the config: "1.0".',
    "facet_dataset_uri": "CSV alone: where sensitive columns are that the model does not see.",
    "facet_headers": "The column names of the facet dataset.",
    "predicted_label_dataset_uri": "CSV alone: where predictions are that were made before.",
    "predicted_label_headers": "The column names of the predicted label dataset.",
    "segment_config": "Divisions of the rows into segments that are analysed apart.",
    "time_series_data_config": "Where the parts of series stand in a JSON dataset.",
    "methods": "What to compute.",
    "predictor": "Which model is asked, and how.",
}


def published_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of analysis_config.json."""
    schema = AnalysisConfig.model_json_schema(mode="validation")
    for part in (schema, *schema["$defs"].values()):
        for name, key in part.get("properties", {}).items():
            if "description" not in key and name in _MEANINGS:
                key["description"] = _MEANINGS[name]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "analysis_config.json",
        "description": _NOTE,
    }
