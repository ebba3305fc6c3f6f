"""AnalysisConfig: every key of analysis_config.json, in all shapes that Clarify's documents or validator accept."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Cell = bool | int | float | str | None
Name = int | str  # a column by its name (or JMESPath) or its place


def _listed(value: object) -> object:
    return value if isinstance(value, (list, tuple)) or value is None else (value,)


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


Cells = Annotated[
    tuple[Cell, ...], BeforeValidator(_listed, json_schema_input_type=tuple[Cell, ...] | bool | int | float | str)
]
Names = Annotated[tuple[Name, ...], BeforeValidator(_listed, json_schema_input_type=tuple[Name, ...] | Name)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=tuple[str, ...] | str)]
DatasetType = Annotated[
    Literal[
        "text/csv",
        "application/jsonlines",
        "application/json",
        "application/x-parquet",
        "application/x-image",
        "application/sagemakercapturejson",
    ],
    BeforeValidator(_lower),
]


class Keys(BaseModel):
    """The keys of one object; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class FacetConfig(Keys):
    """One sensitive column. The values listed are the disadvantaged group; numbers above a single one are."""

    name_or_index: Name = Field(description="The column, by name or place.")
    value_or_threshold: Cells | None = Field(
        default=None, description="Values of the disadvantaged group, or one exclusive lower bound of a number."
    )


class SegmentConfig(Keys):
    """One way of dividing the rows into segments that are analysed apart; the rest is the segment __default__."""

    name_or_index: Name = Field(description="The column, by name or place.")
    segments: tuple[Cells, ...] = Field(description="Lists of values, or of ranges such as [1, 4] or (2, 5].")
    config_name: str | None = Field(default=None, description="What this division is called.")
    display_aliases: Texts | None = Field(default=None, description="What the segments are called, in order.")


class TimeSeriesDataConfig(Keys):
    """Where the parts of series stand in a JSON dataset."""

    target_time_series: Name = Field(description="The target series (JMESPath).")
    item_id: Name = Field(description="The identifier of each series (JMESPath).")
    timestamp: Name = Field(description="The times (JMESPath).")
    related_time_series: Names | None = Field(default=None, description="Related series (JMESPaths).")
    static_covariates: Names | None = Field(default=None, description="Static covariates (JMESPaths).")
    dataset_format: Annotated[
        Literal["columns", "item_records", "timestamp_records"] | None, BeforeValidator(_lower)
    ] = Field(default=None, description="How the document is laid out.")


class MetricsConfig(Keys):
    """Which bias metrics to compute."""

    methods: Literal["all"] | Texts = Field(default="all", description='"all", or codes such as DPL and DI.')


class TextConfig(Keys):
    """How text columns fall into units."""

    granularity: Annotated[Literal["token", "sentence", "paragraph"], BeforeValidator(_lower)] = Field(
        description="The unit."
    )
    language: str = Field(description="The language, by name or ISO code, such as english or en.")
    max_top_tokens: int = Field(default=50, ge=1, description="How many of the most important units to list.")


class DebugConfig(Keys):
    """Which images and classes to explain."""

    image_names: Texts | None = None
    class_ids: tuple[int, ...] | None = None
    sample_from: int | None = None
    sample_to: int | None = None


class ImageConfig(Keys):
    """How images are cut into segments, and which detections are explained."""

    model_type: Annotated[Literal["IMAGE_CLASSIFICATION", "OBJECT_DETECTION"], BeforeValidator(_upper)] = Field(
        description="What the model does."
    )
    num_segments: int = Field(default=20, ge=1, description="About how many segments.")
    segment_compactness: float = Field(default=5, gt=0, description="How compact segments are.")
    feature_extraction_method: Literal["segmentation"] = "segmentation"
    max_objects: int = Field(default=3, ge=1, description="The most boxes to explain, by score.")
    iou_threshold: float = Field(default=0.5, ge=0, le=1, description="Overlap from which a box counts as found again.")
    context: float = Field(default=1.0, ge=0, le=1, description="How much outside a box stays: 0 nothing, 1 all.")
    debug: DebugConfig | None = None


class ShapConfig(Keys):
    """How Shapley values are computed."""

    baseline: Any = Field(default=None, description="Rows, or the place of a file of rows, that stand for absence.")
    num_clusters: int | None = Field(default=None, ge=1, description="Cluster centres used as the baseline.")
    num_samples: int | None = Field(default=None, ge=1, description="Coalitions a row; by default min(2M+2048, 2^M−2).")
    use_logit: bool = Field(default=False, description="Whether to explain log odds.")
    agg_method: Annotated[Literal["mean_abs", "median", "mean_sq"], BeforeValidator(_lower)] | None = Field(
        default=None, description="How rows are summed up; by default mean_abs."
    )
    save_local_shap_values: bool = Field(default=False, description="Whether to write each row's values.")
    seed: int | None = Field(default=None, description="The seed of everything random.")
    features_to_explain: Names | None = Field(default=None, description="Only these; the others stay as they are.")
    text_config: TextConfig | None = None
    image_config: ImageConfig | None = None


