"""Writes tests/clarify/sdk/golden.json: what the sagemaker SDK 2 makes of the cases there; run where that is installed.

    python benchmarks/golden_sdk_configs.py     # in an environment with `pip install 'sagemaker<3'`

Each case holds the config, or the name of the exception that the SDK raises. Nothing is sent: runs end where a config
would be uploaded.
"""

import inspect
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sagemaker.clarify as theirs

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "clarify" / "sdk" / "golden.json"
sys.path.insert(0, str(ROOT / "tests" / "clarify" / "sdk"))

from cases import PARTS, RUNS  # noqa: E402

CLASSES = (
    "SegmentationConfig", "TimeSeriesDataConfig", "DataConfig", "BiasConfig", "TimeSeriesModelConfig", "ModelConfig",
    "ModelPredictedLabelConfig", "PDPConfig", "TextConfig", "ImageConfig", "SHAPConfig", "AsymmetricShapleyValueConfig",
    "SageMakerClarifyProcessor",
)  # fmt: skip
METHODS = (
    "run_pre_training_bias", "run_post_training_bias", "run_bias", "run_explainability", "run_bias_and_explainability",
)  # fmt: skip


class Recorder(theirs.SageMakerClarifyProcessor):
    """A processor that keeps the config and runs nothing."""

    def __init__(self) -> None:
        self.job_name_prefix = None

    def _run(self, *arguments: Any) -> Any:
        _, analysis_config, _, _, job_name, *_ = arguments
        self.kept = {"config": analysis_config, "prefix": job_name[: -len("-2000-01-01-00-00-00-000")]}


def outcome(build: Any) -> Any:
    try:
        return {"result": build()}
    except (ValueError, TypeError, AssertionError, AttributeError) as error:
        return {"error": type(error).__name__}


def ran(method: str, build: Any) -> Any:
    recorder = Recorder()
    getattr(recorder, method)(*build(theirs))
    return recorder.kept


def signature(function: Any) -> list[list[Any]]:
    """Names and defaults, in order."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return [
        [item.name, item.default is item.empty, None if item.default is item.empty else item.default]
        for item in parameters
    ]


def main() -> None:
    golden = {
        "sagemaker": version("sagemaker"),
        "signatures": {name: signature(getattr(theirs, name).__init__) for name in CLASSES}
        | {name: signature(getattr(theirs.SageMakerClarifyProcessor, name)) for name in METHODS},
        "parts": {name: outcome(lambda build=build: build(theirs)) for name, build in PARTS.items()},
        "runs": {
            name: outcome(lambda method=method, build=build: ran(method, build))
            for name, (method, build) in RUNS.items()
        },
    }
    for name, case in golden["parts"].items():
        assert "error" in case or isinstance(case["result"], dict | list | tuple), f"{name} raised nothing"
    GOLDEN.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{GOLDEN}: {len(PARTS)} parts, {len(RUNS)} runs of sagemaker {golden['sagemaker']}")


if __name__ == "__main__":
    main()
