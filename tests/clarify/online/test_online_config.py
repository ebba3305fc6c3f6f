"""OnlineConfig: every constraint of the service's model, and errors that name the key path."""

from pathlib import Path
from typing import Any

import pytest

from evenhand.clarify.online import OnlineConfig
from evenhand.core.errors import SpecError

SHAP = {"ShapBaselineConfig": {"ShapBaseline": "0,0"}}
TEXT = {"Language": "en", "Granularity": "token"}


def config(inference: dict[str, Any] | None = None, **shap: Any) -> dict[str, Any]:
    return {"InferenceConfig": inference or {}, "ShapConfig": SHAP | shap}


@pytest.mark.parametrize("wrap", [(), ("ClarifyExplainerConfig",), ("ExplainerConfig", "ClarifyExplainerConfig")])
def test_wrapped_or_bare(wrap: tuple[str, ...]) -> None:
    document: Any = {"EnableExplanations": "[0]>`0.8`", "ShapConfig": SHAP | {"Seed": 3, "UseLogit": True}}
    for name in reversed(wrap):
        document = {name: document}
    found = OnlineConfig.of(document)
    assert (found.enable, found.shap.seed, found.shap.use_logit) == ("[0]>`0.8`", 3, True)
    assert found.inference.max_payload_mb == 6
    assert found.shap.baseline.mime_type == "text/csv"


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"ShapConfg": SHAP}, "unknown key 'ShapConfg'. Did you mean 'ShapConfig'?"),
        ({}, "'ShapConfig' is needed"),
        ({"ShapConfig": {}}, "'ShapConfig.ShapBaselineConfig' is needed"),
        (config({"FeatureHeader": ["a"]}), "'InferenceConfig.FeatureHeader'. Did you mean 'FeatureHeaders'?"),
        ({"ShapConfig": {"ShapBaselineConfig": {}}}, "exactly one of ShapBaseline and ShapBaselineUri"),
        (
            {"ShapConfig": {"ShapBaselineConfig": {"ShapBaseline": "0", "ShapBaselineUri": "s3://b/k"}}},
            "exactly one of ShapBaseline and ShapBaselineUri",
        ),
        ({"ShapConfig": {"ShapBaselineConfig": {"ShapBaseline": "0," * 2049}}}, "4096 bytes"),
        ({"ShapConfig": {"ShapBaselineConfig": {"ShapBaselineUri": "s" * 1025}}}, "ShapBaselineUri"),
        ({"ShapConfig": {"ShapBaselineConfig": {"MimeType": "text/xml", "ShapBaseline": "0"}}}, "MimeType"),
        (config(NumberOfSamples=0), "ShapConfig.NumberOfSamples"),
        (config(TextConfig=TEXT | {"Language": "ja"}), "ShapConfig.TextConfig.Language"),
        (config(TextConfig=TEXT | {"Granularity": "word"}), "ShapConfig.TextConfig.Granularity"),
        (config({"MaxPayloadInMB": 26}), "InferenceConfig.MaxPayloadInMB"),
        (config({"MaxPayloadInMB": 0}), "InferenceConfig.MaxPayloadInMB"),
        (config({"MaxRecordCount": 0}), "InferenceConfig.MaxRecordCount"),
        (config({"ProbabilityIndex": -1}), "InferenceConfig.ProbabilityIndex"),
        (config({"LabelIndex": -1}), "InferenceConfig.LabelIndex"),
        (config({"FeaturesAttribute": "a" * 65}), "InferenceConfig.FeaturesAttribute"),
        (config({"ProbabilityAttribute": "a["}), "InferenceConfig.ProbabilityAttribute"),
        (config({"ContentTemplate": "{}"}), "ContentTemplate must hold $features"),
        (config({"LabelHeaders": ["a"] * 17}), "InferenceConfig.LabelHeaders"),
        (config({"LabelHeaders": ["a" * 65]}), "InferenceConfig.LabelHeaders.0"),
        (config({"FeatureHeaders": [f"f{place}" for place in range(257)]}), "InferenceConfig.FeatureHeaders"),
        (config({"FeatureTypes": ["number"]}), "InferenceConfig.FeatureTypes.0"),
        (config({"FeatureTypes": ["text"]}), "TextConfig is needed"),
        (config({"FeatureTypes": ["numerical"], "FeatureHeaders": ["a", "b"]}), "FeatureHeaders has 2"),
        (config() | {"EnableExplanations": ""}, "EnableExplanations"),
        (config() | {"EnableExplanations": "(" * 64}, "EnableExplanations"),
        (["ShapConfig"], "must be a JSON object"),
    ],
)
def test_constraints(document: Any, named: str) -> None:
    with pytest.raises(SpecError) as error:
        OnlineConfig.of(document)
    assert named in str(error.value)
    assert "\n" not in str(error.value)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("[" * 100_000)
    with pytest.raises(SpecError, match="Unable to load analysis configuration as JSON"):
        OnlineConfig.load(path)
    with pytest.raises(SpecError, match="cannot be read"):
        OnlineConfig.load(tmp_path / "missing.json")