class PdpConfig(Keys):
    """Which partial dependence curves to compute."""

    features: Names | None = Field(default=None, description="The features; by default the most important ones.")
    grid_resolution: int = Field(default=15, ge=1, description="Buckets of a number.")
    top_k_features: int = Field(default=10, ge=1, description="How many of the most important features.")


class ReportConfig(Keys):
    """The report's file name and title."""

    name: str = Field(default="report", description="The file name without ending.")
    title: str = Field(default="SageMaker Analysis Report", description="The title.")


class AsymmetricConfig(Keys):
    """How asymmetric Shapley values of series are computed."""

    direction: Annotated[Literal["chronological", "anti_chronological", "bidirectional"], BeforeValidator(_lower)] = (
        "chronological"
    )
    granularity: Annotated[Literal["timewise", "fine_grained"], BeforeValidator(_lower)] = "timewise"
    num_samples: int | None = Field(default=None, ge=1, description="Coalitions a step; only for fine_grained.")
    baseline: Any = Field(default=None, description="The place of a file, or what each part holds when absent.")


class Methods(Keys):
    """What to compute."""

    pre_training_bias: MetricsConfig | None = None
    post_training_bias: MetricsConfig | None = None
    shap: ShapConfig | None = None
    pdp: PdpConfig | None = None
    report: ReportConfig | None = None
    asymmetric_shapley_value: AsymmetricConfig | None = None


class ForecastConfig(Keys):
    """Where the forecast stands in a reply."""

    forecast: str = Field(description="JMESPath of the horizon.")


ContentType = Annotated[str, BeforeValidator(_lower)]


class PredictorConfig(Keys):
    """Which model is asked, and how."""

    model_name: str | None = Field(default=None, description="A model by name: a file, a URL, or one handed over.")
    initial_instance_count: int | None = None
    instance_type: str | None = None
    endpoint_name: str | None = Field(default=None, description="A running endpoint: a URL.")
    endpoint_name_prefix: str | None = None
    accelerator_type: str | None = None
    target_model: str | None = Field(default=None, description="The model of a multi-model endpoint.")
    custom_attributes: str | None = Field(default=None, max_length=1024)
    content_type: ContentType | None = None
    accept_type: ContentType | None = None
    content_template: str | dict[str, str] | None = None
    record_template: str | None = None
    label: Name | None = Field(default=None, description="Where the predicted label stands in a reply.")
    probability: Name | None = Field(default=None, description="Where the scores stand in a reply.")
    label_headers: Cells | None = Field(default=None, description="The classes, in the order of the scores.")
    time_series_predictor_config: ForecastConfig | None = None


class AnalysisConfig(Keys):
    """What one run computes, of which data and model."""

    version: str | None = None
    dataset_type: DatasetType = Field(description="The format of the data.")
    dataset_uri: str | None = Field(default=None, description="Where the data is, if not in the input folder.")
    headers: Texts | None = Field(default=None, description="The columns' names, in order.")
    label: Name | None = Field(default=None, description="The column of true outcomes.")
    predicted_label: Name | None = Field(default=None, description="The column of predicted outcomes.")
    features: str | None = Field(default=None, description="JSON and JSON Lines: JMESPath of the features.")
    label_values_or_threshold: Cells | None = Field(
        default=None, description="The favourable values, or one exclusive lower bound of a number."
    )
    probability_threshold: float = Field(default=0.5, description="Scores above it are positive predictions.")
    facet: tuple[FacetConfig, ...] | None = Field(default=None, description="The sensitive columns.")
    facet_dataset_uri: str | None = None
    facet_headers: Texts | None = None
    predicted_label_dataset_uri: str | None = None
    predicted_label_headers: Texts | None = None
    joinsource_name_or_index: Name | None = Field(default=None, description="The column that datasets are joined by.")
    excluded_columns: Names | None = Field(default=None, description="Columns that the model is not sent.")
    group_variable: Name | None = Field(default=None, description="The stratum of CDDL and CDDPL.")
    segment_config: tuple[SegmentConfig, ...] | None = None
    time_series_data_config: TimeSeriesDataConfig | None = None
    methods: Methods
    predictor: PredictorConfig | None = None
