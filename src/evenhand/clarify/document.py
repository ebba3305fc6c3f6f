"""analysis.json: their keys as they were, and everything else under the one new key `evenhand`."""

import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from evenhand.clarify.analysis import Analysis, Bias, Dataset, Section

POLARITY = (
    "The values listed under facet, and numbers above a facet's threshold, are the disadvantaged group d; all other "
    "rows are a. A positive DPL says that a is favoured."
)
STAGES = ("pre_training_bias_metrics", "post_training_bias_metrics")


def document_of(analysis: Analysis, dataset: Dataset | None = None) -> Section:
    """The document of a run; infinities are the texts "Infinity" and "-Infinity", nothing is NaN."""
    document: Section = {"version": "1.0"}
    if analysis.bias is not None:
        document |= {stage: analysis.bias.sections[stage] for stage in STAGES if stage in analysis.bias.sections}
    if analysis.explained is not None and analysis.explained.sections:
        document["explanations"] = analysis.explained.sections
    document["evenhand"] = _ours(analysis, dataset)
    return _plain(document)  # type: ignore[no-any-return]


def _ours(analysis: Analysis, dataset: Dataset | None) -> Section:
    ours: Section = {"version": version("evenhand"), "rows": analysis.rows, "rows_dropped": analysis.dropped}
    if analysis.bias is not None:
        ours |= {"facet_polarity": POLARITY} | _of_bias(analysis.bias)
    if analysis.segments:
        ours["segments"] = {name: _of_segment(bias) for name, bias in analysis.segments.items()}
    if analysis.explained is not None and analysis.explained.facts:
        ours["explanations"] = analysis.explained.facts
    if dataset is not None:
        ours["features"] = list(dataset.features)
    if analysis.notes:
        ours["notes"] = list(analysis.notes)
    return ours


def _of_bias(bias: Bias) -> Section:
    found: Section = {"arithmetic": bias.arithmetic}
    if bias.differences:
        found["differences"] = [vars(each) for each in bias.differences]
    if bias.statistics:
        found["statistics"] = bias.statistics
    return found | {"intervals": bias.intervals}


def _of_segment(bias: Bias) -> Section:
    return dict(bias.sections) or dict(bias.statistics)


def _plain(value: Any) -> Any:
    """The value as JSON holds it: mappings, lists, texts, numbers; NaN is null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return _plain(value.tolist()) if hasattr(value, "tolist") else str(value)
