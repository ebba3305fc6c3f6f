"""Text files: lines of explanations_shap/out.jsonl, and the sections of analysis.json, of explained texts."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.analysis import Dataset, Section
from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.explanations.journal import json_line, plain
from evenhand.core.writing import write_whole
from evenhand.modalities.text import Span

Part = dict[str, Any]


def unit_of(attribution: NDArray[np.float64], text: str, span: Span) -> Section:
    """One unit of a text: what it owes, what it says, and where it begins, counted in characters."""
    description = {"partial_text": text[span.start : span.end], "start_idx": span.start}
    return {"attribution": attribution.tolist(), "description": description}


def feature_of(name: str, kind: str, attributions: list[Section]) -> Section:
    """One feature of a row in the shape of out.jsonl."""
    return {"feature_name": name, "data_type": kind, "attributions": attributions}


def write_lines(output: Path, parts: Sequence[Part], dataset: Dataset) -> tuple[Path, ...]:
    """Write explanations_shap/out.jsonl, one line a row in the order of the rows."""
    joined = None if dataset.join is None else dataset.rows[dataset.join].tolist()
    lines = []
    for row, part in enumerate(parts):
        line = {"explanations": part["explanations"]}
        if joined is not None:
            line["join_source_value"] = plain(joined[row]) if not isinstance(joined[row], str) else joined[row]
        lines.append(json_line(line) + "\n")
    path = output / "explanations_shap" / "out.jsonl"
    write_whole(path, "".join(lines))
    return (path,)


def sections_of(parts: Sequence[Part], config: AnalysisConfig, names: Sequence[str]) -> Section:
    """For each label the global values, the expected value, and the texts that count for most."""
    shap = config.methods.shap
    method = shap.agg_method if shap is not None else None
    most = shap.text_config.max_top_tokens if shap is not None and shap.text_config is not None else 50
    return {name: _section(parts, place, method or "mean_abs", most) for place, name in enumerate(names)}


def _section(parts: Sequence[Part], output: int, method: str, most: int) -> Section:
    by_feature: dict[str, list[float]] = defaultdict(list)
    by_text: dict[str, list[float]] = defaultdict(list)
    for part in parts:
        for feature in part["explanations"]:
            values = [each["attribution"][output] for each in feature["attributions"]]
            if feature["data_type"] != "free_text":
                by_feature[feature["feature_name"]].append(values[0] if values else 0.0)
                continue
            by_feature[feature["feature_name"]].append(float(np.abs(values).sum()))
            for each, value in zip(feature["attributions"], values, strict=True):
                by_text[each["description"]["partial_text"]].append(abs(value))
    means = {text: float(np.mean(values)) for text, values in by_text.items()}
    top = sorted(means, key=lambda text: -means[text])[:most]
    return {
        "global_shap_values": {name: _aggregated(values, method) for name, values in by_feature.items()},
        "expected_value": float(np.mean([part["base"][output] for part in parts])) if parts else None,
        "global_top_shap_text": {text: means[text] for text in top},
    }


def _aggregated(values: Sequence[float], method: str) -> float:
    array = np.asarray(values)
    if method == "median":
        return float(np.median(array))
    return float(np.mean(np.square(array)) if method == "mean_sq" else np.mean(np.abs(array)))
