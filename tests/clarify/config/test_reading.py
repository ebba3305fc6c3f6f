"""Reading: files that are no JSON, and warnings where Clarify's documents and its validator disagree."""

import json
from pathlib import Path
from typing import Any

import pytest

from evenhand.clarify.config.reading import NOT_JSON, NOT_VALID, read_config
from evenhand.core.errors import SpecError
from tests.clarify.config.documents import SAMPLES, changed, without

SDK = "the SageMaker SDK refuses this: "
LIST, FLOAT, WHOLE = (
    "it must be a list, and is ",
    "it must be a number with a decimal point, and is ",
    "it must be a whole number, and is ",
)
# What is changed, the key that the warning names, its reason, and what is read.
DISAGREEMENTS: list[tuple[dict[str, Any], str, str]] = [
    (changed("csv_pre_training_bias", "label_values_or_threshold", 0.5), "label_values_or_threshold", f"{LIST}0.5. It is read as [0.5]."),
    (changed("csv_bias_by_names", "probability_threshold", 1), "probability_threshold", f"{FLOAT}1. It is read as 1.0."),
    (changed("csv_pdp_alone", "methods.pdp", {"features": ["Age"]}), "methods.pdp.grid_resolution", "this key is needed. It is read as 15."),
    (changed("csv_pdp_alone", "methods.report", {}), "methods.report.name", 'this key is needed. It is read as "report".'),
    (changed("csv_pre_training_bias", "facet.0.value_or_threshold", None), "facet[0].value_or_threshold", f"{LIST}null. It is read as if it were not there."),
    (changed("csv_multiclass", "predictor.label_headers", "yes"), "predictor.label_headers", f'{LIST}"yes". It is read as ["yes"].'),
    (changed("image_detection", "methods.shap.image_config.segment_compactness", 0.5), "methods.shap.image_config.segment_compactness", f"{WHOLE}0.5. It is read as 0.5."),
    (changed("image_detection", "methods.shap.image_config.iou_threshold", 1), "methods.shap.image_config.iou_threshold", f"{FLOAT}1. It is read as 1.0."),
    (changed("image_detection", "methods.shap.image_config.context", 0), "methods.shap.image_config.context", f"{FLOAT}0. It is read as 0.0."),
    (changed("csv_shap_inline_baseline", "methods.shap.baseline.0.1", True), "methods.shap.baseline[0][1]", "it must be a whole number or a number with a decimal point or a text or null, and is true. It is read as true."),
    (changed("image_detection", "predictor.content_type", "image/jpg"), "predictor.content_type", 'it must be one of application/json, application/jsonlines, application/x-npy, image/jpeg, image/png, text/csv, and is "image/jpg". It is read as "image/jpeg".'),
    (without("series_timewise", "methods.asymmetric_shapley_value.granularity"), "methods.asymmetric_shapley_value.granularity", 'this key is needed. It is read as "timewise".'),
    (without("series_timewise", "methods.asymmetric_shapley_value.direction"), "methods.asymmetric_shapley_value.direction", 'this key is needed. It is read as "chronological".'),
    (changed("series_columns", "time_series_data_config.item_id", 0), "time_series_data_config.item_id", "it must be a text, or an index above 0, and is 0. It is read as 0."),
    (changed("csv_pre_training_bias", "methods.pre_training_bias", {}), "methods.pre_training_bias.methods", 'this key is needed. It is read as "all".'),
    (changed("csv_pre_training_bias", "excluded_columns", "Age"), "excluded_columns", f'{LIST}"Age". It is read as ["Age"].'),
    (changed("csv_pre_training_bias", "label", None), "label", ""),
    (changed("csv_shap_clusters", "methods.shap.seed", None), "methods.shap.seed", f"{WHOLE}null. It is read as if it were not there."),
    (changed("csv_shap_clusters", "predictor.endpoint_name_prefix", "a"), "predictor.endpoint_name_prefix", 'it must be a text in which ^[a-zA-Z0-9](-*[a-zA-Z0-9]) is found, and is "a". It is read as "a".'),
]  # fmt: skip
DISAGREEMENTS = [case for case in DISAGREEMENTS if case[2]]
# What Clarify's validator lets through although it means nothing.
DOUBTS: list[tuple[dict[str, Any], str]] = [
    (changed("csv_bias_by_names", "version", "9"), "version: the only version is '1.0', and this is '9'; it is read as '1.0'."),
    (changed("csv_pre_training_bias", "methods", {}), "methods: it is empty, so that nothing is computed."),
    (changed("csv_pre_training_bias", "methods.pre_training_bias.methods", ["FOO"]), "methods.pre_training_bias.methods[0]: Invalid metric_name 'FOO'. There are: 'CI', 'DPL', 'KL', 'JS', 'LP', 'TVD', 'KS', 'CDDL'."),
    (changed("csv_supplied_predictions", "methods.post_training_bias.methods", ["DI", "cddpl"]), "methods.post_training_bias.methods[1]: Invalid metric_name 'cddpl'. Did you mean 'CDDPL'?"),
    (changed("csv_shap_clusters", "predictor.endpoint_name_prefix", "ab_$$"), "predictor.endpoint_name_prefix: 'ab_$$' is no name of an endpoint: letters, digits and single hyphens, at most 23. No endpoint is created here, so it is not used."),
    (changed("csv_pre_training_bias", "facet_headers", ["a"]), "facet_headers: without facet_dataset_uri it is not used."),
    (changed("csv_pre_training_bias", "predicted_label_headers", ["a"]), "predicted_label_headers: without predicted_label_dataset_uri it is not used."),
    (changed("image_detection", "segment_config", [{"name_or_index": 0, "segments": [[1]]}]), "segment_config: only tables fall into segments; it is not used."),
    (changed("csv_shap_clusters", "methods.shap.image_config", {"model_type": "OBJECT_DETECTION"}), "methods.shap.image_config: it is not used for text/csv."),
    (changed("csv_shap_clusters", "predictor.endpoint_name", "https://a.example"), "predictor.model_name: endpoint_name goes before model_name, which is not used."),
    (without("csv_shap_clusters", "predictor.instance_type"), "predictor: SageMaker needs model_name, initial_instance_count, instance_type together; here model_name alone is used."),
    (without("image_detection", "predictor.label_headers"), "predictor.label_headers: Clarify needs them for images; classes are called by their numbers."),
]  # fmt: skip


