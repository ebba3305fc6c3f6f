"""The right values, through an Audit of evenhand, in the shape of analysis.json."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.clarify.analysis import Dataset, Section
from evenhand.clarify.bias.catalogue import BEFORE_TRAINING, DISTANCES, NO_STRATUM, POST, Stage, entry, section
from evenhand.clarify.bias.questions import Meaning, Question, label_meaning, questions, typed
from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.core.audit import Audit
from evenhand.core.errors import EvenhandError, SpecError, ValueNotFound
from evenhand.core.finding import Finding
from evenhand.core.report import Report
from evenhand.flow import run

if TYPE_CHECKING:
    import pandas as pd

Asked = Mapping[Stage, tuple[str, ...]]
Place = tuple[str, str, str]  # facet, group, metric
NO_VALUE = "The metric has no value for this group"
NO_FEATURES = "The flip test needs features to compare people by, and none are left"


@dataclass(frozen=True, eq=False)
class Correct:
    """The sections, evenhand's own report, the bounds of the values, and how the columns were read."""

    sections: Section
    report: Report | None
    intervals: Section
    label: Meaning
    multiclass: bool
    notes: tuple[str, ...]


def correct_of(config: AnalysisConfig, dataset: Dataset, asked: Asked, *, seed: int) -> Correct:
    """Measure with evenhand; raises SpecError or DataError where the config does not agree with the data."""
    rows = typed(dataset.rows)
    label = label_meaning(config, dataset, rows)
    posed = questions(config, dataset, rows)
    multiclass = label.above is None and rows[label.column].nunique() > 2
    measured = _Measured(_measuring(dataset, label, posed, asked, seed), rows, multiclass)
    found: Section = {
        stage: section(label.column, label.shown, _facets(posed, codes, measured)) for stage, codes in asked.items()
    }
    bounds: Section = {stage: _bounds(posed, codes, measured) for stage, codes in asked.items()}
    return Correct(found, measured.report, bounds, label, multiclass, (*_absent(label, posed), *measured.notes))


def _measuring(dataset: Dataset, label: Meaning, posed: list[Question], asked: Asked, seed: int) -> "Audit | None":
    """The audit that answers all questions at once; None where no facet has two groups."""
    facets = tuple(dict.fromkeys(question.text for question in posed if question.alone is None))
    if not facets:
        return None
    codes = [code for listed in asked.values() for code in listed]
    without = {"CDDL", "CDDPL"} if dataset.group_variable is None else set()
    features = _features(dataset, posed)
    without |= set() if features else {"FT"}
    columns = {question.column for question in posed if question.alone is None}
    return Audit(
        label=label.column if label.above is None else str(label.group),
        positive=label.values,
        predicted_label=_predicted(dataset, label) if POST in asked else None,
        facets=facets,
        stratum=dataset.group_variable,
        missing=dict.fromkeys(columns, "drop"),
        metrics=tuple(code for code in codes if code not in without),
        features=features,
        most_groups=max(200, *(len(question.groups) + 1 for question in posed)),
        seed=seed,
    )


def _predicted(dataset: Dataset, label: Meaning) -> str:
    """The column of predictions, or the condition that they are above the threshold."""
    name = str(dataset.predicted_label)
    if label.above is None:
        return name
    return str(Meaning(name, "", above=label.above).group)


def _features(dataset: Dataset, posed: list[Question]) -> tuple[str, ...]:
    used = {question.column for question in posed} | {dataset.label, dataset.predicted_label, dataset.join}
    return tuple(name for name in dataset.features if name not in used and name in dataset.rows)


