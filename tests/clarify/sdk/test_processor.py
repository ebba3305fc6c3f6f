"""The processor and the check step: whole runs on this machine of what people have in their notebooks."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.clarify import sdk as clarify
from evenhand.clarify.sdk.job import COMPLETED, name_from_prefix
from evenhand.core.errors import EvenhandError, SpecError

COLUMNS = ["class-label", "duration", "credit-amount", "age", "existing-credits", "sex", "housing"]


def good(rows: Any) -> Any:
    """A model of two columns: the chance of a good credit."""
    amount, age = np.asarray(rows["credit-amount"], float), np.asarray(rows["age"], float)
    return 1 / (1 + np.exp(amount / 3000 - 2 - age / 40))


@pytest.fixture(scope="module")
def table(real_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("german") / "data.csv"
    pd.read_csv(real_tables / "german_credit.csv")[COLUMNS].head(200).to_csv(file, index=False)
    return file


@pytest.fixture
def processor() -> clarify.SageMakerClarifyProcessor:
    return clarify.SageMakerClarifyProcessor(
        role="arn:aws:iam::123456789012:role/x",
        instance_count=1,
        instance_type="ml.m5.xlarge",
        sagemaker_session=object(),
        models={"credit": good},
    )


def data(table: Path, output: Path, **more: Any) -> clarify.DataConfig:
    return clarify.DataConfig(
        s3_data_input_path=str(table), s3_output_path=str(output), label="class-label", headers=COLUMNS,
        dataset_type="text/csv", excluded_columns=["sex", "housing"], **more,
    )  # fmt: skip


def bias(value: str = "female") -> clarify.BiasConfig:
    return clarify.BiasConfig(label_values_or_threshold=[1], facet_name="sex", facet_values_or_threshold=[value])


MODEL = clarify.ModelConfig(
    model_name="credit", instance_type="ml.m5.xlarge", instance_count=1, accept_type="text/csv", content_type="text/csv"
)
SHAP = clarify.SHAPConfig(num_clusters=1, num_samples=16, agg_method="mean_abs", seed=3)


def read(output: Path) -> Any:
    return json.loads((output / "analysis.json").read_text())


def facet_value(table: Path) -> str:
    return str(pd.read_csv(table)["sex"].iloc[0])


def test_bias_in_labels(table: Path, tmp_path: Path, processor: clarify.SageMakerClarifyProcessor) -> None:
    asked = data(table, tmp_path / "out", s3_analysis_config_output_path=str(tmp_path / "config"))
    processor.run_pre_training_bias(asked, bias(facet_value(table)), methods=["CI", "DPL"], wait=True, logs=False)
    job = processor.latest_job
    assert job is not None
    described = job.describe()
    assert described["ProcessingJobStatus"] == "Completed"
    assert described["ExitMessage"] == COMPLETED
    assert re.fullmatch(r"Clarify-Pretraining-Bias-\d{4}(-\d\d){5}-\d{3}", job.job_name)
    assert described["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] == str(tmp_path / "out")
    written = json.loads((tmp_path / "config" / "analysis_config.json").read_text())
    assert written == job.config
    assert not (tmp_path / "out" / "analysis_config.json").exists()
    metrics = read(tmp_path / "out")["pre_training_bias_metrics"]["facets"]["sex"][0]["metrics"]
    assert {metric["name"] for metric in metrics} == {"CI", "DPL"}
    assert job.analysis is not None


@pytest.mark.parametrize(("prefix", "expected"), [(None, "Clarify-Bias-And-Explainability-"), ("mine", "mine-")])
def test_everything_by_a_model_of_ones_own(
    table: Path, tmp_path: Path, processor: clarify.SageMakerClarifyProcessor, prefix: str | None, expected: str
) -> None:
    processor.job_name_prefix = prefix
    processor.run_bias_and_explainability(
        data_config=data(table, tmp_path), model_config=MODEL, explainability_config=SHAP,
        bias_config=bias(facet_value(table)), pre_training_methods=["DPL"], post_training_methods=["DPPL", "DI"],
        model_predicted_label_config=clarify.ModelPredictedLabelConfig(probability_threshold=0.5),
    )  # fmt: skip
    found = read(tmp_path)
    [explained] = found["explanations"]["kernel_shap"].values()
    assert set(explained["global_shap_values"]) == {"duration", "credit-amount", "age", "existing-credits"}
    assert {"pre_training_bias_metrics", "post_training_bias_metrics"} <= found.keys()
    assert processor.latest_job is not None
    assert processor.latest_job.job_name.startswith(expected)


def test_failures_are_the_jobs(table: Path, tmp_path: Path, processor: clarify.SageMakerClarifyProcessor) -> None:
    nowhere = table.parent / "nowhere.csv"
    with pytest.raises(EvenhandError):
        processor.run_pre_training_bias(data(nowhere, tmp_path), bias(), job_name="one")
    processor.run_pre_training_bias(data(nowhere, tmp_path), bias(), job_name="two", wait=False)
    assert [job.job_name for job in processor.jobs] == ["one", "two"]
    for job in processor.jobs:
        assert job.describe()["ProcessingJobStatus"] == "Failed"
        assert "nowhere.csv" in job.describe()["FailureReason"]
        with pytest.raises(EvenhandError):
            job.wait()


def test_a_wrong_config_is_turned_away_before_anything_is_written(
    table: Path, tmp_path: Path, processor: clarify.SageMakerClarifyProcessor
) -> None:
    wrong = clarify.BiasConfig([1], "sex", [["female"]])
    with pytest.raises(SpecError, match="schema validation error"):
        processor.run_pre_training_bias(data(table, tmp_path / "out"), wrong)
    assert processor.latest_job is None
    assert not (tmp_path / "out").exists()


def test_run_refuses(processor: clarify.SageMakerClarifyProcessor) -> None:
    with pytest.raises(NotImplementedError, match="run_pre_training_bias"):
        processor.run()


def test_names_are_no_longer_than_allowed() -> None:
    name = name_from_prefix("x" * 100, datetime(2024, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC))
    assert len(name) == 63
    assert name.endswith("x-2024-01-02-03-04-05-678")


def step(table: Path, output: Path, value: str, **more: Any) -> clarify.ClarifyCheckStep:
    check = clarify.DataBiasCheckConfig(data_config=data(table, output), data_bias_config=bias(value), methods=["DPL"])
    return clarify.ClarifyCheckStep("check", check, clarify.CheckJobConfig(role="role"), **more)


def test_a_pipeline_registers_checks_and_fails(table: Path, tmp_path: Path) -> None:
    group, value = str(tmp_path / "group"), facet_value(table)
    first = step(
        table, tmp_path / "1", value, skip_check=True, register_new_baseline=True, model_package_group_name=group
    )
    assert first.run().status == "Succeeded"
    assert first.properties["CalculatedBaselineConstraints"] == str(tmp_path / "1" / "analysis.json")
    second = step(table, tmp_path / "2", value, model_package_group_name=group)
    assert second.run().status == "Succeeded"
    assert second.properties["BaselineUsedForDriftCheckConstraints"] == f"{group}/analysis.json"
    rows = pd.read_csv(table)
    rows.loc[rows["sex"] == value, "class-label"] = 2
    rows.to_csv(tmp_path / "worse.csv", index=False)
    third = step(tmp_path / "worse.csv", tmp_path / "3", value, model_package_group_name=group)
    outcome = third.run()
    assert outcome.status == "Failed"
    assert [violation.metric_name for violation in outcome.violations] == ["DPL"]
    assert (tmp_path / "3" / "constraint_violations.json").exists()


def test_a_check_of_explanations(table: Path, tmp_path: Path) -> None:
    check = clarify.ModelExplainabilityCheckConfig(data(table, tmp_path), MODEL, SHAP)
    made = clarify.ClarifyCheckStep(
        "check", check, clarify.CheckJobConfig(role="role"), skip_check=True, register_new_baseline=True
    )
    assert made.run(models={"credit": good}).violations_file is None
    assert "explanations" in read(tmp_path)


def test_a_check_of_nothing_known() -> None:
    with pytest.raises(RuntimeError, match="DataBiasCheckConfig"):
        clarify.ClarifyCheckStep("x", object(), clarify.CheckJobConfig(role="r"))  # type: ignore[arg-type]