@pytest.mark.parametrize(("document", "key", "reason"), DISAGREEMENTS, ids=[case[1] for case in DISAGREEMENTS])
def test_disagreements_are_read_with_a_warning_and_refused_when_strict(
    document: dict[str, Any], key: str, reason: str
) -> None:
    _, warnings = read_config(document)
    assert warnings == (f"{key}: {SDK}{reason}",)
    with pytest.raises(SpecError) as raised:
        read_config(document, strict=True)
    assert str(raised.value) == f"{NOT_VALID} {key}: {reason.split(' It is read as')[0]}"


@pytest.mark.parametrize(("document", "warning"), DOUBTS, ids=[case[1][:40] for case in DOUBTS])
def test_what_means_nothing_is_accepted_with_a_warning_strict_or_not(document: dict[str, Any], warning: str) -> None:
    assert read_config(document)[1] == (warning,)
    assert read_config(document, strict=True)[1] == (warning,)


def test_unset_keys_have_clarifys_defaults() -> None:
    config, _ = read_config(
        changed("csv_pdp_alone", "methods", {"shap": {}, "pdp": {"grid_resolution": 15}, "report": {}})
    )
    assert config.methods.pdp is not None
    assert (config.methods.pdp.grid_resolution, config.methods.pdp.top_k_features) == (15, 10)
    assert config.methods.report is not None
    assert (config.methods.report.name, config.methods.report.title) == ("report", "SageMaker Analysis Report")
    assert config.probability_threshold == 0.5


def test_images_without_model_type_are_classified() -> None:
    config, warnings = read_config(changed("image_classification", "methods.shap.image_config", {}))
    assert warnings == ()
    assert config.methods.shap is not None
    assert config.methods.shap.image_config is not None
    assert config.methods.shap.image_config.model_type == "IMAGE_CLASSIFICATION"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "'config.json': Expecting property name enclosed in double quotes"),
        (b"[]", "'config.json' holds [], not an object of keys."),
        (b"\xff\xfe", "'config.json' is not UTF-8 text."),
        (b'{"probability_threshold": NaN}', "'config.json': NaN is no JSON."),
        (b"[" * 200_000, "'config.json': it is nested too deeply."),
    ],
    ids=["broken", "list", "not text", "nan", "deep"],
)
def test_what_is_no_json_is_said_in_clarifys_words(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(SpecError) as raised:
        read_config(path)
    assert str(raised.value).startswith(f"Unable to load analysis configuration as JSON. {reason}")


def test_a_missing_file_is_said() -> None:
    with pytest.raises(SpecError, match=r"Cannot read 'no/such.json': No such file or directory\."):
        read_config("no/such.json")
    assert NOT_JSON == "Unable to load analysis configuration as JSON."


def test_files_folders_and_objects_are_read_alike(tmp_path: Path) -> None:
    document = SAMPLES["csv_segments"]
    (tmp_path / "analysis_config.json").write_text("\ufeff" + json.dumps(document), encoding="utf-8")
    expected = read_config(document)
    assert read_config(tmp_path) == expected
    assert read_config(str(tmp_path / "analysis_config.json")) == expected


def test_keys_written_twice_are_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "twice.json"
    path.write_text('{"dataset_type": "text/csv", "methods": {"report": {"name": "a", "name": "b"}}}')
    config, warnings = read_config(path)
    assert warnings == ("name: this key is written more than once in one object; the last one counts.",)
    assert config.methods.report is not None
    assert config.methods.report.name == "b"


def test_the_document_handed_over_stays_as_it_is() -> None:
    document = changed("image_detection", "predictor.content_type", "image/jpg")
    before = json.dumps(document)
    read_config(document)
    assert json.dumps(document) == before
