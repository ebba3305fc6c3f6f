"""Configs: the least that a run of each kind of dataset needs."""

from typing import Any

from evenhand.clarify.config.analysis_config import AnalysisConfig


def config(dataset_type: str = "text/csv", **keys: Any) -> AnalysisConfig:
    return AnalysisConfig.model_validate({"dataset_type": dataset_type, "methods": {}, **keys})
