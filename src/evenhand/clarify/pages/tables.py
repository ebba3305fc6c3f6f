"""Tables: each group d of each facet with its metrics, as findings that the pieces of the house can draw."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evenhand.clarify.analysis import Analysis, Bias, MetricDifference, Section
from evenhand.clarify.pages.numbers import number
from evenhand.clarify.pages.signs import reading, sign
from evenhand.core.facet import Facet
from evenhand.core.finding import Finding, Interval, Stage
from evenhand.core.group import Group
from evenhand.core.report import Report
from evenhand.core.values import bare
from evenhand.metrics import registered
from evenhand.renderers.charts import Scale, metric_scale

STAGES: tuple[tuple[str, str, str], ...] = (
    ("pre_training_bias_metrics", "pre_training_bias", "In the labels, before any model"),
    ("post_training_bias_metrics", "post_training_bias", "In the predictions of the model"),
)
LEVEL = 0.95
_ENDS = (0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True)
class Row:
    """One metric of one group: what stands in analysis.json, its finding for the charts, and the other arithmetic."""

    code: str
    description: str
    finding: Finding
    error: str
    sign: str
    difference: MetricDifference | None = None

    @property
    def drawn(self) -> bool:
        """Whether the value has a place on a scale."""
        return self.finding.value is not None and math.isfinite(self.finding.value)


@dataclass(frozen=True)
class Table:
    """The metrics of one group at one stage."""

    title: str
    rows: tuple[Row, ...]
    scale: Scale

    def scale_of(self, row: Row) -> Scale:
        """One scale for all differences between shares; a scale of its own for every other metric."""
        return self.scale if _shared(row.finding) else metric_scale([row.finding])


@dataclass(frozen=True)
class Part:
    """One group d of one facet."""

    number: int
    facet: str
    value: str
    tables: tuple[Table, ...]

    @property
    def group(self) -> str:
        """The group as readers know it."""
        return spoken(self.facet, self.value)


def spoken(facet: str, value: str) -> str:
    """A group in words: "Age in (40, 68]", "Gender = 0"."""
    return f"{facet} in {value}" if value.startswith("(") and value.endswith("]") else f"{facet} = {value}"


def facets_of(bias: Bias) -> dict[str, dict[str, dict[str, list[Section]]]]:
    """The metrics by facet, value and stage, in the order of the document."""
    found: dict[str, dict[str, dict[str, list[Section]]]] = {}
    for stage, _, _ in STAGES:
        for facet, entries in bias.sections.get(stage, {}).get("facets", {}).items():
            for entry in entries:
                value = str(entry.get("value_or_threshold", ""))
                found.setdefault(facet, {}).setdefault(value, {})[stage] = entry.get("metrics", [])
    return found


def parts(analysis: Analysis) -> tuple[Part, ...]:
    """Every group d with its tables, numbered for the anchors of the page."""
    if analysis.bias is None:
        return ()
    bias = analysis.bias
    groups = [(facet, value, stages) for facet, by in facets_of(bias).items() for value, stages in by.items()]
    return tuple(
        Part(place, facet, value, tuple(_tables(bias, facet, value, stages)))
        for place, (facet, value, stages) in enumerate(groups, start=1)
    )


def _tables(bias: Bias, facet: str, value: str, stages: Mapping[str, list[Section]]) -> Iterator[Table]:
    for stage, _, title in STAGES:
        rows = tuple(_row(bias, (stage, facet, value), metric) for metric in stages.get(stage, ()))
        if rows:
            yield Table(title, rows, _scale([row.finding for row in rows]))


def _row(bias: Bias, place: tuple[str, str, str], metric: Section) -> Row:
    _, facet, value = place
    code = str(metric.get("name", ""))
    differences = (item for item in bias.differences if (item.facet, item.value_or_threshold) == (facet, value))
    return Row(
        code=code,
        description=str(metric.get("description", code)),
        finding=_finding(bias, place, code, number(metric.get("value"))),
        error=str(metric.get("error") or ""),
        sign=sign(code, bias.arithmetic),
        difference=next((item for item in differences if item.metric == code), None),
    )


def _finding(bias: Bias, place: tuple[str, str, str], code: str, value: float | None) -> Finding:
    """A finding of the house's own report where it speaks of the same number; else one made from the document."""
    stage, facet, group = place
    found = _found(bias.report, facet, group, code, value)
    known = registered().get(code)
    return Finding(
        metric=code,
        name=code,
        stage=_stage(stage),
        facet=facet,
        group=spoken(facet, group),
        against="the rest",
        value=value,
        interval=_interval(bias, place, code, value) or (found.interval if found else None),
        parity=known.parity if known else 0.0,
        acceptable=found.acceptable if found else None,
        rows=found.rows if found else 0,
        rows_against=found.rows_against if found else 0,
        verdict=found.verdict if found else "not judged",
        reading=found.reading if found else reading(code, value, spoken(facet, group), bias.arithmetic),
    )


