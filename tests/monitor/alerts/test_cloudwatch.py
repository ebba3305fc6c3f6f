"""CloudWatch: Model Monitor's names and dimensions, read back from a server that speaks its protocol."""

import math
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.monitor.alerts import Reach, Sent, deliver_due, notify
from evenhand.monitor.alerts.addresses import NotDelivered
from evenhand.monitor.alerts.channels import cloudwatch
from evenhand.stores.store import SQLStore
from tests.monitor.alerts.conftest import DAY, FIRST, after, channel, drift, watched, window
from tests.monitor.alerts.test_channels import HOSTILE, hostile, made


def datum(number: float | None = 0.7, **more: Any) -> list[tuple[str, dict[str, Any]]]:
    told = made([drift(value=number, **more)], state="measured")
    return cloudwatch.metrics(told, {"endpoint": "live", "label": "income", "label_value": "high"})


def test_bias_has_model_monitors_name_and_dimensions() -> None:
    [(namespace, metric)] = datum()
    assert namespace == "aws/sagemaker/Endpoints/bias-metrics"
    assert (metric["MetricName"], metric["Value"]) == ("bias_metric_DI", 0.7)
    assert metric["Dimensions"] == [
        {"Name": "Endpoint", "Value": "live"},
        {"Name": "MonitoringSchedule", "Value": "loans"},
        {"Name": "BiasStage", "Value": "Post-Training"},
        {"Name": "Label", "Value": "income"},
        {"Name": "LabelValue", "Value": "high"},
        {"Name": "Facet", "Value": "sex"},
        {"Name": "FacetValue", "Value": "Female"},
    ]


def test_metrics_of_labels_are_before_training() -> None:
    [(_, metric)] = datum(metric="DPL")
    assert {"Name": "BiasStage", "Value": "Pre-training"} in metric["Dimensions"]


def test_of_batches_there_is_no_endpoint() -> None:
    told = made([drift(value=0.7), drift(value=0.7, kind="attributions", column="age")], state="measured")
    found = cloudwatch.metrics(told, {"endpoint": ""})
    assert [namespace for namespace, _ in found] == [
        "aws/sagemaker/ModelMonitoring/bias-metrics",
        "aws/sagemaker/ModelMonitoring/explainability-metrics",
    ]
    assert {dimension["Name"] for _, metric in found for dimension in metric["Dimensions"]} == {
        "MonitoringSchedule", "BiasStage", "Facet", "FacetValue", "ExplainabilityMethod", "ValueType",
    }  # fmt: skip


def test_attributions_are_features() -> None:
    [(namespace, metric)] = datum(kind="attributions", column="age")
    assert namespace == "aws/sagemaker/Endpoints/explainability-metrics"
    assert metric["MetricName"] == "feature_age"
    assert {"Name": "ValueType", "Value": "GlobalShapValues"} in metric["Dimensions"]


@given(st.floats(allow_nan=True, allow_infinity=True) | st.none())
@settings(deadline=None)
def test_infinities_have_their_number_and_nothing_is_left_out(number: float | None) -> None:
    found = [metric["Value"] for _, metric in datum(number)]
    if number is None or math.isnan(number):
        assert found == []
    elif math.isinf(number):
        assert [f"{value:.6e}" for value in found] == [f"{math.copysign(2.348543e108, number):.6e}"]
        assert abs(found[0]) <= 2.0**360, "CloudWatch refuses more"
    else:
        assert found == [number] or (abs(number) > 2.0**360 or abs(number) < 2.0**-360)
        assert all(value == 0 or 2.0**-360 <= abs(value) <= 2.0**360 for value in found)


@given(st.text(max_size=60) | st.sampled_from(HOSTILE))
@settings(deadline=None)
def test_names_are_what_cloudwatch_takes(text: str) -> None:
    for kind in ("bias", "data", "attributions", "performance"):
        each = hostile(text).model_copy(update={"kind": kind})
        for _, metric in cloudwatch.metrics(made([each], state="measured"), {}):
            texts = [metric["MetricName"], *(dimension["Value"] for dimension in metric["Dimensions"])]
            assert all(0 < len(one) <= 255 and one.isascii() and not one.startswith(":") for one in texts)
            assert all(one.isprintable() for one in texts)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait()


@pytest.mark.slow
def test_they_arrive(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3 = pytest.importorskip("boto3")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    alert = channel("cloudwatch", "eu-west-1", options={"endpoint_url": endpoint})
    told = made([drift(f"DI {number}", group=f"group {number}") for number in range(600)], alert, "measured")
    cloudwatch.send(told, alert, Reach(hosts=frozenset({"127.0.0.1"})))
    client = boto3.client("cloudwatch", region_name="eu-west-1", endpoint_url=endpoint)
    pages = client.get_paginator("list_metrics").paginate(Namespace=cloudwatch.BIAS)
    found = [metric for page in pages for metric in page["Metrics"]]
    assert len(found) == 600
    assert {metric["MetricName"] for metric in found} == {"bias_metric_DI"}


@pytest.mark.slow
def test_what_is_queued_for_a_window_is_read_back_from_its_metrics(
    endpoint: str, store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3 = pytest.importorskip("boto3")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    hook = channel("cloudwatch", "eu-west-1", options={"endpoint_url": endpoint, "endpoint": "live", "label": "income"})
    monitor = watched(store, hook)
    values = {"DI": 0.7, "CDDL": -math.inf, "TE": math.inf, "AD": None, "RD": math.nan}
    outcome = window(0, *(drift(f"{name} sex", metric=name, value=value) for name, value in values.items()))
    notify(outcome, monitor, store, after(0))
    assert deliver_due(store, {}, after(0), reach=Reach(hosts=frozenset({"127.0.0.1"}))) == Sent(delivered=1)
    client = boto3.client("cloudwatch", region_name="eu-west-1", endpoint_url=endpoint)
    pages = client.get_paginator("list_metrics").paginate(Namespace="aws/sagemaker/Endpoints/bias-metrics")
    found = {}
    for metric in (metric for page in pages for metric in page["Metrics"]):
        asked = {
            "Namespace": metric["Namespace"],
            "MetricName": metric["MetricName"],
            "Dimensions": metric["Dimensions"],
        }
        if {"Name": "Endpoint", "Value": "live"} in metric["Dimensions"]:
            [point] = client.get_metric_statistics(
                **asked, StartTime=FIRST, EndTime=FIRST + 2 * DAY, Period=86_400, Statistics=["Sum"]
            )["Datapoints"]
            found[metric["MetricName"]] = f"{point['Sum']:.6e}"
    assert found == {
        "bias_metric_DI": "7.000000e-01", "bias_metric_CDDL": "-2.348543e+108", "bias_metric_TE": "2.348543e+108",
    }  # fmt: skip


def test_an_endpoint_inside_is_refused() -> None:
    alert = channel("cloudwatch", "eu-west-1", options={"endpoint_url": "http://169.254.169.254/"})
    with pytest.raises(NotDelivered, match="do not allow this 'endpoint_url'"):
        cloudwatch.send(made([drift()], alert, "measured"), alert, Reach())


@pytest.mark.parametrize("region", ["", "not a region", "eu-west-1.evil.example/#", "x@evil.example"])
def test_a_region_that_is_none(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    alert = channel("cloudwatch", region)
    with pytest.raises(NotDelivered, match="must be a region, such as eu-west-1"):
        cloudwatch.send(made([drift()], alert, "measured"), alert, Reach())