class _Measured:
    """The findings of a run by place; a metric that fails alone leaves the others as they are."""

    def __init__(self, audit: "Audit | None", rows: "pd.DataFrame", multiclass: bool) -> None:
        self.report: Report | None = None
        self.notes: tuple[str, ...] = ()
        self.found: dict[Place, Finding] = {}
        self.reasons: dict[str, str] = {}
        if audit is not None and audit.metrics:
            self._measure(audit, rows)
            if multiclass:
                self._measure_classes(audit, rows)

    def _measure(self, audit: Audit, rows: "pd.DataFrame") -> None:
        try:
            self._take(run(audit, rows, title="Bias"))
        except (SpecError, ValueNotFound):
            raise
        except EvenhandError:
            self._measure_one_by_one(audit, rows)

    def _measure_one_by_one(self, audit: Audit, rows: "pd.DataFrame") -> None:
        """Every metric in a run of its own, so that one failure costs one value."""
        for code in audit.metrics:
            changed: Section = {"metrics": (code,)} | ({"predicted_label": None} if code in BEFORE_TRAINING else {})
            try:
                self._take(run(audit.model_copy(update=changed), rows, title="Bias"))
            except EvenhandError as error:
                self.reasons[code] = str(error)

    def _measure_classes(self, audit: Audit, rows: "pd.DataFrame") -> None:
        """The distances between label distributions, over all classes instead of positive against the rest."""
        wanted = tuple(code for code in audit.metrics if code in DISTANCES)
        if not wanted:
            return
        changed = {"metrics": wanted, "positive": (), "predicted_label": None, "outcome": "multiclass"}
        try:
            report = run(Audit(**(audit.model_dump() | changed)), rows, title="Bias")
        except EvenhandError as error:
            self.reasons |= dict.fromkeys(wanted, str(error))
            self.found = {place: each for place, each in self.found.items() if place[2] not in wanted}
        else:
            self.found |= _by_place(report)

    def _take(self, report: Report) -> None:
        self.report = self.report or report
        self.notes = tuple(dict.fromkeys((*self.notes, *report.notes)))
        self.found |= _by_place(report)


def _by_place(report: Report) -> dict[Place, Finding]:
    return {(each.facet, each.group, each.metric): each for each in report.findings}


def _facets(posed: list[Question], codes: tuple[str, ...], measured: _Measured) -> dict[str, list[Section]]:
    facets: dict[str, list[Section]] = {}
    for question in posed:
        listed = facets.setdefault(question.column, [])
        for shown, group in question.groups.items():
            metrics = [_entry(code, question, group, measured) for code in codes]
            listed.append({"value_or_threshold": shown, "metrics": metrics})
    return facets


def _entry(code: str, question: Question, group: str, measured: _Measured) -> Section:
    finding = measured.found.get((question.text, group, code))
    if finding is not None and finding.value is not None:
        return entry(code, finding.value)
    return entry(code, None, _reason(code, question, finding, measured))


def _reason(code: str, question: Question, finding: Finding | None, measured: _Measured) -> str:
    if question.alone is not None:
        return question.alone
    if finding is not None:
        return finding.reason or NO_VALUE
    if code in measured.reasons:
        return measured.reasons[code]
    if code in ("CDDL", "CDDPL"):
        return NO_STRATUM
    return NO_FEATURES if code == "FT" else NO_VALUE


def _bounds(posed: list[Question], codes: tuple[str, ...], measured: _Measured) -> Section:
    """The interval of each value by facet, value_or_threshold and metric."""
    found: Section = {}
    for question in posed:
        for shown, group in question.groups.items():
            place = found.setdefault(question.column, {}).setdefault(shown, {})
            for code in codes:
                finding = measured.found.get((question.text, group, code))
                if finding is not None and finding.interval is not None:
                    place[code] = [finding.interval.low, finding.interval.high]
    return found


def _absent(label: Meaning, posed: list[Question]) -> Iterator[str]:
    """A note on each value that was asked for beside others and does not occur."""
    for column, values in ((label.column, label.absent), *((each.column, each.absent) for each in posed)):
        if values:
            yield f"{', '.join(map(repr, values))} does not occur in {column!r}."