def _stage(stage: str) -> Stage:
    return "labels" if stage.startswith("pre") else "errors"


def _found(report: Report | None, facet: str, group: str, code: str, value: float | None) -> Finding | None:
    """The finding of the same group that has the same number."""
    if report is None or value is None:
        return None
    same = (
        finding
        for finding in report.findings
        if finding.metric == code and finding.label_class is None and _close(finding.value, value)
    )
    return next((finding for finding in same if _speaks_of(finding, facet, group)), None)


def _speaks_of(finding: Finding, column: str, group: str) -> bool:
    """Whether a finding is of this value of a column, or of the one group that its facet names."""
    facet = Facet.parse(finding.facet)
    if facet.columns != (column,):
        return False
    if facet.group is not None:
        return finding.group == finding.facet
    return finding.group in {str(Group.of(column, level)) for level in (group, bare(group))}


def _close(one: float | None, other: float) -> bool:
    return one is not None and (one == other or abs(one - other) <= 1e-9 * max(1.0, abs(other)))


def _interval(bias: Bias, place: tuple[str, str, str], code: str, value: float | None) -> Interval | None:
    """The bounds of the correct value, where that is the value shown."""
    found: Any = bias.intervals
    stage, facet, group = place
    short = next(short for long, short, _ in STAGES if long == stage)
    for names in ((stage, short), (facet,), (group,), (code,)):
        found = next((found[name] for name in names if isinstance(found, Mapping) and name in found), None)
    if value is None or not isinstance(found, (list, tuple)) or len(found) != 2:
        return None
    low, high = (number(end) for end in found)
    differs = bias.arithmetic == "compat" and any(
        (item.facet, item.value_or_threshold, item.metric) == (facet, group, code) for item in bias.differences
    )
    if low is None or high is None or differs:
        return None
    return Interval(low=low, high=high, level=LEVEL, method="as in analysis.json")


def _shared(finding: Finding) -> bool:
    metric = registered().get(finding.metric)
    return metric is not None and metric.parity == 0 and max(map(abs, metric.bounds)) <= 1


def _scale(findings: list[Finding]) -> Scale:
    """The same distance to both sides of parity, to the next of a few round ends."""
    numbers = [
        abs(end)
        for finding in findings
        if _shared(finding)
        for end in (finding.value, *((finding.interval.low, finding.interval.high) if finding.interval else ()))
        if end is not None
    ]
    end = next((end for end in _ENDS if end >= max(numbers, default=0.0)), 1.0)
    return Scale(-end, end)


Side = Literal["compat", "correct"]


def said(difference: MetricDifference, side: Side) -> tuple[float | None, str]:
    """The value by one arithmetic, and its error where it is none."""
    value = getattr(difference, side)
    found = number(value)
    return found, value if isinstance(value, str) and found is None else ""
