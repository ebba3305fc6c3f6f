"""The config classes of data: DataConfig, SegmentationConfig, BiasConfig."""

import copy
from enum import Enum
from typing import Any

from evenhand.clarify.sdk.errors import AmbiguousConfig, InvalidConfig
from evenhand.clarify.sdk.given import given
from evenhand.clarify.sdk.time_series import TimeSeriesDataConfig


class DatasetType(Enum):
    """The formats of data."""

    TEXTCSV = "text/csv"
    JSONLINES = "application/jsonlines"
    JSON = "application/json"
    PARQUET = "application/x-parquet"
    IMAGE = "application/x-image"


class SegmentationConfig:
    """One way of dividing the rows into segments; raises InvalidConfig (a ValueError)."""

    def __init__(
        self,
        name_or_index: str | int,
        segments: list[list[str | int]],
        config_name: str | None = None,
        display_aliases: list[str] | None = None,
    ) -> None:
        if name_or_index is None:
            raise InvalidConfig("`name_or_index` cannot be None")
        if not segments or not isinstance(segments, list) or not all(isinstance(part, list) for part in segments):
            raise InvalidConfig("`segments` must be a list of lists of values or intervals.")
        if display_aliases is not None and len(display_aliases) - len(segments) not in (0, 1):
            raise InvalidConfig(
                "Number of `display_aliases` must equal the number of segments specified or with one additional "
                "default segment display alias."
            )
        self.name_or_index = name_or_index
        self.segments = segments
        self.config_name = config_name
        self.display_aliases = display_aliases

    def to_dict(self) -> dict[str, Any]:
        """The entry of segment_config in analysis_config.json."""
        required = {"name_or_index": self.name_or_index, "segments": self.segments}
        return required | given(config_name=self.config_name or None, display_aliases=self.display_aliases or None)


class DataConfig:
    """Where the data is, what its columns are, and where results go; raises InvalidConfig (a ValueError)."""

    def __init__(
        self,
        s3_data_input_path: str,
        s3_output_path: str,
        s3_analysis_config_output_path: str | None = None,
        label: str | int | None = None,
        headers: list[str] | None = None,
        features: str | None = None,
        dataset_type: str = "text/csv",
        s3_compression_type: str = "None",
        joinsource: str | int | None = None,
        facet_dataset_uri: str | None = None,
        facet_headers: list[str] | None = None,
        predicted_label_dataset_uri: str | None = None,
        predicted_label_headers: list[str] | None = None,
        predicted_label: str | int | None = None,
        excluded_columns: list[int] | list[str] | None = None,
        segmentation_config: list[SegmentationConfig] | None = None,
        time_series_data_config: TimeSeriesDataConfig | None = None,
    ) -> None:
        series = time_series_data_config.get_time_series_data_config() if time_series_data_config else None
        segments = [segment.to_dict() for segment in segmentation_config] if segmentation_config else None
        self.analysis_config: dict[str, Any] = given(
            dataset_type=dataset_type, features=features, headers=headers, label=label,
            joinsource_name_or_index=joinsource, facet_dataset_uri=facet_dataset_uri, facet_headers=facet_headers,
            predicted_label_dataset_uri=predicted_label_dataset_uri, predicted_label_headers=predicted_label_headers,
            predicted_label=predicted_label, excluded_columns=excluded_columns, segment_config=segments,
            time_series_data_config=series,
        )  # fmt: skip
        _check_type(dataset_type, self.analysis_config)
        self.s3_data_input_path = s3_data_input_path
        self.s3_output_path = s3_output_path
        self.s3_analysis_config_output_path = s3_analysis_config_output_path
        self.s3_data_distribution_type = "FullyReplicated"
        self.s3_compression_type = s3_compression_type
        self.label = label
        self.headers = headers
        self.features = features
        self.facet_dataset_uri = facet_dataset_uri
        self.facet_headers = facet_headers
        self.predicted_label_dataset_uri = predicted_label_dataset_uri
        self.predicted_label_headers = predicted_label_headers
        self.predicted_label = predicted_label
        self.excluded_columns = excluded_columns
        self.segmentation_configs = segmentation_config

    def get_config(self) -> dict[str, Any]:
        """The top-level keys of analysis_config.json that describe the data."""
        return copy.deepcopy(self.analysis_config)


def _check_type(dataset_type: str, config: dict[str, Any]) -> None:
    """Whether what was given fits the format of the data."""
    kinds = [kind.value for kind in DatasetType]
    if dataset_type not in kinds:
        raise InvalidConfig(f"Invalid dataset_type '{dataset_type}'. There are: {', '.join(kinds)}.")
    if dataset_type == DatasetType.IMAGE.value:
        _refuse(dataset_type, config, "predicted_label")
        _refuse(dataset_type, config, "excluded_columns")
    if dataset_type != DatasetType.TEXTCSV.value:
        _refuse(dataset_type, config, "facet_dataset_uri", "facet_headers")
        _refuse(dataset_type, config, "predicted_label_dataset_uri", "predicted_label_headers")
    series = bool(config.get("time_series_data_config"))
    if series and dataset_type != DatasetType.JSON.value:
        raise InvalidConfig("Currently time series explainability only supports JSON format data.")
    if dataset_type == DatasetType.JSON.value and "features" not in config and not series:
        raise InvalidConfig("features JMESPath is required for application/json dataset_type")


def _refuse(dataset_type: str, config: dict[str, Any], *keys: str) -> None:
    if any(config.get(key) for key in keys):
        named = " and ".join(f"'{key}'" for key in keys)
        noun, verb = ("parameters", "are") if len(keys) > 1 else ("parameter", "is")
        raise InvalidConfig(f"The {noun} {named} {verb} not supported for dataset_type '{dataset_type}'.")


class BiasConfig:
    """The favourable label values and the sensitive columns; facet values listed are the disadvantaged group.

    Raises InvalidConfig (a ValueError).
    """

    def __init__(
        self,
        label_values_or_threshold: list[int | float | str],
        facet_name: str | int | list[str] | list[int],
        facet_values_or_threshold: Any = None,
        group_name: str | None = None,
    ) -> None:
        facets = _facets(facet_name, facet_values_or_threshold)
        self.analysis_config: dict[str, Any] = {
            "label_values_or_threshold": label_values_or_threshold,
            "facet": facets,
            **given(group_variable=group_name),
        }

    def get_config(self) -> dict[str, Any]:
        """The top-level keys of analysis_config.json that describe the groups."""
        return copy.deepcopy(self.analysis_config)


def _facets(names: Any, values: Any) -> list[dict[str, Any]]:
    if not isinstance(names, list):
        return [given(name_or_index=names, value_or_threshold=values)]
    if not names:
        raise AmbiguousConfig("Please provide at least one facet")
    values = [None] * len(names) if values is None else values
    if len(values) != len(names):
        raise InvalidConfig("The number of facet names doesn't match the number of facet values")
    return [given(name_or_index=name, value_or_threshold=value) for name, value in zip(names, values, strict=True)]
