"""CloudWatch metrics: the names, dimensions and values that the monitor would have published, as plain dictionaries."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from evenhand.clarify.drift.constraints import (
    STAGES,
    attributions,
    bias_readings,
    expected_values,
    labels_of,
)

LARGEST = 2.348543e108  # stands for ∞, which CloudWatch does not take
BIAS_NAMESPACE = "aws/sagemaker/ModelMonitoring/bias-metrics"
EXPLAINABILITY_NAMESPACE = "aws/sagemaker/ModelMonitoring/explainability-metrics"


def cloudwatch_metrics(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The metrics of an analysis.json in CloudWatch's shape; those without a value are left out.

    The dimensions Endpoint and MonitoringSchedule are the caller's to add. Raises DataError where the document has
    another shape.
    """
    return [*_bias(document), *_explanations(document)]


def _bias(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    labels = labels_of(document)
    for key, reading in bias_readings(document).items():
        if reading.value is None or reading.error:
            continue
        label, label_value = labels[key.stage]
        dimensions = {
            "BiasStage": STAGES[key.stage], "Label": label, "LabelValue": label_value,
            "Facet": key.facet, "FacetValue": key.facet_value,
        }  # fmt: skip
        yield _metric(BIAS_NAMESPACE, f"bias_metric_{key.metric}", reading.value, dimensions)


def _explanations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    expected = expected_values(document)
    for label, values in attributions(document).items():
        dimensions = {"ExplainabilityMethod": "KernelShap", "Label": label}
        for feature, value in values.items():
            named = {**dimensions, "ValueType": "GlobalShapValues"}
            yield _metric(EXPLAINABILITY_NAMESPACE, f"feature_{feature}", value, named)
        mean = expected.get(label)
        if mean is not None:
            named = {**dimensions, "ValueType": "ExpectedValue"}
            yield _metric(EXPLAINABILITY_NAMESPACE, "ExpectedValue", mean, named)


def _metric(namespace: str, name: str, value: float, dimensions: dict[str, str]) -> dict[str, Any]:
    return {
        "Namespace": namespace,
        "MetricName": name,
        "Value": math.copysign(LARGEST, value) if math.isinf(value) else value,
        "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
    }
