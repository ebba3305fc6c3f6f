"""The classes of sagemaker.clarify, running on this machine: change the import line, and keep the rest."""

from evenhand.clarify.sdk.check_steps import (
    CheckJobConfig,
    ClarifyCheckStep,
    DataBiasCheckConfig,
    ModelBiasCheckConfig,
    ModelExplainabilityCheckConfig,
)
from evenhand.clarify.sdk.data_config import BiasConfig, DataConfig, DatasetType, SegmentationConfig
from evenhand.clarify.sdk.explainability import ExplainabilityConfig, ImageConfig, PDPConfig, SHAPConfig, TextConfig
from evenhand.clarify.sdk.model_config import ModelConfig, ModelPredictedLabelConfig
from evenhand.clarify.sdk.processor import SageMakerClarifyProcessor
from evenhand.clarify.sdk.time_series import (
    AsymmetricShapleyValueConfig,
    TimeSeriesDataConfig,
    TimeSeriesJSONDatasetFormat,
    TimeSeriesModelConfig,
)

__all__ = [
    "AsymmetricShapleyValueConfig",
    "BiasConfig",
    "CheckJobConfig",
    "ClarifyCheckStep",
    "DataBiasCheckConfig",
    "DataConfig",
    "DatasetType",
    "ExplainabilityConfig",
    "ImageConfig",
    "ModelBiasCheckConfig",
    "ModelConfig",
    "ModelExplainabilityCheckConfig",
    "ModelPredictedLabelConfig",
    "PDPConfig",
    "SHAPConfig",
    "SageMakerClarifyProcessor",
    "SegmentationConfig",
    "TextConfig",
    "TimeSeriesDataConfig",
    "TimeSeriesJSONDatasetFormat",
    "TimeSeriesModelConfig",
]
