"""The flow of the published fairness and explainability notebook, on Adult, with its classes and its arguments.

What differs from theirs: the import lines, places on this machine in the place of S3, and a server on this machine in
the place of the endpoint, which is asked as theirs was (CSV in, scores out).
"""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost

from evenhand.clarify import sdk as clarify
from tests.clarify.explanations.posted import posting

COLUMNS = ["age", "education-num", "capital-gain", "capital-loss", "hours-per-week", "sex"]


@pytest.fixture(scope="module")
def adult(real_tables: Path) -> pd.DataFrame:
    """Adult as the notebook prepares it: the target first, everything a number."""
    rows = pd.read_csv(real_tables / "adult.csv", skipinitialspace=True).head(2_000)
    table = rows[COLUMNS].assign(sex=(rows["sex"] == "Male").astype(int))
    table.insert(0, "Target", (rows["income-per-year"].str.strip(". ") == ">50K").astype(int))
    return table


def test_the_notebook_runs(adult: pd.DataFrame, tmp_path: Path) -> None:
    adult.to_csv(tmp_path / "train_data.csv", index=False, header=False)
    booster = xgboost.train(
        {"max_depth": 4, "objective": "binary:logistic", "nthread": 1},
        xgboost.DMatrix(adult[COLUMNS].to_numpy(), adult["Target"].to_numpy()),
        20,
    )

    def invoked(body: bytes) -> bytes:
        rows = pd.read_csv(io.BytesIO(body), header=None).to_numpy(float)
        return "\n".join(f"{score:.9g}" for score in booster.inplace_predict(rows)).encode()

    with posting(invoked, "text/csv") as endpoint:
        _bias(tmp_path, adult, endpoint.url)
        _explainability(tmp_path, adult, endpoint.url, booster)


def _processor() -> clarify.SageMakerClarifyProcessor:
    return clarify.SageMakerClarifyProcessor(
        role="arn:aws:iam::123456789012:role/x", instance_count=1, instance_type="ml.m5.xlarge", sagemaker_session=None
    )


def _model(url: str) -> clarify.ModelConfig:
    return clarify.ModelConfig(endpoint_name=url, accept_type="text/csv", content_type="text/csv")


def _bias(folder: Path, adult: pd.DataFrame, url: str) -> None:
    data = clarify.DataConfig(
        s3_data_input_path=str(folder / "train_data.csv"), s3_output_path=str(folder / "bias"), label="Target",
        headers=adult.columns.to_list(), dataset_type="text/csv",
    )  # fmt: skip
    _processor().run_bias(
        data_config=data,
        bias_config=clarify.BiasConfig(
            label_values_or_threshold=[1], facet_name="sex", facet_values_or_threshold=[0], group_name="education-num"
        ),
        model_config=_model(url),
        model_predicted_label_config=clarify.ModelPredictedLabelConfig(probability_threshold=0.8),
        pre_training_methods="all",
        post_training_methods="all",
    )
    document = json.loads((folder / "bias" / "analysis.json").read_text())
    women = adult["sex"] == 0
    before, after = (
        {metric["name"]: metric["value"] for metric in document[stage]["facets"]["sex"][0]["metrics"]}
        for stage in ("pre_training_bias_metrics", "post_training_bias_metrics")
    )
    shares = adult["Target"].groupby(women).mean()
    assert before["DPL"] == pytest.approx(shares[False] - shares[True])
    assert len(before) == 8 and len(after) == 13
    assert after["DPPL"] is not None and after["DI"] is not None


def _explainability(folder: Path, adult: pd.DataFrame, url: str, booster: xgboost.Booster) -> None:
    features = adult[COLUMNS]
    adult.head(40).to_csv(folder / "few.csv", index=False, header=False)
    data = clarify.DataConfig(
        s3_data_input_path=str(folder / "few.csv"), s3_output_path=str(folder / "explained"), label="Target",
        headers=adult.columns.to_list(), dataset_type="text/csv",
    )  # fmt: skip
    _processor().run_explainability(
        data_config=data,
        model_config=_model(url),
        explainability_config=clarify.SHAPConfig(
            baseline=[features.mean().round(3).tolist()], num_samples=15, agg_method="mean_abs",
            save_local_shap_values=True,
        ),
    )  # fmt: skip
    document = json.loads((folder / "explained" / "analysis.json").read_text())
    (block,) = document["explanations"]["kernel_shap"].values()
    assert set(block["global_shap_values"]) == set(COLUMNS)
    local = pd.read_csv(folder / "explained" / "explanations_shap" / "out.csv")
    scores = booster.inplace_predict(features.head(40).to_numpy(float))
    assert np.allclose(local.sum(axis=1) + block["expected_value"], scores, atol=1e-6)
    assert (folder / "explained" / "report.html").exists()
