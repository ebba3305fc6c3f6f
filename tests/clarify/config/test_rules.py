"""Rules between keys, one case a rule, and values that no reading of the contract allows."""

from typing import Any

import pytest

from evenhand.clarify.config.languages import LANGUAGES, language_code
from evenhand.clarify.config.reading import NOT_VALID, read_config
from evenhand.core.errors import SpecError
from tests.clarify.config.documents import SAMPLES, changed, without

ASYMMETRIC = "methods.asymmetric_shapley_value"
BROKEN: list[tuple[dict[str, Any], str]] = [
    (without("jsonlines_dense", "features"), "features: application/jsonlines needs this key, a JMESPath of the features. Data must contain features."),
    (without("json_records", "features"), "features: application/json needs this key, a JMESPath of the features. Data must contain features."),
    (without("csv_pre_training_bias", "label"), "label: methods.pre_training_bias needs this key."),
    (without("csv_supplied_predictions", "label_values_or_threshold"), "label_values_or_threshold: methods.post_training_bias needs this key, with at least one item."),
    (without("csv_pre_training_bias", "facet"), "facet: methods.pre_training_bias needs this key, with at least one item."),
    (changed("csv_pre_training_bias", "facet", []), "facet: methods.pre_training_bias needs this key, with at least one item."),
    (changed("image_detection", "methods.pre_training_bias", {"methods": "all"}), "methods.pre_training_bias: bias metrics are unsupported for images; ask for shap alone."),
    (changed("image_detection", "methods.pdp", {"grid_resolution": 5}), "methods.pdp: partial dependence is unsupported for images; ask for shap alone."),
    (without("image_detection", "methods.shap.image_config"), "methods.shap.image_config: explaining images needs this key."),
    (without("csv_bias_by_names", "predictor"), "predictor: predictions are needed and none are supplied; give predictor, predicted_label or predicted_label_dataset_uri, or hand a model over (--model)."),
    (without("csv_shap_clusters", "predictor"), "predictor: predictions are needed and none are supplied; give predictor, predicted_label or predicted_label_dataset_uri, or hand a model over (--model)."),
    (changed("csv_shap_clusters", "predictor", {"label": 0}), "predictor: it names no model; give endpoint_name or model_name, or hand a model over (--model)."),
    (changed("parquet", "facet_dataset_uri", "s3://b/f"), "facet_dataset_uri: only datasets of text/csv can be joined, and dataset_type is application/x-parquet."),
    (changed("jsonlines_dense", "predicted_label_dataset_uri", "s3://b/f"), "predicted_label_dataset_uri: only datasets of text/csv can be joined, and dataset_type is application/jsonlines."),
    (changed("csv_shap_clusters", "methods.shap.baseline", "s3://b/f"), "methods.shap.num_clusters: baseline and num_clusters exclude each other; give one of them."),
    (changed("csv_shap_inline_baseline", "methods.shap.text_config", {"granularity": "token", "language": "en"}), "methods.shap.features_to_explain: it cannot be combined with text_config; leave one of them out."),
    (changed("image_detection", "methods.shap.features_to_explain", ["a"]), "methods.shap.features_to_explain: it cannot be combined with image_config; leave one of them out."),
    (changed("csv_shap_inline_baseline", "methods.shap.features_to_explain", ["Age", "Target"]), "methods.shap.features_to_explain[1]: 'Target' is the label or predicted label, not a feature."),
    (changed("csv_shap_and_pdp", "methods.shap.features_to_explain", [3]), "methods.shap.features_to_explain[0]: 3 is the label or predicted label, not a feature."),
    (without("csv_pdp_alone", "methods.pdp.features"), "methods.pdp.features: without methods.shap, which would rank the features, this key is needed."),
    (without("parquet", "predictor.content_type"), "predictor.content_type: application/x-parquet is never sent to a model; say what is, such as text/csv."),
    (changed("csv_segments", "segment_config.0.segments", []), "segment_config[0].segments: at least one list of values is needed."),
    (changed("csv_segments", "segment_config.0.display_aliases", ["a"]), "segment_config[0].display_aliases: 2 segments need 2 aliases, or 3 with one for __default__; there are 1."),
    (changed("jsonlines_dense", "predictor.content_template", "{}"), "predictor.content_template: for application/jsonlines it needs the placeholder $features."),
    (changed("json_records", "predictor.content_template", "{}"), "predictor.content_template: for application/json it needs the placeholder $record or $records."),
    (changed("csv_shap_and_pdp", "predictor.custom_attributes", "é"), "predictor.custom_attributes: only visible ASCII characters can be sent."),
    (without("series_timewise", "time_series_data_config") | {"features": "f"}, "time_series_data_config: methods.asymmetric_shapley_value needs this key."),
    (changed("series_timewise", "dataset_type", "text/csv"), "dataset_type: time series are read from application/json alone, and this is text/csv."),
    (changed("series_timewise", "methods.report", {"name": "report"}), "methods.report: reports are unsupported for time series; leave this key out."),
    (changed("series_timewise", "methods.shap", {}), "methods.shap: time series are explained by asymmetric_shapley_value alone."),
    (changed("series_timewise", "methods.pdp", {"grid_resolution": 5, "features": ["a"]}), "methods.pdp: time series are explained by asymmetric_shapley_value alone."),
    (changed("series_fine_grained", f"{ASYMMETRIC}.direction", "bidirectional"), f"{ASYMMETRIC}.direction: fine_grained goes only with chronological, and this is bidirectional."),
    (without("series_fine_grained", f"{ASYMMETRIC}.num_samples"), f"{ASYMMETRIC}.num_samples: fine_grained needs this key; a rule of thumb gives 9 here."),
    (changed("series_timewise", f"{ASYMMETRIC}.num_samples", 5), f"{ASYMMETRIC}.num_samples: only fine_grained has samples; leave it out for timewise."),
    (changed("series_fine_grained", f"{ASYMMETRIC}.baseline", {"target_time_serie": "zero"}), f"{ASYMMETRIC}.baseline.target_time_serie: unknown key 'target_time_serie'. Did you mean 'target_time_series'?"),
    (changed("series_fine_grained", f"{ASYMMETRIC}.baseline", {"target_time_series": "nil"}), f"{ASYMMETRIC}.baseline.target_time_series: it must be zero or mean, and is 'nil'."),
    (changed("series_fine_grained", f"{ASYMMETRIC}.baseline", {"static_covariates": "zero"}), f"{ASYMMETRIC}.baseline.static_covariates: it must be an object of item_id: [values]."),
    (changed("series_timewise", "predictor.endpoint_name", "https://a.example"), "predictor.endpoint_name: a time series model is endpoint_name or model_name, not both."),
    (without("series_timewise", "predictor.instance_type"), "predictor.instance_type: model_name, initial_instance_count, instance_type are needed together."),
    (without("series_timewise", "predictor.time_series_predictor_config"), "predictor.time_series_predictor_config: a time series model needs this key, with a forecast (JMESPath)."),
]  # fmt: skip
WRONG: list[tuple[dict[str, Any], str]] = [
    (changed("csv_segments", "dataset_type", "csv"), "dataset_type: Input should be 'text/csv', 'application/jsonlines', 'application/json', 'application/x-parquet', 'application/x-image' or 'application/sagemakercapturejson', and it is \"csv\"."),
    (without("csv_segments", "methods"), "methods: this key is needed."),
    (without("csv_segments", "facet.0.name_or_index"), "facet[0].name_or_index: this key is needed."),
    (changed("csv_segments", "methods", []), "methods: Input should be a valid dictionary or instance of Methods, and it is []."),
    (changed("csv_shap_clusters", "methods.shap.num_clusters", 0), "methods.shap.num_clusters: Input should be greater than or equal to 1, and it is 0."),
    (changed("csv_segments", "lable", "Target"), "lable: unknown key 'lable'. Did you mean 'label'?"),
    (changed("csv_shap_clusters", "methods.shap.nsamples", 5), "methods.shap.nsamples: unknown key 'nsamples'. Did you mean 'num_samples'?"),
    (changed("csv_shap_clusters", "num_clusters", 5), "num_clusters: unknown key 'num_clusters'. It belongs in 'methods.shap.num_clusters'."),
    (changed("csv_shap_clusters", "lable", None), "lable: unknown key 'lable'. Did you mean 'label'?"),
    (changed("parquet", "predictor.content_type", "application/x-parquet"), "predictor.content_type: it must be one of text/csv, application/jsonlines, application/json, image/jpeg, image/png, application/x-npy, and is 'application/x-parquet'."),
    (changed("parquet", "predictor.accept_type", "image/png"), "predictor.accept_type: it must be one of text/csv, application/jsonlines, application/json, and is 'image/png'."),
    (changed("text_tokens", "methods.shap.text_config.language", "englsh"), "methods.shap.text_config.language: 'englsh' is no language that texts are divided in. Did you mean 'english'?"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "fault"), [*BROKEN, *WRONG], ids=[case[1][:50] for case in [*BROKEN, *WRONG]])
