"""Laws of reading: what the schema accepts is read, strict is a part of lenient, unknown keys are named with the nearest."""

import copy
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.config.key_paths import keys_at, written
from evenhand.clarify.config.published_schema import published_schema
from evenhand.clarify.config.reading import read_config
from evenhand.clarify.config.rules import broken_rules
from evenhand.core.errors import SpecError
from tests.clarify.config.documents import SAMPLES, places

SCHEMA = published_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 30), st.floats(-1e9, 1e9), st.text(max_size=8),
    st.just([]), st.just({}), st.lists(st.one_of(st.booleans(), st.integers(0, 3), st.text(max_size=3)), max_size=3),
    st.sampled_from(["all", "text/csv", "TEXT/CSV", "image/jpg", "application/json", "mean_abs", "zh"]),
)  # fmt: skip


def generated(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Documents that a schema of the kind that is published accepts."""
    if "$ref" in schema:
        return st.deferred(lambda: generated(SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]]))
    if "anyOf" in schema:
        return st.one_of([generated(option) for option in schema["anyOf"]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    kind = schema.get("type")
    if kind == "object" and "properties" in schema:
        needed = schema.get("required", [])
        keys = {name: generated(part) for name, part in schema["properties"].items()}
        return st.fixed_dictionaries(
            {name: keys[name] for name in needed},
            optional={name: part for name, part in keys.items() if name not in needed},
        )
    if kind == "array":
        return st.lists(generated(schema["items"]), max_size=2)
    low, high = schema.get("minimum", schema.get("exclusiveMinimum", -5)), schema.get("maximum", 50)
    exclusive = "exclusiveMinimum" in schema
    simple: dict[Any, st.SearchStrategy[Any]] = {
        "integer": st.integers(low, high),
        "number": st.floats(low, high, exclude_min=exclusive),
        "string": st.text(max_size=schema.get("maxLength", 6)),
        "boolean": st.booleans(),
        "null": st.none(),
        "object": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
    }
    return simple.get(kind, VALUES)


@st.composite
def altered(draw: st.DrawFn) -> dict[str, Any]:
    """A sample with one or two values replaced."""
    document: dict[str, Any] = copy.deepcopy(SAMPLES[draw(st.sampled_from(sorted(SAMPLES)))])
    for _ in range(draw(st.integers(1, 2))):
        *around, last = draw(st.sampled_from(places(document)))
        owner: Any = document
        for step in around:
            owner = owner[step]
        owner[last] = draw(VALUES)
    return document


def is_read_but_for_rules(document: dict[str, Any]) -> None:
    try:
        read_config(document)
    except SpecError as error:
        faults = list(broken_rules(AnalysisConfig.model_validate(document)))
        assert any(fault in str(error) for fault in faults), str(error)


def is_valid(document: dict[str, Any]) -> bool:
    return bool(VALIDATOR.is_valid(document))


def test_the_schema_is_one_and_says_what_every_key_means() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for part in (SCHEMA, *SCHEMA["$defs"].values()):
        for name, key in part["properties"].items():
            assert key["description"].endswith((".", '"1.0"')), name


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_samples_are_valid_in_every_way(name: str) -> None:
    config, warnings = read_config(SAMPLES[name])
    assert warnings == (("methods: it is empty, so that nothing is computed.",) if name == "empty_methods" else ())
    assert read_config(SAMPLES[name], strict=True) == (config, warnings)
    lowered = copy.deepcopy(SAMPLES[name])
    methods = lowered["methods"]
    for words in (methods.get("shap", {}), methods.get("shap", {}).get("text_config", {})):
        words.update({key: words[key].lower() for key in ("agg_method", "granularity") if key in words})
    if "image_config" in methods.get("shap", {}):
        methods["shap"]["image_config"]["model_type"] = methods["shap"]["image_config"]["model_type"].upper()
    if "dataset_format" in lowered.get("time_series_data_config", {}):
        lowered["time_series_data_config"]["dataset_format"] = lowered["time_series_data_config"][
            "dataset_format"
        ].lower()
    jsonschema.validate(lowered, SCHEMA)


def test_there_is_a_sample_of_every_modality() -> None:
    kinds = {document["dataset_type"] for document in SAMPLES.values()}
    assert kinds == {
        "text/csv", "application/jsonlines", "application/json", "application/x-parquet", "application/x-image",
        "application/sagemakercapturejson",
    }  # fmt: skip
    methods = {method for document in SAMPLES.values() for method in document["methods"]}
    assert methods == {
        "pre_training_bias", "post_training_bias", "shap", "pdp", "report", "asymmetric_shapley_value",
    }  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(generated(SCHEMA))
def test_whatever_the_schema_accepts_is_read_unless_a_rule_between_keys_is_broken(document: dict[str, Any]) -> None:
    assert is_valid(document)
    is_read_but_for_rules(document)


@settings(max_examples=200, deadline=None)
@given(altered())
def test_altered_samples_that_the_schema_accepts_are_read(document: dict[str, Any]) -> None:
    if is_valid(document):
        is_read_but_for_rules(document)


@settings(max_examples=200, deadline=None)
@given(altered())
def test_strict_accepts_exactly_what_is_read_without_the_sdk_being_quoted(document: dict[str, Any]) -> None:
    try:
        config, warnings = read_config(document)
    except SpecError as error:
        with pytest.raises(SpecError, match=r"Analysis configuration schema validation error\.") as raised:
            read_config(document, strict=True)
        assert "\n" not in f"{error}{raised.value}"
        return
    quoted = [warning for warning in warnings if "the SageMaker SDK refuses this" in warning]
    if quoted:
        with pytest.raises(SpecError) as raised:
            read_config(document, strict=True)
        assert quoted[0].split(":")[0] in str(raised.value)
    else:
        assert read_config(document, strict=True) == (config, warnings)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_unknown_keys_are_named_with_their_path_and_the_nearest(data: st.DataObject) -> None:
    document = copy.deepcopy(SAMPLES[data.draw(st.sampled_from(sorted(SAMPLES)))])
    objects: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    for path in places(document):
        found: Any = document
        for step in path:
            found = found[step]
        if isinstance(found, dict) and path[-1] not in ("baseline", "content_template"):
            objects.append((path, found))
    path, owner = data.draw(st.sampled_from(objects))
    right = data.draw(st.sampled_from([key for key in keys_at(path) if len(key) > 4]))
    at = data.draw(st.integers(0, len(right)))
    wrong = data.draw(st.sampled_from([right[:at] + "x" + right[at:], right[:at] + "_" + right[at:], right.upper()]))
    owner[wrong] = data.draw(VALUES)
    with pytest.raises(SpecError) as raised:
        read_config(document)
    assert f"{written((*path, wrong))}: unknown key '{wrong}'. Did you mean '{right}'?" in str(raised.value)
