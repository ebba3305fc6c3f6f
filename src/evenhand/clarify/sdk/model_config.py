"""The config classes of models: ModelConfig and ModelPredictedLabelConfig."""

import copy
import re
from typing import Any

from evenhand.clarify.sdk.errors import AmbiguousConfig, InvalidConfig, InvalidConfigType
from evenhand.clarify.sdk.given import given
from evenhand.clarify.sdk.time_series import TimeSeriesModelConfig

# Not anchored at its end in the SDK either, so that "ab_$$" passes.
ENDPOINT_NAME_PREFIX_PATTERN = "^[a-zA-Z0-9](-*[a-zA-Z0-9])"
ACCEPT_TYPES = ("text/csv", "application/jsonlines", "application/json")
CONTENT_TYPES = (*ACCEPT_TYPES, "image/jpeg", "image/jpg", "image/png", "application/x-npy")
JSON_TYPES = ("application/json", "application/jsonlines")


class ModelConfig:
    """Which model is asked, and how.

    `model_name` is a name that the processor's `models` knows, a file or an address; so is `endpoint_name`. Raises
    InvalidConfig (a ValueError), or AmbiguousConfig (an AssertionError too) where not exactly one of the two is given.
    """

    def __init__(
        self,
        model_name: str | None = None,
        instance_count: int | None = None,
        instance_type: str | None = None,
        accept_type: str | None = None,
        content_type: str | None = None,
        content_template: str | None = None,
        record_template: str | None = None,
        custom_attributes: str | None = None,
        accelerator_type: str | None = None,
        endpoint_name_prefix: str | None = None,
        target_model: str | None = None,
        endpoint_name: str | None = None,
        time_series_model_config: TimeSeriesModelConfig | None = None,
    ) -> None:
        whole = all([model_name, instance_count, instance_type])
        _check_choice(whole, bool(endpoint_name), bool(endpoint_name_prefix))
        _check_prefix(endpoint_name_prefix)
        series = time_series_model_config is not None
        _check_accept(accept_type, series)
        _check_content(content_type, content_template, record_template)
        if series and content_type is not None and content_type not in JSON_TYPES:
            raise InvalidConfig("``content_type`` must be JSON or JSONLines for time series explainability.")
        named = {"model_name": model_name, "instance_type": instance_type, "initial_instance_count": instance_count}
        self.predictor_config: dict[str, Any] = {"endpoint_name": endpoint_name} if endpoint_name else named
        self.predictor_config |= given(
            endpoint_name_prefix=endpoint_name_prefix or None,
            accept_type=accept_type,
            content_type=content_type,
            content_template=content_template,
            record_template=record_template,
            custom_attributes=custom_attributes,
            accelerator_type=accelerator_type,
            target_model=target_model,
        )
        if time_series_model_config is not None:
            forecast = time_series_model_config.get_time_series_model_config()
            self.predictor_config["time_series_predictor_config"] = forecast

    def get_predictor_config(self) -> dict[str, Any]:
        """The value of predictor in analysis_config.json."""
        return copy.deepcopy(self.predictor_config)


def _check_choice(model: bool, endpoint: bool, prefix: bool) -> None:
    if model == endpoint:
        raise AmbiguousConfig(
            "Give either model_name, instance_count and instance_type together, or endpoint_name, and not both."
        )
    if endpoint and prefix:
        raise AmbiguousConfig("endpoint_name_prefix names a new endpoint; leave it out together with endpoint_name.")


def _check_prefix(prefix: str | None) -> None:
    if prefix and re.search(ENDPOINT_NAME_PREFIX_PATTERN, prefix) is None:
        raise InvalidConfig(f"Invalid endpoint_name_prefix. Please follow pattern {ENDPOINT_NAME_PREFIX_PATTERN}.")


def _check_accept(accept_type: str | None, series: bool) -> None:
    if accept_type is None:
        return
    if accept_type not in ACCEPT_TYPES:
        raise InvalidConfig(f"Invalid accept_type {accept_type}. Please choose among {', '.join(ACCEPT_TYPES)}.")
    if series and accept_type == "text/csv":
        raise InvalidConfig("``accept_type`` must be JSON or JSONLines for time series explainability.")


def _check_content(content_type: str | None, template: str | None, record: str | None) -> None:
    if content_type is None:
        return
    if content_type not in CONTENT_TYPES:
        raise InvalidConfig(f"Invalid content_type {content_type}. Please choose among {', '.join(CONTENT_TYPES)}.")
    if content_type == "application/jsonlines":
        if template is None:
            raise InvalidConfig(f"content_template field is required for content_type {content_type}")
        if "$features" not in template:
            raise InvalidConfig(f"Invalid content_template {template}. Please include a placeholder $features.")
    if content_type == "application/json":
        if template is None or record is None:
            raise InvalidConfig(f"content_template and record_template are required for content_type {content_type}")
        if "$record" not in template:
            raise InvalidConfig(
                f"Invalid content_template {template}. Please include either placeholder $records or $record."
            )


class ModelPredictedLabelConfig:
    """How the predicted label is read from a reply; raises InvalidConfigType (a ValueError and TypeError)."""

    def __init__(
        self,
        label: str | int | None = None,
        probability: str | int | None = None,
        probability_threshold: float | None = None,
        label_headers: list[str] | None = None,
    ) -> None:
        if probability_threshold is not None:
            _check_threshold(probability_threshold)
        self.label = label
        self.probability = probability
        self.probability_threshold = probability_threshold
        self.label_headers = label_headers
        self.predictor_config: dict[str, Any] = given(label=label, probability=probability, label_headers=label_headers)

    def get_predictor_config(self) -> tuple[float | None, dict[str, Any]]:
        """The probability threshold, and what goes into predictor in analysis_config.json."""
        return self.probability_threshold, copy.deepcopy(self.predictor_config)


def _check_threshold(threshold: Any) -> None:
    try:
        float(threshold)
    except (TypeError, ValueError):
        raise InvalidConfigType(
            f"Invalid probability_threshold {threshold}. Please choose one that can be cast to float."
        ) from None
