"""Configs and datasets of bias tests, written shortly."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from evenhand.clarify.analysis import Dataset, Section
from evenhand.clarify.bias.catalogue import POST, PRE
from evenhand.clarify.config.analysis_config import AnalysisConfig

Facets = Mapping[str, list[Any] | list[str] | list[int] | None]


def config_of(
    label: str, wanted: Any, facets: Facets, *, stratum: str | None = None, post: bool = True, pre: bool = True,
    methods: Any = "all",
) -> AnalysisConfig:  # fmt: skip
    """A config that asks for bias."""
    asked: dict[str, Any] = {}
    if pre:
        asked["pre_training_bias"] = {"methods": methods}
    if post:
        asked["post_training_bias"] = {"methods": "all" if pre else methods}
    return AnalysisConfig.model_validate(
        {
            "dataset_type": "text/csv", "label": label, "label_values_or_threshold": wanted, "methods": asked,
            "facet": [{"name_or_index": name, "value_or_threshold": values} for name, values in facets.items()],
            "group_variable": stratum,
        }
    )  # fmt: skip


def dataset_of(
    rows: pd.DataFrame, label: str, facets: Facets, *, stratum: str | None = None, predicted: str | None = "predicted"
) -> Dataset:
    """The rows, and what each column is for."""
    present = predicted if predicted in rows else None
    features = tuple(str(name) for name in rows if name not in (label, present))
    return Dataset(rows, features, label=label, predicted_label=present, facets=tuple(facets), group_variable=stratum)


def values_of(sections: Section, stage: str, facet: str, group: str) -> dict[str, Any]:
    """The values of a group by metric."""
    for each in sections[stage]["facets"][facet]:
        if each["value_or_threshold"] == group:
            return {metric["name"]: metric["value"] for metric in each["metrics"]}
    raise AssertionError(f"{facet} has no group {group}")


def counted(d: tuple[int, int, int, int], a: tuple[int, int, int, int]) -> pd.DataFrame:
    """Rows with this many TP, FP, FN and TN in the group d and in the rest a."""
    rows: list[tuple[str, int, int]] = []
    for name, (tp, fp, fn, tn) in (("d", d), ("a", a)):
        rows += [(name, 1, 1)] * tp + [(name, 0, 1)] * fp + [(name, 1, 0)] * fn + [(name, 0, 0)] * tn
    return pd.DataFrame(rows, columns=["group", "label", "predicted"])


STAGES = {"pre_training": PRE, "post_training": POST}
