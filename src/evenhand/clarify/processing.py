"""process: one run of an analysis_config.json, from data and model to the files that Clarify wrote."""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evenhand.clarify.analysis import Analysis, Arithmetic, Bias, Dataset, Explained, Section
from evenhand.clarify.bias import bias_of
from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.datasets import read_dataset, segments_of
from evenhand.clarify.document import document_of
from evenhand.clarify.outcomes import labels_like
from evenhand.clarify.pages import write_pages
from evenhand.clarify.predicting import Predictor, predictor_of
from evenhand.clarify.storage import deliver, is_remote
from evenhand.core.errors import EvenhandError, SpecError
from evenhand.core.writing import write_whole

Progress = Callable[[str, int, int], None]

PREDICTED = "predicted_label"
# Where unfinished work is kept, beside the published files.
WORKPLACE = ".evenhand"


def process(
    config: AnalysisConfig,
    data: str | Path | None,
    output: str | Path,
    *,
    model: Any = None,
    arithmetic: Arithmetic = "correct",
    resume: bool = True,
    memory: str = "1GB",
    threads: int | None = None,
    warnings: Sequence[str] = (),
    progress: Progress | None = None,
) -> Analysis:
    """Run what a config asks for and write analysis.json, the report and the explanations to `output`.

    `data` is a file, a folder or an address such as s3://bucket/prefix (None where the config has dataset_uri);
    `output` a folder or an address. `model` is anything `load_model` takes and goes before the config's predictor.
    `arithmetic` is "correct", or "compat" for the numbers of smclarify 0.5. Interrupted explanations go on where they
    stopped when `output` is a folder here and `resume` is true. Raises EvenhandError with one line that says what is
    wrong.
    """
    if is_remote(str(output)):
        with tempfile.TemporaryDirectory(prefix="evenhand-") as temporary:
            found = process(
                config, data, temporary, model=model, arithmetic=arithmetic, memory=memory, threads=threads,
                warnings=warnings, progress=progress,
            )  # fmt: skip
            _relocated(Path(temporary), str(output))
            deliver(Path(temporary), str(output))
        return found
    folder = Path(output)
    if not resume:
        shutil.rmtree(folder / WORKPLACE, ignore_errors=True)
    asked = _Run(config, data, folder, model, arithmetic, memory, threads, tuple(warnings), progress or _silent)
    analysis = asked.analysis()
    write_whole(folder / "analysis.json", json.dumps(analysis.document, indent=1, allow_nan=False) + "\n")
    if config.time_series_data_config is None:
        _, notes = write_pages(analysis, folder)
        analysis = replace(analysis, notes=(*analysis.notes, *notes))
    shutil.rmtree(folder / WORKPLACE, ignore_errors=True)
    return analysis


