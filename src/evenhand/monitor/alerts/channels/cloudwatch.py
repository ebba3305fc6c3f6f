"""CloudWatch: measurements under Model Monitor's names and dimensions, through boto3."""

import math
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from evenhand.core.monitor import Alert
from evenhand.core.visible import visible
from evenhand.metrics import registered
from evenhand.monitor.alerts.addresses import NotDelivered, Reach, missing, port_of, url
from evenhand.monitor.alerts.message import Entry, Message

# 2.348543e108, which stands for ∞ in Model Monitor's documents, is this in seven digits; what is larger is refused.
LARGEST = 2.0**360
# Of an endpoint; of batches, where there is none, the part in the middle is another.
BIAS = "aws/sagemaker/Endpoints/bias-metrics"
EXPLAINABILITY = "aws/sagemaker/Endpoints/explainability-metrics"
DATA = "aws/sagemaker/Endpoints/data-metrics"
_OF_BATCHES = ("/Endpoints/", "/ModelMonitoring/")
MOST_AT_ONCE = 500
MOST_DIMENSION = 255


def metrics(told: Message, options: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """The namespace and datum of every measurement that has a value."""
    return [(namespace, datum) for one in told.entries for namespace, datum in _metrics(told, one, options)]


def _metrics(told: Message, one: Entry, options: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    if one.value is not None and not math.isnan(one.value):
        namespace, name, own = _place(one, options)
        endpoint = options.get("endpoint", told.monitor).strip()
        namespace = namespace if endpoint else namespace.replace(*_OF_BATCHES)
        schedule = {"Endpoint": endpoint, "MonitoringSchedule": told.monitor}
        yield options.get("namespace", namespace), _datum(told, name, one.value, {**schedule, **own})


def _place(one: Entry, options: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
    """Namespace, metric name and dimensions, as Model Monitor has them."""
    label = {"Label": options.get("label", ""), "LabelValue": options.get("label_value", "")}
    if one.kind == "bias":
        known = registered().get(one.metric)
        stage = "Pre-training" if known is not None and known.stage == "labels" else "Post-Training"
        return BIAS, f"bias_metric_{one.metric}", {
            "BiasStage": stage, **label, "Facet": one.facet or "", "FacetValue": one.group or "",
        }  # fmt: skip
    if one.kind == "attributions":
        shap = {"ExplainabilityMethod": "KernelShap", "Label": label["Label"], "ValueType": "GlobalShapValues"}
        return EXPLAINABILITY, f"feature_{one.column or one.metric}", shap
    if one.kind == "data":
        return DATA, f"feature_baseline_drift_{one.column or one.metric}", {"FacetValue": one.group or ""}
    return DATA, f"{one.kind}_{one.metric}", {"Facet": one.facet or "", "FacetValue": one.group or ""}


def _datum(told: Message, name: str, value: float, dimensions: Mapping[str, str]) -> dict[str, Any]:
    return {
        "MetricName": _plain(name), "Timestamp": told.ended, "Unit": "None",
        "Value": max(-LARGEST, min(LARGEST, value)) if abs(value) > 1 / LARGEST else 0.0,
        "Dimensions": [{"Name": key, "Value": _plain(text)} for key, text in dimensions.items() if text.strip()],
    }  # fmt: skip


def _plain(text: str) -> str:
    """ASCII of bounded length that does not begin with a colon, as CloudWatch asks."""
    ascii_text = visible(text).encode("ascii", "backslashreplace").decode()
    return ascii_text[:MOST_DIMENSION].lstrip(":") or "-"


def send(told: Message, channel: Alert, reach: Reach) -> None:
    """Put the metrics; the address is a region, such as eu-west-1; raises NotDelivered."""
    found = metrics(told, channel.options)
    for namespace in sorted({namespace for namespace, _ in found}):
        data = [datum for place, datum in found if place == namespace]
        for start in range(0, len(data), MOST_AT_ONCE):
            _put(_client(channel, reach), namespace, data[start : start + MOST_AT_ONCE])


def _client(channel: Alert, reach: Reach) -> Any:
    try:
        boto3, botocore = import_module("boto3"), import_module("botocore.exceptions")
        config = import_module("botocore.config")
    except ImportError:
        raise missing("Sending to CloudWatch", "boto3", "cloudwatch") from None
    settings = config.Config(
        connect_timeout=3, read_timeout=5, retries={"max_attempts": 0, "mode": "standard"}, proxies={}
    )
    try:
        return boto3.client(
            "cloudwatch", region_name=channel.address or None, config=settings, endpoint_url=_endpoint(channel, reach)
        )
    except (botocore.BotoCoreError, ValueError):
        raise NotDelivered("CloudWatch's address must be a region, such as eu-west-1.", again=False) from None


def _endpoint(channel: Alert, reach: Reach) -> str | None:
    """An address other than Amazon's, which the settings must allow."""
    given = channel.options.get("endpoint_url")
    if given is not None:
        parts = url(given)
        if not reach.allows(str(parts.hostname), port_of(parts)):
            raise NotDelivered("The server's settings do not allow this 'endpoint_url'.")
    return given


def _put(client: Any, namespace: str, data: list[dict[str, Any]]) -> None:
    errors = import_module("botocore.exceptions")
    try:
        client.put_metric_data(Namespace=namespace, MetricData=data)
    except errors.ClientError as error:
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
        throttled = "Throttl" in error.response.get("Error", {}).get("Code", "") or status == 429
        raise NotDelivered(f"CloudWatch answered {status}.", again=throttled or status >= 500) from None
    except errors.BotoCoreError as error:
        raise NotDelivered(f"CloudWatch cannot be asked: {type(error).__name__}.") from None
