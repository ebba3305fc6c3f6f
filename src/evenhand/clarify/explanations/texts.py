"""Texts: the units of free text in each row, and the row's other columns, explained as Clarify does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evenhand.clarify.analysis import Dataset, Explained
from evenhand.clarify.config.analysis_config import AnalysisConfig, ShapConfig, TextConfig
from evenhand.clarify.explanations.budgets import evaluations
from evenhand.clarify.explanations.journal import Journal
from evenhand.clarify.explanations.table_labels import Labels, labels_of
from evenhand.clarify.explanations.text_columns import Kinds, absent_rows, kinds_of
from evenhand.clarify.explanations.text_files import feature_of, sections_of, unit_of, write_lines
from evenhand.core.errors import SpecError
from evenhand.core.game import Game
from evenhand.explainers.regression import Regression
from evenhand.explaining.job import Progress
from evenhand.modalities.languages import language_code
from evenhand.modalities.link import Link
from evenhand.modalities.one_row import OneRow
from evenhand.modalities.single import Asking, SingleGame
from evenhand.modalities.text import Span, TextGame
from evenhand.models.loaded import LoadedModel

if TYPE_CHECKING:
    import pandas as pd

WORKING = ".evenhand/texts.jsonl"
Part = dict[str, Any]


def explain_texts(
    config: AnalysisConfig,
    dataset: Dataset,
    model: LoadedModel,
    output: Path,
    *,
    label_names: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Explained:
    """Explain every row's text, unit by unit, beside its other columns.

    Writes `explanations_shap/out.jsonl` below `output` where the config asks for local values. Rows that are finished
    are kept in a working file, so that a run that was killed goes on after them. `label_names` calls the model's
    outputs. Raises SpecError, DataError, ModelError.
    """
    shap, text = _asked(config)
    kinds = kinds_of(dataset)
    absents = absent_rows(config, dataset, kinds)
    names = label_names or (config.predictor.label_headers if config.predictor is not None else None)
    work = _Work(dataset, kinds, absents, model, shap, text, language_code(text.language), names)
    with Journal(output / WORKING, work.about(config)) as journal:
        for row in range(len(dataset.rows)):
            if str(row) not in journal.done:
                journal.add(str(row), work.part(row))
            if progress is not None:
                progress("texts", row + 1, len(dataset.rows))
        parts = [journal.done[str(row)] for row in range(len(dataset.rows))]
        files = write_lines(output, parts, dataset) if shap.save_local_shap_values else ()
        count = len(parts[0]["base"]) if parts else 1
        sections = sections_of(parts, config, work.labels(count).names)
        journal.finish()
    return Explained({"kernel_shap": sections}, work.facts(parts), files=files)


def _asked(config: AnalysisConfig) -> tuple[ShapConfig, TextConfig]:
    shap = config.methods.shap
    if shap is None or shap.text_config is None:
        raise SpecError("methods.shap.text_config is missing; give at least its granularity and language.")
    if shap.features_to_explain is not None:
        raise SpecError("features_to_explain is for tables and cannot stand beside text_config; leave one of them out.")
    return shap, shap.text_config


@dataclass(frozen=True, eq=False)
class _Work:
    """Everything that one row's explanation needs."""

    dataset: Dataset
    kinds: Kinds
    absents: Sequence[dict[str, Any]]
    model: LoadedModel
    shap: ShapConfig
    text: TextConfig
    language: str
    names: Sequence[Any] | None

    def labels(self, count: int) -> Labels:
        """The labels of a model with this many outputs."""
        return labels_of(self.model, self.dataset, count, self.names)

    def about(self, config: AnalysisConfig) -> Part:
        """What the working file must be about to be of use: the settings and the very rows."""
        import pandas as pd

        shown = self.dataset.rows.loc[:, list(self.dataset.features)].astype("string")
        rows = int(pd.util.hash_pandas_object(shown, index=False).to_numpy().sum()) if len(shown) else 0
        predictor = config.predictor.model_dump(mode="json") if config.predictor is not None else None
        return {
            "shap": self.shap.model_dump(mode="json"), "features": self.dataset.features, "rows": rows,
            "absent": list(self.absents), "count": len(shown), "model": self.model.name, "predictor": predictor,
        }  # fmt: skip

    def part(self, row: int) -> Part:
        """One row: its features with their attributions, and the model's answer where everything is absent.

        With several baseline rows Shapley values are the mean of those against each.
        """
        own = self.dataset.rows.loc[:, list(self.dataset.features)].iloc[[row]].reset_index(drop=True)
        found = [self._against(own, row, absent) for absent in self.absents]
        first = found[0][0]
        values = np.mean([values for _, values, _ in found], axis=0)
        base = np.mean([base for _, _, base in found], axis=0)
        labels = self.labels(len(base))
        values, base = labels.signed(values), (labels.signed if self.shap.use_logit else labels.answers)(base)
        features = [self._feature(own, name, first, values) for name in self.dataset.features]
        return {"explanations": features, "base": base.tolist()}

    def _against(self, own: "pd.DataFrame", row: int, absent: dict[str, Any]) -> tuple[Sequence[Span], Any, Any]:
        spans, game = self._game(own, absent)
        if game is None:
            base = self.model.values(own)[0]
            return spans, np.zeros((0, len(base))), base
        seed = (self.shap.seed or 0) + row
        found = Regression(budget=evaluations(self.shap.num_samples, len(spans))).explain(game, np.arange(1), seed)
        return spans, found.values[0], found.base[0]

    def _game(self, own: "pd.DataFrame", absent: dict[str, Any]) -> tuple[Sequence[Span], Game | None]:
        beside = {name: value for name, value in absent.items() if name not in self.kinds.texts}
        link: Link = "logit" if self.shap.use_logit else "identity"
        if not any(isinstance(own[name][0], str) and own[name][0].strip() for name in self.kinds.texts):
            spans = [Span(name, -1, -1) for name in self.dataset.features if name in beside]
            return spans, _RowGame(own, beside, Asking(self.model.values, 256, link=link)) if spans else None
        # One mask serves all text columns; it is that of the first one that has any.
        mask = next((absent[name] for name in self.kinds.texts if absent[name]), "")
        game = TextGame(
            own, self.model.values, columns=self.kinds.texts, unit=self.text.granularity, language=self.language,
            absent="mask" if mask else "drop", mask=mask or "[UNK]", baseline=beside, link=link,
        )  # fmt: skip
        return game.spans, game

    def _feature(self, own: "pd.DataFrame", name: str, spans: Sequence[Span], values: Any) -> Part:
        places = [place for place, span in enumerate(spans) if span.column == name]
        if name in self.kinds.texts:
            units = [unit_of(values[place], own[name][0], spans[place]) for place in places]
            return feature_of(name, "free_text", units)
        return feature_of(name, self.kinds.of(name), [{"attribution": values[place].tolist()} for place in places])

    def facts(self, parts: Sequence[Part]) -> Part:
        """How the explanations were made."""
        return {
            "method": "kernel_shap", "engine": "regression on paired coalitions; exact where all are asked for",
            "text_columns": list(self.kinds.texts), "granularity": self.text.granularity, "language": self.language,
            "rows": len(parts), "baseline": list(self.absents), "seed": self.shap.seed or 0,
            "num_samples": self.shap.num_samples or "min(2M + 2048, 2^M - 2)",
        }  # fmt: skip


class _RowGame(SingleGame):
    """A row without any text: its other columns alone are players."""

    def __init__(self, row: Any, baseline: dict[str, Any], asking: Asking) -> None:
        self._row = OneRow(row, baseline)
        self._names = tuple(name for name in self._row.columns if name in baseline)
        super().__init__(self._names, np.array([self._row.changes(name) for name in self._names], bool), asking)

    def masked(self, coalitions: Any) -> Any:
        present = {name: coalitions[:, place] for place, name in enumerate(self._names)}
        return self._row.written(len(coalitions), present, {})