def test_faults_are_said_in_one_line_by_key_path(document: dict[str, Any], fault: str) -> None:
    with pytest.raises(SpecError) as raised:
        read_config(document)
    assert str(raised.value) == f"Analysis configuration schema validation error. {fault}"


@pytest.mark.parametrize("name", ["pre_training_bias", "post_training_bias"])
def test_series_have_no_bias(name: str) -> None:
    document = changed("series_timewise", f"methods.{name}", {"methods": "all"})
    document |= {key: SAMPLES["csv_segments"][key] for key in ("label", "label_values_or_threshold", "facet")}
    with pytest.raises(SpecError, match=r"methods\.\w+: Bias metrics are unsupported for time series\."):
        read_config(document)
    assert NOT_VALID == "Analysis configuration schema validation error."


@pytest.mark.parametrize("name", ["csv_bias_by_names", "csv_shap_clusters", "series_timewise", "image_detection"])
def test_a_model_handed_over_stands_in_for_the_predictor(name: str) -> None:
    document = without(name, "predictor")
    with pytest.raises(SpecError, match="hand a model over"):
        read_config(document)
    config, warnings = read_config(document, has_model=True)
    assert config.predictor is None
    assert warnings == ()


def test_every_language_is_known_by_name_and_by_code() -> None:
    assert len(LANGUAGES) == 63
    for code, name in LANGUAGES.items():
        assert language_code(code) == language_code(name.upper()) == code
