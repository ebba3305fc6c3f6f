"""The config classes of explanations: SHAPConfig, PDPConfig, TextConfig, ImageConfig."""

import copy
import logging
from abc import ABC, abstractmethod
from typing import Any

from evenhand.clarify.config.languages import LANGUAGES
from evenhand.clarify.sdk.errors import InvalidConfig
from evenhand.clarify.sdk.given import given

AGGREGATIONS = ("mean_abs", "median", "mean_sq")
GRANULARITIES = ("token", "sentence", "paragraph")
MODEL_TYPES = ("OBJECT_DETECTION", "IMAGE_CLASSIFICATION")
logger = logging.getLogger(__name__)


class ExplainabilityConfig(ABC):
    """One method of explanation."""

    @abstractmethod
    def get_explainability_config(self) -> dict[str, Any]:
        """The entry of `methods` in analysis_config.json."""


class PDPConfig(ExplainabilityConfig):
    """Which partial dependence curves to compute."""

    def __init__(self, features: list[Any] | None = None, grid_resolution: int = 15, top_k_features: int = 10) -> None:
        self.pdp_config: dict[str, Any] = {
            "grid_resolution": grid_resolution,
            "top_k_features": top_k_features,
            **given(features=features),
        }

    def get_explainability_config(self) -> dict[str, Any]:
        """The entry of `methods` in analysis_config.json."""
        return copy.deepcopy({"pdp": self.pdp_config})


class TextConfig:
    """How text columns fall into units; raises InvalidConfig (a ValueError)."""

    def __init__(self, granularity: str, language: str) -> None:
        if granularity not in GRANULARITIES:
            raise InvalidConfig(f"Invalid granularity {granularity}. Please choose among {list(GRANULARITIES)}")
        known = [name for pair in LANGUAGES.items() for name in reversed(pair)]
        if language not in known:
            raise InvalidConfig(f"Invalid language {language}. Please choose among {known}")
        self.text_config: dict[str, Any] = {"granularity": granularity, "language": language}

    def get_text_config(self) -> dict[str, Any]:
        """The value of text_config in analysis_config.json."""
        return copy.deepcopy(self.text_config)


class ImageConfig:
    """How images are cut into segments; raises InvalidConfig (a ValueError)."""

    def __init__(
        self,
        model_type: str,
        num_segments: int | None = None,
        feature_extraction_method: str | None = None,
        segment_compactness: float | None = None,
        max_objects: int | None = None,
        iou_threshold: float | None = None,
        context: float | None = None,
    ) -> None:
        if model_type not in MODEL_TYPES:
            raise InvalidConfig(
                "Clarify SHAP only supports object detection and image classification methods."
                f" Please set model_type to {' or '.join(MODEL_TYPES)}."
            )
        self.image_config: dict[str, Any] = given(
            model_type=model_type,
            num_segments=num_segments,
            feature_extraction_method=feature_extraction_method,
            segment_compactness=segment_compactness,
            max_objects=max_objects,
            iou_threshold=iou_threshold,
            context=context,
        )

    def get_image_config(self) -> dict[str, Any]:
        """The value of image_config in analysis_config.json."""
        return copy.deepcopy(self.image_config)


class SHAPConfig(ExplainabilityConfig):
    """How Shapley values are computed; raises InvalidConfig (a ValueError)."""

    def __init__(
        self,
        baseline: str | list[Any] | dict[str, Any] | None = None,
        num_samples: int | None = None,
        agg_method: str | None = None,
        use_logit: bool = False,
        save_local_shap_values: bool = True,
        seed: int | None = None,
        num_clusters: int | None = None,
        text_config: TextConfig | None = None,
        image_config: ImageConfig | None = None,
        features_to_explain: list[str | int] | None = None,
    ) -> None:
        if agg_method is not None and agg_method not in AGGREGATIONS:
            raise InvalidConfig(f"Invalid agg_method {agg_method}. Please choose {_either(AGGREGATIONS)}.")
        if num_clusters is not None and baseline is not None:
            raise InvalidConfig("Baseline and num_clusters cannot be provided together. Please specify one of the two.")
        if features_to_explain is not None and (text_config is not None or image_config is not None):
            raise InvalidConfig(
                "`features_to_explain` is not supported for datasets containing text features or images."
            )
        if text_config and not save_local_shap_values:
            logger.warning("Texts are explained row by row; save_local_shap_values=True keeps these explanations.")
        self.shap_config: dict[str, Any] = {
            "use_logit": use_logit,
            "save_local_shap_values": save_local_shap_values,
            **given(
                baseline=baseline,
                num_samples=num_samples,
                agg_method=agg_method,
                seed=seed,
                num_clusters=num_clusters,
                text_config=text_config.get_text_config() if text_config else None,
                image_config=image_config.get_image_config() if image_config else None,
                features_to_explain=features_to_explain,
            ),
        }

    def get_explainability_config(self) -> dict[str, Any]:
        """The entry of `methods` in analysis_config.json."""
        return copy.deepcopy({"shap": self.shap_config})


def _either(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])}, or {names[-1]}"
