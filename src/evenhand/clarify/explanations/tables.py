"""Tables: Shapley values and partial dependence of a tabular run, as analysis.json and its files hold them."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evenhand.clarify.analysis import Dataset, Explained, Section
from evenhand.clarify.config.analysis_config import AnalysisConfig, Name, ShapConfig
from evenhand.clarify.explanations.aggregation import kernel_shap, ranking
from evenhand.clarify.explanations.baseline import prepared
from evenhand.clarify.explanations.budgets import samples_of
from evenhand.clarify.explanations.dependence import dependence
from evenhand.clarify.explanations.local_files import write_local
from evenhand.clarify.explanations.table_labels import Labels, labels_of
from evenhand.core.errors import DataError, SpecError, suggestion
from evenhand.core.explanation import Explanation
from evenhand.core.writing import write_whole
from evenhand.explaining import Request, explained
from evenhand.explaining.asking import limited
from evenhand.explaining.request import memory_of
from evenhand.models import LoadedModel

Progress = Callable[[str, int, int], None]
# The working place of an explanation, below the output; what is published stands in PUBLISHED.
WORKING = Path(".evenhand") / "explanation"
PUBLISHED = "explanations_shap"


@dataclass(frozen=True)
class Running:
    """How a run goes, apart from what it computes."""

    resume: bool = True
    memory: str | int = "1GB"
    threads: int | None = None
    progress: Progress | None = None


def explain_table(
    config: AnalysisConfig,
    dataset: Dataset,
    model: LoadedModel,
    output: Path,
    *,
    label_names: Sequence[Any] | None = None,
    resume: bool = True,
    memory: str | int = "1GB",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Explained:
    """Explain every row of a table and draw the curves that the configuration asks for.

    Files are written below `output`; an interrupted run goes on from `output/.evenhand`. Raises EvenhandError with one
    line that says what is wrong.
    """
    if not dataset.features or len(dataset.rows) == 0:
        raise DataError("Data must contain features: the dataset has no feature columns, or no rows.")
    running = Running(resume, memory, threads, progress)
    found = Explained({})
    if config.methods.shap is not None:
        found = _attributed(config, dataset, model, output, label_names, running)
    if config.methods.pdp is None:
        return found
    with limited(threads):
        return _with_curves(config, dataset, model, label_names, found, progress)


def named(names: Sequence[Name], dataset: Dataset, key: str) -> list[str]:
    """The features of these names, or of these places among the dataset's columns; each once.

    Raises SpecError for a name or place that is no feature.
    """
    columns = [str(name) for name in dataset.rows.columns]
    found = []
    for name in names:
        known = columns[name] if isinstance(name, int) and 0 <= name < len(columns) else name
        if known not in dataset.features:
            raise SpecError(
                f"Feature names not found. {key} names {name!r}, which is no feature that the model is sent."
                f"{suggestion(str(name), list(dataset.features))}"
            )
        found.append(str(known))
    return list(dict.fromkeys(found))


def _attributed(
    config: AnalysisConfig,
    dataset: Dataset,
    model: LoadedModel,
    output: Path,
    label_names: Sequence[Any] | None,
    running: Running,
) -> Explained:
    shap = config.methods.shap or ShapConfig()
    baseline = prepared(config, shap, dataset.rows[list(dataset.features)])
    request = _request(shap, dataset, baseline.baseline, output, running)
    explanation, job = explained(model, baseline.rows, request, running.progress)
    labels = labels_of(model, dataset, len(explanation.outputs), label_names)
    files = _published(shap, dataset, explanation, labels, output / PUBLISHED, job.baseline)
    section = kernel_shap(explanation, labels, shap.agg_method or "mean_abs")
    return Explained({"kernel_shap": section}, _facts(shap, explanation, request, labels), explanation, files)


def _request(shap: ShapConfig, dataset: Dataset, baseline: Any, output: Path, running: Running) -> Request:
    """Their settings as ours: a forest is read exactly where no number of samples was asked for."""
    held: tuple[str, ...] = ()
    if shap.features_to_explain:
        chosen = named(shap.features_to_explain, dataset, "features_to_explain")
        held = tuple(name for name in dataset.features if name not in chosen)
    samples = samples_of(len(dataset.features) - len(held), shap.num_samples)
    return Request(
        baseline=baseline, features=dataset.features, held=held, budget=max(samples, 2), pooled=False,
        method="auto" if shap.num_samples is None else "regression", seed=shap.seed or 0,
        link="logit" if shap.use_logit else "identity", memory=memory_of(running.memory), threads=running.threads,
        out=output / WORKING, resume=running.resume,
    )  # fmt: skip


def _published(
    shap: ShapConfig, dataset: Dataset, explanation: Explanation, labels: Labels, folder: Path, baseline: Any
) -> tuple[Path, ...]:
    place = folder / "baseline.csv"
    write_whole(place, _as_csv(dataset.features, baseline.rows))
    if not shap.save_local_shap_values:
        return (place,)
    join = None if dataset.join is None else dataset.rows[dataset.join]
    return place, *write_local(explanation, labels, folder, join)


def _as_csv(features: Sequence[str], rows: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(features)
    columns = [
        ["" if gone else value for value, gone in zip(rows[name], rows[name].isna(), strict=True)] for name in features
    ]
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue()


def _facts(shap: ShapConfig, explanation: Explanation, request: Request, labels: Labels) -> Section:
    making = explanation.making
    facts: Section = {
        "method": making.explainer, "agg_method": shap.agg_method or "mean_abs", "link": making.link,
        "num_samples": None if making.explainer == "tree" else request.budget,
        "evaluations_a_row": float(np.mean(explanation.evaluations)), "model_rows": making.model_rows,
        "baseline": making.baseline, "baseline_rows": making.baseline_rows, "seed": making.seed,
        "deterministic": "The same seed gives the same values; no seed is the seed 0.",
        "largest_additivity_gap": making.gap, "seconds": making.seconds, "notes": list(making.notes),
        "standard_errors": _errors(explanation, labels),
    }  # fmt: skip
    if request.held:
        facts["held"] = list(request.held)
        facts["expected_value"] = (
            "The mean, over the rows, of the mean prediction for the baseline with the held features as in the row."
        )
    return facts


def _errors(explanation: Explanation, labels: Labels) -> Section:
    """The standard errors of the mean |φ|, by label and feature; 0 where values are exact."""
    errors = np.abs(labels.signed(explanation.importance_errors))
    return {
        label: dict(zip(explanation.players, errors[:, place].tolist(), strict=True))
        for place, label in enumerate(labels.names)
    }


def _with_curves(
    config: AnalysisConfig,
    dataset: Dataset,
    model: LoadedModel,
    label_names: Sequence[Any] | None,
    found: Explained,
    progress: Progress | None,
) -> Explained:
    pdp = config.methods.pdp
    assert pdp is not None  # noqa: S101 - asked before
    if pdp.features:
        features = named(pdp.features, dataset, "pdp.features")
    elif "kernel_shap" in found.sections:
        features = ranking(found.sections["kernel_shap"])[: pdp.top_k_features]
    else:
        raise SpecError("pdp needs features where shap is not computed; name them under methods.pdp.features.")
    seed = (config.methods.shap.seed if config.methods.shap else None) or 0
    blocks, notes = dependence(
        model, dataset, features, grid_resolution=pdp.grid_resolution, seed=seed, label_names=label_names,
        progress=progress,
    )  # fmt: skip
    facts = {**found.facts, "pdp_notes": notes} if notes else found.facts
    return Explained({**found.sections, "pdp": blocks}, facts, found.explanation, found.files)
