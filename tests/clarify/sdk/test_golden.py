"""The classes against the sagemaker SDK: signatures, configs and faults, as benchmarks/golden_sdk_configs.py wrote them."""

import builtins
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from evenhand.clarify import sdk
from evenhand.clarify.sdk.generation import Asked, config_of_bias, config_of_explanations, config_of_labels
from evenhand.core.errors import SpecError
from tests.clarify.sdk.cases import PARTS, RUNS

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "golden.json").read_text(encoding="utf-8"))


def generated(method: str, arguments: tuple[Any, ...]) -> dict[str, Any]:
    """The config that a method of the processor runs."""
    parameters = inspect.signature(getattr(sdk.SageMakerClarifyProcessor, method)).bind(None, *arguments)
    parameters.apply_defaults()
    given = parameters.arguments
    data = given["data_config"]
    if method == "run_pre_training_bias":
        return config_of_labels(data, given["data_bias_config"], given["methods"])
    if method == "run_explainability":
        return config_of_explanations(
            data, given["model_config"], given["explainability_config"], given["model_scores"]
        )
    before = given.get("pre_training_methods")
    after = given["methods"] if method == "run_post_training_bias" else given["post_training_methods"]
    asked = Asked(before, after, given.get("explainability_config"))
    bias = given.get("bias_config") or given["data_bias_config"]
    return config_of_bias(data, bias, asked, given["model_config"], given["model_predicted_label_config"])


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def test_every_case_has_a_golden_answer() -> None:
    assert GOLDEN["parts"].keys() == PARTS.keys()
    assert GOLDEN["runs"].keys() == RUNS.keys()


@pytest.mark.parametrize("name", GOLDEN["signatures"])
def test_names_order_and_defaults_of_arguments(name: str) -> None:
    function = getattr(sdk.SageMakerClarifyProcessor, name) if name.startswith("run_") else getattr(sdk, name).__init__
    parameters = [item for item in inspect.signature(function).parameters.values() if item.kind != item.KEYWORD_ONLY]
    found = [
        [item.name, item.default is item.empty, None if item.default is item.empty else item.default]
        for item in parameters[1:]
    ]
    assert found == GOLDEN["signatures"][name]


@pytest.mark.parametrize("name", PARTS)
def test_parts(name: str) -> None:
    compare(GOLDEN["parts"][name], lambda: PARTS[name](sdk))


@pytest.mark.parametrize("name", RUNS)
def test_configs_of_runs(name: str) -> None:
    method, build = RUNS[name]
    expected = GOLDEN["runs"][name]
    expected = {"result": expected["result"]["config"]} if "result" in expected else expected
    compare(expected, lambda: generated(method, build(sdk)))


def compare(expected: dict[str, Any], build: Any) -> None:
    """The same result, or an error of evenhand that is also of their kind."""
    if "result" in expected:
        assert plain(build()) == expected["result"]
        return
    with pytest.raises(getattr(builtins, expected["error"])) as caught:
        build()
    assert isinstance(caught.value, SpecError)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) > 20


def test_place_zero_is_a_place() -> None:
    config = sdk.TimeSeriesDataConfig(1, 0, 2).get_time_series_data_config()
    assert config == {"target_time_series": 1, "item_id": 0, "timestamp": 2}


def test_configs_are_copies() -> None:
    data = sdk.DataConfig("in", "out", headers=["a"])
    data.get_config()["headers"].append("b")
    assert data.get_config()["headers"] == ["a"]
