"""Time series: the config classes of their data, their model and their asymmetric Shapley values."""

import copy
from enum import Enum
from typing import Any, Literal

from evenhand.clarify.sdk.errors import InvalidConfig
from evenhand.clarify.sdk.explainability import ExplainabilityConfig
from evenhand.clarify.sdk.given import given

DIRECTIONS = ("chronological", "anti_chronological", "bidirectional")
GRANULARITIES = ("timewise", "fine_grained")
TEMPORAL_BASELINES = ("zero", "mean")


class TimeSeriesJSONDatasetFormat(Enum):
    """How a JSON document of series is laid out.

    `COLUMNS`: one list a column. `ITEM_RECORDS`: one object a series, with its times inside. `TIMESTAMP_RECORDS`: one
    object a series and time.
    """

    COLUMNS = "columns"
    ITEM_RECORDS = "item_records"
    TIMESTAMP_RECORDS = "timestamp_records"


class TimeSeriesDataConfig:
    """Where the parts of series stand: JMESPaths, or places; raises InvalidConfig (a ValueError)."""

    def __init__(
        self,
        target_time_series: str | int,
        item_id: str | int,
        timestamp: str | int,
        related_time_series: list[str] | list[int] | None = None,
        static_covariates: list[str] | list[int] | None = None,
        dataset_format: TimeSeriesJSONDatasetFormat | None = None,
    ) -> None:
        _check_places(target_time_series, item_id, timestamp)
        kind = type(target_time_series)
        for name, listed in (("related_time_series", related_time_series), ("static_covariates", static_covariates)):
            _check_listed(name, listed, kind)
        if kind is str and not isinstance(dataset_format, TimeSeriesJSONDatasetFormat):
            raise InvalidConfig(
                "Please provide a valid dataset format. dataset_format must be a TimeSeriesJSONDatasetFormat."
            )
        if kind is not str and dataset_format:
            raise InvalidConfig("Dataset format should only be provided when data files are JSONs.")
        self.time_series_data_config: dict[str, Any] = given(
            target_time_series=target_time_series,
            item_id=item_id,
            timestamp=timestamp,
            related_time_series=related_time_series or None,
            static_covariates=static_covariates or None,
            dataset_format=dataset_format.value if dataset_format else None,
        )

    def get_time_series_data_config(self) -> dict[str, Any]:
        """The value of time_series_data_config in analysis_config.json."""
        return copy.deepcopy(self.time_series_data_config)


def _check_places(target: object, item_id: object, timestamp: object) -> None:
    # 0 is a place; the SDK refuses it by mistake.
    for value, name in ((target, "a target time series"), (item_id, "an item id"), (timestamp, "a timestamp")):
        if value is None or value == "":
            raise InvalidConfig(f"Please provide {name}.")
    if not isinstance(target, (str, int)):
        raise InvalidConfig("Please provide a string or an int for ``target_time_series``")
    for value, name in ((item_id, "item_id"), (timestamp, "timestamp")):
        if not isinstance(value, type(target)):
            raise InvalidConfig(f"Please provide {type(target)} for ``{name}``")


def _check_listed(name: str, listed: object, kind: type) -> None:
    if not listed:
        return
    if not isinstance(listed, list) or not all(isinstance(value, kind) for value in listed):
        raise InvalidConfig(f"Please provide a list of {kind} for ``{name}``")
    if kind is str and not all(listed):
        raise InvalidConfig(f"Please do not provide empty strings in ``{name}``.")


class TimeSeriesModelConfig:
    """Where the forecast stands in a reply (JMESPath); raises InvalidConfig (a ValueError)."""

    def __init__(self, forecast: str) -> None:
        if not isinstance(forecast, str):
            raise InvalidConfig(
                "Please provide a string JMESPath expression for ``forecast`` to extract the forecast result."
            )
        self.time_series_model_config: dict[str, Any] = {"forecast": forecast}

    def get_time_series_model_config(self) -> dict[str, Any]:
        """The value of time_series_predictor_config in analysis_config.json."""
        return copy.deepcopy(self.time_series_model_config)


class AsymmetricShapleyValueConfig(ExplainabilityConfig):
    """How series are explained; raises InvalidConfig (a ValueError)."""

    def __init__(
        self,
        direction: Literal["chronological", "anti_chronological", "bidirectional"] = "chronological",
        granularity: Literal["timewise", "fine_grained"] = "timewise",
        num_samples: int | None = None,
        baseline: str | dict[str, Any] | None = None,
    ) -> None:
        if direction not in DIRECTIONS:
            raise InvalidConfig(f"Please provide a valid explanation direction from: {', '.join(DIRECTIONS)}")
        if granularity not in GRANULARITIES:
            raise InvalidConfig(f"Please provide a valid granularity from: {', '.join(GRANULARITIES)}")
        _check_samples(direction, granularity, num_samples)
        _check_baseline(baseline)
        self.asymmetric_shapley_value_config: dict[str, Any] = given(
            direction=direction, granularity=granularity, num_samples=num_samples, baseline=baseline
        )

    def get_explainability_config(self) -> dict[str, Any]:
        """The entry of `methods` in analysis_config.json."""
        return copy.deepcopy({"asymmetric_shapley_value": self.asymmetric_shapley_value_config})


def _check_samples(direction: str, granularity: str, num_samples: object) -> None:
    if granularity != "fine_grained":
        if num_samples:
            raise InvalidConfig("``num_samples`` is only used for fine-grained explanations.")
        return
    if not isinstance(num_samples, int):
        raise InvalidConfig("Please provide an integer for ``num_samples``.")
    if direction != "chronological":
        raise InvalidConfig(f"{direction} and {granularity} granularity are not supported together.")


def _check_baseline(baseline: object) -> None:
    if not isinstance(baseline, dict):
        return
    for name in ("target_time_series", "related_time_series"):
        if name in baseline and baseline[name] not in TEMPORAL_BASELINES:
            raise InvalidConfig(
                f"Provided value {baseline[name]} for ``{name}`` is invalid."
                f" Please select one of {list(TEMPORAL_BASELINES)}."
            )
