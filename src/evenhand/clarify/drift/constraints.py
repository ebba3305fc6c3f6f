"""Constraints: the metrics, intervals and attributions that an analysis.json holds; a baseline is such a document."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evenhand.core.errors import DataError, UnreadableSource

STAGES = {"pre_training_bias_metrics": "Pre-training", "post_training_bias_metrics": "Post-Training"}
FILE = "analysis.json"
_INFINITIES = {
    "Infinity": math.inf, "-Infinity": -math.inf, "∞": math.inf, "-∞": -math.inf, "inf": math.inf, "-inf": -math.inf,
}  # fmt: skip


@dataclass(frozen=True, order=True)
class MetricKey:
    """One metric of one group of one facet."""

    stage: str
    facet: str
    facet_value: str
    metric: str


@dataclass(frozen=True)
class Reading:
    """What a document says of one metric: a number, ±∞ among them, or None and why."""

    value: float | None
    error: str | None = None


def load_constraints(place: str | Path) -> dict[str, Any]:
    """Read an analysis.json, or the one in a folder.

    Raises UnreadableSource where it cannot be read, and DataError where it is no such document.
    """
    path = Path(place)
    path = path / FILE if path.is_dir() else path
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableSource(f"Cannot read {str(path)!r}: {error.strerror}; give an {FILE} or its folder.") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{str(path)!r} is not JSON ({error}); give the {FILE} of an earlier run.") from None
    return checked(document, str(path))


def checked(document: object, name: str = FILE) -> dict[str, Any]:
    """The document, when it has the shape of analysis.json; raises DataError otherwise."""
    if not isinstance(document, dict):
        raise DataError(f"{name!r} holds a {type(document).__name__}, not an object; give an {FILE}.")
    if not any(key in document for key in (*STAGES, "explanations")):
        raise DataError(f"{name!r} has no bias metrics and no explanations; give the {FILE} of a finished run.")
    bias_readings(document)
    attributions(document)
    return document


def bias_readings(document: Mapping[str, Any]) -> dict[MetricKey, Reading]:
    """Every bias metric of a document; raises DataError where it has another shape."""
    return dict(_readings(document))


def _readings(document: Mapping[str, Any]) -> Iterator[tuple[MetricKey, Reading]]:
    for stage in STAGES:
        section = _object(document.get(stage), stage)
        for facet, groups in _object(section.get("facets"), f"{stage}.facets").items():
            for group in _list(groups, f"{stage}.facets.{facet}"):
                value = str(_object(group, f"{stage}.facets.{facet}").get("value_or_threshold"))
                for metric in _list(group.get("metrics"), f"{stage}.facets.{facet}.metrics"):
                    entry = _object(metric, f"{stage}.facets.{facet}.metrics")
                    yield MetricKey(stage, facet, value, str(entry.get("name"))), _reading(entry)


def _reading(entry: Mapping[str, Any]) -> Reading:
    value, error = number(entry.get("value")), entry.get("error")
    if value is None:
        return Reading(None, str(error) if error else f"its value is {entry.get('value')!r}")
    return Reading(value, str(error) if error else None)


def number(value: object) -> float | None:
    """A number as analysis.json writes it, "Infinity" included; None for anything else, NaN too."""
    if isinstance(value, str):
        return _INFINITIES.get(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return None if math.isnan(value) else float(value)


def labels_of(document: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The label and its favourable values, stage by stage."""
    sections = {stage: _object(document[stage], stage) for stage in STAGES if document.get(stage)}
    return {
        stage: (str(section.get("label")), str(section.get("label_value_or_threshold")))
        for stage, section in sections.items()
    }


def intervals_of(document: Mapping[str, Any]) -> dict[MetricKey, tuple[float, float]]:
    """The intervals under `evenhand.intervals`: stage, facet, value and metric, each with its two ends."""
    extra = document.get("evenhand")
    found = extra.get("intervals") if isinstance(extra, Mapping) else None
    return dict(_intervals(found)) if isinstance(found, Mapping) else {}


def _intervals(stages: Mapping[str, Any]) -> Iterator[tuple[MetricKey, tuple[float, float]]]:
    for stage, facets in stages.items():
        for facet, groups in _object(facets, "evenhand.intervals").items():
            for value, metrics in _object(groups, "evenhand.intervals").items():
                for metric, ends in _object(metrics, "evenhand.intervals").items():
                    low, high = (number(end) for end in ends) if _is_pair(ends) else (None, None)
                    if low is not None and high is not None and low <= high:
                        yield MetricKey(_stage(stage), str(facet), str(value), str(metric)), (low, high)


def _stage(name: str) -> str:
    """Any of pre_training, pre_training_bias and pre_training_bias_metrics, as the last."""
    return next((stage for stage in STAGES if stage.startswith(name)), name)


def attributions(document: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The global Shapley values, label by label; raises DataError where they are no numbers."""
    explanations = _object(document.get("explanations"), "explanations")
    labels = _object(explanations.get("kernel_shap"), "explanations.kernel_shap")
    return {label: _global(label, block) for label, block in labels.items()}


def expected_values(document: Mapping[str, Any]) -> dict[str, float | None]:
    """The expected value of each label that was explained."""
    explanations = _object(document.get("explanations"), "explanations")
    labels = _object(explanations.get("kernel_shap"), "explanations.kernel_shap")
    return {label: number(block.get("expected_value")) for label, block in labels.items()}


def _global(label: str, block: object) -> dict[str, float]:
    where = f"explanations.kernel_shap.{label}.global_shap_values"
    values = _object(_object(block, where).get("global_shap_values"), where)
    found = {str(name): number(value) for name, value in values.items()}
    wrong = [name for name, value in found.items() if value is None or not math.isfinite(value)]
    if wrong:
        raise DataError(f"{where}.{wrong[0]} is {values[wrong[0]]!r}; it must be a finite number.")
    return {name: value for name, value in found.items() if value is not None}


def _object(value: object, where: str) -> Mapping[str, Any]:
    """An object, or an empty one for what is not there."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise DataError(f"{where} is a {type(value).__name__}, not an object; give an {FILE}.")
    return value


def _list(value: object, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise DataError(f"{where} is a {type(value).__name__}, not a list; give an {FILE}.")
    return value


def _is_pair(value: object) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2