class _Run:
    """The pieces of one run, each made when it is needed."""

    def __init__(
        self, config: AnalysisConfig, data: str | Path | None, folder: Path, model: Any, arithmetic: Arithmetic,
        memory: str, threads: int | None, warnings: tuple[str, ...], say: Progress,
    ) -> None:  # fmt: skip
        self._config, self._data, self._folder = config, data, folder
        self._model, self._arithmetic = model, arithmetic
        self._memory, self._threads, self._warnings, self._say = memory, threads, warnings, say

    def analysis(self) -> Analysis:
        """What the config asks for, whatever the modality."""
        if self._config.dataset_type == "application/x-image":
            return self._of(self._images(), rows=0)
        if self._config.time_series_data_config is not None:
            return self._of(self._series(), rows=0)
        return self._of_table()

    def _of_table(self) -> Analysis:
        methods = self._config.methods
        self._say("reading", 0, 1)
        dataset = read_dataset(self._config, self._data)
        self._say("reading", 1, 1)
        predictor = self._predictor() if self._model is not None or self._config.predictor is not None else None
        if methods.post_training_bias is not None and dataset.predicted_label is None:
            dataset = self._predicted(dataset, predictor)
        bias, segments = None, {}
        if methods.pre_training_bias is not None or methods.post_training_bias is not None:
            self._say("measuring bias", 0, 1)
            bias = bias_of(self._config, dataset, arithmetic=self._arithmetic)
            segments = self._segments(dataset)
            self._say("measuring bias", 1, 1)
        explained = self._explained(dataset, predictor)
        return self._of(explained, len(dataset.rows), dataset, bias, segments)

    def _of(
        self,
        explained: Explained | None,
        rows: int,
        dataset: Dataset | None = None,
        bias: Bias | None = None,
        segments: Mapping[str, Bias] | None = None,
    ) -> Analysis:
        notes = (*self._warnings, *(dataset.notes if dataset is not None else ()))
        analysis = Analysis(
            config=self._config, document={}, rows=rows, dropped=dataset.dropped if dataset is not None else 0,
            bias=bias, explained=explained, segments=dict(segments or {}), notes=notes,
        )  # fmt: skip
        return replace(analysis, document=document_of(analysis, dataset))

    def _segments(self, dataset: Dataset) -> dict[str, Bias]:
        """The bias of each segment; one that cannot be analysed says why."""
        found = {}
        for name, inside in segments_of(self._config, dataset).items():
            part = replace(dataset, rows=dataset.rows[inside].reset_index(drop=True))
            found[name] = _bias_or_reason(self._config, part, self._arithmetic)
        return found

    def _predictor(self) -> Predictor:
        return predictor_of(self._config, model=self._model)

    def _predicted(self, dataset: Dataset, predictor: Predictor | None) -> Dataset:
        if predictor is None:
            raise SpecError(
                "methods.post_training_bias needs predictions: give predictor, predicted_label,"
                " predicted_label_dataset_uri or a model."
            )
        self._say("asking the model", 0, 1)
        predictions = predictor.predicted(dataset.rows[list(dataset.features)])
        self._say("asking the model", 1, 1)
        labels = predictions.labels
        if dataset.label is not None:
            labels = labels_like(labels, dataset.rows[dataset.label])
        name = PREDICTED if PREDICTED not in dataset.rows else f"{PREDICTED} of the model"
        return replace(dataset, rows=dataset.rows.assign(**{name: labels}), predicted_label=name)

    def _explained(self, dataset: Dataset, predictor: Predictor | None) -> Explained | None:
        methods = self._config.methods
        if methods.shap is None and methods.pdp is None:
            return None
        if predictor is None:
            raise SpecError("methods.shap and methods.pdp ask the model: give predictor, or hand a model over.")
        names = tuple(map(str, predictor.label_headers)) if predictor.label_headers else None
        if methods.shap is not None and methods.shap.text_config is not None:
            from evenhand.clarify.explanations.texts import explain_texts

            return explain_texts(
                self._config, dataset, predictor.model, self._folder, label_names=names, progress=self._say
            )
        from evenhand.clarify.explanations.tables import explain_table

        return explain_table(
            self._config, dataset, predictor.model, self._folder, label_names=names, memory=self._memory,
            threads=self._threads, progress=self._say,
        )  # fmt: skip

    def _images(self) -> Explained:
        from evenhand.clarify.datasets.images import image_files
        from evenhand.clarify.explanations.images import explain_images

        return explain_images(
            self._config, image_files(self._config, self._data), self._model, self._folder, progress=self._say
        )

    def _series(self) -> Explained:
        from evenhand.clarify.explanations.series import explain_series

        return explain_series(self._config, self._data, self._model, self._folder, progress=self._say)


def _relocated(folder: Path, address: str) -> None:
    """Let analysis.json name the address that its files are brought to, not the folder they were made in."""
    file = folder / "analysis.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    section = document.get("explanations", {}).get("asymmetric_shapley_value")
    if section is not None:
        inside = Path(section["explanation_results_path"]).relative_to(folder).as_posix()
        section["explanation_results_path"] = f"{address.rstrip('/')}/{inside}"
        write_whole(file, json.dumps(document, indent=1, allow_nan=False) + "\n")


def _bias_or_reason(config: AnalysisConfig, dataset: Dataset, arithmetic: Arithmetic) -> Bias:
    try:
        return bias_of(config, dataset, arithmetic=arithmetic)
    except EvenhandError as error:
        reason: Section = {"error": str(error), "rows": len(dataset.rows)}
        return Bias(arithmetic, {}, {}, statistics=reason)


def _silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""
