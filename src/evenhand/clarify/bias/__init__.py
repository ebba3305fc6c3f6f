"""Bias of a dataset and of predictions, as Clarify reports it: by its own arithmetic, and by the correct one."""

from dataclasses import dataclass

from evenhand.clarify.analysis import Arithmetic, Bias, Dataset, MetricDifference, Section
from evenhand.clarify.bias.catalogue import POST, PRE, Stage, codes_asked
from evenhand.clarify.bias.compat import compat_sections
from evenhand.clarify.bias.correct import Correct, correct_of
from evenhand.clarify.bias.differences import Circumstances, differences
from evenhand.clarify.bias.statistics import statistics_of
from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.core.errors import EvenhandError, SpecError

__all__ = ["bias_of"]


def bias_of(config: AnalysisConfig, dataset: Dataset, *, arithmetic: Arithmetic = "correct", seed: int = 0) -> Bias:
    """Compute the bias metrics that a config asks for, by both arithmetics.

    `sections` of the result holds the numbers of the one asked for, `other` those of the other; where only the other
    one fails, `other` is empty and `statistics["other_failed"]` says why. Raises SpecError for a config that makes no
    sense, DataError (ValueNotFound) for data that do not hold what it names, and, with the arithmetic "compat",
    DataError wherever the whole report of smclarify 0.5 fails.
    """
    asked = _asked(config, dataset)
    tried = _Tried.of(config, dataset, asked, arithmetic, seed)
    statistics = _statistics(config, dataset)
    if tried.failed is not None:
        statistics["other_failed"] = tried.failed
    if tried.correct is not None and tried.correct.notes:
        statistics["notes"] = list(tried.correct.notes)
    correct = tried.correct.sections if tried.correct is not None else {}
    return Bias(
        arithmetic=arithmetic,
        sections=correct if arithmetic == "correct" else tried.compat,
        other=tried.compat if arithmetic == "correct" else correct,
        differences=tried.differences(dataset),
        report=tried.correct.report if tried.correct is not None else None,
        statistics=statistics,
        intervals=tried.correct.intervals if tried.correct is not None else {},
    )


def _asked(config: AnalysisConfig, dataset: Dataset) -> dict[Stage, tuple[str, ...]]:
    methods = config.methods
    if methods.post_training_bias is not None and dataset.predicted_label is None:
        raise SpecError(
            "predicted_label_column has to be provided for Post training metrics: give predicted_label,"
            " predicted_label_dataset_uri, predictor or a model."
        )
    stages: tuple[tuple[Stage, object], ...] = ((PRE, methods.pre_training_bias), (POST, methods.post_training_bias))
    return {stage: codes_asked(stage, wanted.methods) for stage, wanted in stages if wanted is not None}  # type: ignore[attr-defined]


@dataclass(frozen=True)
class _Tried:
    """What both arithmetics gave; why the one that was not asked for gave nothing."""

    compat: Section
    correct: Correct | None
    failed: str | None = None

    @classmethod
    def of(
        cls, config: AnalysisConfig, dataset: Dataset, asked: dict[Stage, tuple[str, ...]], arithmetic: Arithmetic,
        seed: int,
    ) -> "_Tried":  # fmt: skip
        if arithmetic == "compat":
            compat = compat_sections(config, dataset, asked)
            try:
                return cls(compat, correct_of(config, dataset, asked, seed=seed))
            except EvenhandError as error:
                return cls(compat, None, str(error))
        correct = correct_of(config, dataset, asked, seed=seed)
        try:
            return cls(compat_sections(config, dataset, asked, beside=True), correct)
        except EvenhandError as error:
            return cls({}, correct, str(error))

    def differences(self, dataset: Dataset) -> tuple[MetricDifference, ...]:
        if self.correct is None or not self.compat:
            return ()
        columns = [*dataset.facets, dataset.label, dataset.predicted_label, dataset.group_variable]
        named = [name for name in columns if name is not None]
        known = Circumstances(self.correct.multiclass, bool(dataset.rows[named].isna().any().any()))
        return differences(self.compat, self.correct.sections, known)


def _statistics(config: AnalysisConfig, dataset: Dataset) -> Section:
    try:
        return statistics_of(config, dataset)
    except (EvenhandError, ValueError, TypeError, KeyError) as error:
        return {"error": str(error)}
