"""Documents: small analysis.json that tests compare."""

from typing import Any


def document(
    metrics: dict[str, Any] | None = None,
    shap: dict[str, float] | None = None,
    *,
    intervals: dict[str, list[Any]] | None = None,
    label: str = "1",
) -> dict[str, Any]:
    """Post-training metrics of sex=0, and the attributions of one label."""
    found: dict[str, Any] = {"version": "1.0"}
    if metrics is not None:
        listed = [{"name": name, "description": name, **_value(value)} for name, value in metrics.items()]
        groups = {"sex": [{"value_or_threshold": "0", "metrics": listed}]}
        found["post_training_bias_metrics"] = {"label": "y", "label_value_or_threshold": label, "facets": groups}
    if shap is not None:
        found["explanations"] = {"kernel_shap": {"label0": {"global_shap_values": shap, "expected_value": 0.5}}}
    if intervals is not None:
        found["evenhand"] = {"intervals": {"post_training_bias_metrics": {"sex": {"0": intervals}}}}
    return found


def _value(value: Any) -> dict[str, Any]:
    return {"value": None, "error": value} if isinstance(value, str) and value != "Infinity" else {"value": value}
