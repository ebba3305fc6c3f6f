"""Reports made by hand, so that renderers are tested without measuring: builders from a few counts."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evenhand.core.audit import Audit
from evenhand.core.finding import Finding, Interval, Verdict
from evenhand.core.report import Confusion, MetricNote, MissingValues, Profile, Provenance, Rate, Report

NOTES = (
    MetricNote(
        code="DPPL",
        name="Difference in positive predictions",
        sentence="How much more often the rest are selected than the group.",
        harm="allocation: a chance is withheld",
        parity=0.0,
        direction="Positive: the group is selected less often.",
    ),
    MetricNote(
        code="DI",
        name="Disparate impact",
        sentence="The share of the group that is selected, divided by that of the rest.",
        harm="allocation: a chance is withheld",
        parity=1.0,
        direction="Below 1: the group is selected less often.",
    ),
    MetricNote(
        code="RD",
        name="Difference in recall",
        sentence="How much more often the rest are found when they qualify.",
        harm="quality of service: the qualified are passed over",
        parity=0.0,
        direction="Positive: qualified people of the group are passed over more often.",
    ),
    MetricNote(
        code="AD",
        name="Difference in accuracy",
        sentence="How much more often the model is right about the rest.",
        harm="quality of service: the model works less well",
        parity=0.0,
        direction="Positive: the model is wrong more often about the group.",
    ),
)


@dataclass(frozen=True)
class Counts:
    """A group by its confusion cells."""

    facet: str
    group: str
    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def rows(self) -> int:
        return self.true_positive + self.false_positive + self.false_negative + self.true_negative


GROUPS = (
    Counts("sex", "sex=Female", 540, 130, 460, 2870),
    Counts("sex", "sex=Male", 2100, 620, 830, 3950),
    Counts("race", "race=White", 2310, 640, 1010, 4990),
    Counts("race", "race=Black", 190, 70, 210, 1130),
    Counts("race", "race=Asian", 130, 36, 60, 374),
    Counts("race", "race=Native", 8, 3, 8, 91),
    Counts("race", "race=Other", 2, 1, 2, 15),
)
CROSSED = tuple(
    Counts("race × sex", f"{race} & {sex}", *cells)
    for race, sex, cells in (
        ("race=White", "sex=Female", (440, 100, 370, 2200)),
        ("race=White", "sex=Male", (1870, 540, 640, 2790)),
        ("race=Black", "sex=Female", (50, 20, 70, 560)),
        ("race=Black", "sex=Male", (140, 50, 140, 570)),
        ("race=Asian", "sex=Female", (40, 8, 16, 136)),
        ("race=Asian", "sex=Male", (90, 28, 44, 238)),
        ("race=Native", "sex=Female", (1, 1, 2, 25)),
    )
)


def asked(**fields: object) -> Audit:
    return Audit.model_validate(fields)


def rate(name: str, part: float, rows: float) -> Rate:
    if rows == 0:
        return Rate(name=name, value=None, rows=0)
    value = part / rows
    half = 1.96 * math.sqrt(max(value * (1 - value), 1e-4) / rows)
    interval = Interval(low=max(value - half, 0.0), high=min(value + half, 1.0), level=0.95, method="Wilson")
    return Rate(name=name, value=value, interval=interval, rows=rows)


def profile(counts: Counts, scores: bool = True) -> Profile:
    positive = counts.true_positive + counts.false_negative
    selected = counts.true_positive + counts.false_positive
    return Profile(
        facet=counts.facet,
        group=counts.group,
        rows=counts.rows,
        share=min(counts.rows / 11500, 1.0),
        small=counts.rows < 30,
        labels={"yes": positive, "no": counts.rows - positive},
        predictions={"yes": selected, "no": counts.rows - selected},
        confusion=Confusion(
            true_positive=counts.true_positive,
            false_positive=counts.false_positive,
            false_negative=counts.false_negative,
            true_negative=counts.true_negative,
        ),
        rates=(
            rate("Labelled positive", positive, counts.rows),
            rate("Selected", selected, counts.rows),
            rate("Selected when qualified", counts.true_positive, positive),
            rate("Selected when not qualified", counts.false_positive, counts.rows - positive),
        ),
        scores=_scores(counts, 100) if scores else (),
        scores_positive=_scores(counts, 100, positive=True) if scores else (),
    )


def _scores(counts: Counts, bins: int, positive: bool = False) -> tuple[float, ...]:
    """Two triangles that meet at 0.5 in the numbers that the confusion cells give."""
    half = bins // 2
    rising = [place + 1 for place in range(half)]
    weight = sum(rising)
    below = counts.false_negative if positive else counts.false_negative + counts.true_negative
    above = counts.true_positive if positive else counts.true_positive + counts.false_positive
    low = [below * (half - place) / weight for place in range(half)]
    high = [above * (half - place) / weight for place in range(half)]
    return tuple(round(rows, 2) for rows in (low[::-1] if positive else low) + high)


def finding(
    metric: MetricNote,
    counts: Counts,
    value: float | None,
    *,
    verdict: Verdict = "within",
    against: str = "the rest",
    acceptable: tuple[float, float] | None = (-0.1, 0.1),
    half: float = 0.03,
    label_class: str | None = None,
    reading: str | None = None,
    reason: str | None = None,
) -> Finding:
    interval = None
    if value is not None and math.isfinite(value):
        interval = Interval(low=value - half, high=value + half, level=0.95, method="bootstrap")
    return Finding(
        metric=metric.code,
        name=metric.name,
        stage="predictions",
        facet=counts.facet,
        group=counts.group,
        against=against,
        label_class=label_class,
        value=value,
        reason=reason,
        interval=interval,
        parity=metric.parity,
        acceptable=acceptable,
        rows=counts.rows,
        rows_against=11500 - counts.rows,
        small=counts.rows < 30,
        p_value=0.0004 if verdict == "past" else 0.31,
        p_corrected=0.0021 if verdict == "past" else 0.62,
        verdict=verdict,
        reading=reading or f"{counts.group} differs from {against} by {value} in {metric.name.lower()}.",
    )


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _judged(counts: Counts, code: str, value: float | None) -> Verdict:
    if value is None:
        return "undefined"
    if counts.rows < 30:
        return "too little data"
    if counts.rows < 200:
        return "cannot tell"
    far = abs(math.log(value)) > math.log(1.25) if code == "DI" and value > 0 else abs(value) > 0.1
    return "past" if far else "within"


def findings_of(counts: Counts, groups: Sequence[Counts]) -> Iterator[Finding]:
    others = [other for other in groups if other.facet == counts.facet and other.group != counts.group]
    rest = Counts(
        counts.facet,
        "the rest",
        sum(other.true_positive for other in others),
        sum(other.false_positive for other in others),
        sum(other.false_negative for other in others),
        sum(other.true_negative for other in others),
    )
    ours, theirs = _measures(counts), _measures(rest)
    for note, place in zip(NOTES, (0, 0, 1, 2), strict=True):
        mine, their = ours[place], theirs[place]
        value = _compared(note, mine, their)
        bounds = (0.8, 1.25) if note.code == "DI" else (-0.1, 0.1)
        verdict = _judged(counts, note.code, value)
        yield finding(
            note,
            counts,
            value,
            verdict=verdict,
            acceptable=bounds,
            half=0.6 / math.sqrt(counts.rows),
            reason="nobody of the group qualifies" if value is None else None,
            reading=_reading(counts, note, mine, their),
        )


def _compared(note: MetricNote, mine: float | None, their: float | None) -> float | None:
    if mine is None or their is None:
        return None
    return mine / their if note.code == "DI" else their - mine


def _measures(counts: Counts) -> tuple[float | None, float | None, float | None]:
    return (
        _ratio(counts.true_positive + counts.false_positive, counts.rows),
        _ratio(counts.true_positive, counts.true_positive + counts.false_negative),
        _ratio(counts.true_positive + counts.true_negative, counts.rows),
    )


def _reading(counts: Counts, note: MetricNote, mine: float | None, their: float | None) -> str:
    if mine is None or their is None:
        return f"{note.name} is not defined for {counts.group}."
    told = {"RD": "of those who qualify are selected", "AD": "are decided rightly"}.get(note.code, "are selected")
    return f"Of {counts.group}, {mine:.1%} {told}; of the rest, {their:.1%}."


def provenance(**changed: object) -> Provenance:
    facts: dict[str, object] = {
        "source": "applications.csv",
        "fingerprint": "9f2c" * 16,
        "rows": 11500,
        "columns": 30,
        "model": "model.onnx",
        "versions": {"evenhand": "0.1.0", "python": "3.12.4", "duckdb": "1.4.1"},
        "seed": 7,
        "created": "2026-03-14T09:26:53+00:00",
        "seconds": 2.31,
    }
    return Provenance.model_validate(facts | changed)


def binary() -> Report:
    groups = (*GROUPS, *CROSSED)
    return Report(
        title="Who is invited to interview?",
        audit=asked(
            label="qualified",
            score="score",
            facets=("sex", "race"),
            intersections=2,
            thresholds={"DPPL": 0.1, "DI": 0.8, "RD": 0.1, "AD": 0.1},
        ),
        outcome="binary",
        verdict="past",
        summary=(
            "Women are selected less often than men, and qualified women are passed over more often.",
            "For race=Native and race=Other there is too little data to tell.",
        ),
        findings=tuple(found for counts in groups for found in findings_of(counts, groups)),
        profiles=tuple(profile(counts, scores=counts.facet != "race × sex") for counts in groups),
        metrics=NOTES,
        missing=(
            MissingValues(column="race", role="facet", rows=312, policy="own group"),
            MissingValues(column="qualified", role="label", rows=41, policy="drop"),
        ),
        notes=("Scores of 12 rows lay outside the score range and were left out.",),
        provenance=provenance(),
    )


CLASSES = ("low", "middle", "high", "unknown")


def multiclass() -> Report:
    shares = {"region=North": (40, 30, 20, 10), "region=South": (20, 30, 45, 5), "region=East": (33, 33, 33, 1)}
    groups = [Counts("region", group, *cells) for group, cells in shares.items()]
    return Report(
        title="Priority of patients",
        audit=asked(label="priority", predicted_label="predicted", facets=("region",), outcome="multiclass"),
        outcome="multiclass",
        verdict="within",
        summary=("No difference is past its threshold.",),
        findings=tuple(
            finding(NOTES[0], counts, 0.01 * place, label_class=name)
            for counts in groups
            for place, name in enumerate(CLASSES)
        ),
        profiles=tuple(
            Profile(
                facet="region",
                group=counts.group,
                rows=1000,
                share=1 / 3,
                small=False,
                labels={name: 10.0 * part for name, part in zip(CLASSES, shares[counts.group], strict=True)},
                predictions={name: 10.0 * part for name, part in zip(CLASSES, shares[counts.group][::-1], strict=True)},
            )
            for counts in groups
        ),
        metrics=NOTES[:1],
        provenance=provenance(),
    )


def regression() -> Report:
    groups = [Counts("school", "school=A", 10, 20, 30, 40), Counts("school", "school=B", 40, 30, 20, 10)]
    errors = ({"mean error": -0.42, "mean absolute error": 1.31}, {"mean error": 0.17, "mean absolute error": 1.02})
    return Report(
        title="Predicted grades",
        audit=asked(label="grade", predicted_label="predicted", facets=("school",), outcome="regression"),
        outcome="regression",
        verdict="not judged",
        summary=("The model underrates school=A.",),
        findings=tuple(
            finding(NOTES[3], counts, value, verdict="not judged", acceptable=None)
            for counts, value in zip(groups, (-0.59, 0.59), strict=True)
        ),
        profiles=tuple(
            Profile(facet="school", group=counts.group, rows=100, share=0.5, small=False, errors=numbers)
            for counts, numbers in zip(groups, errors, strict=True)
        ),
        metrics=NOTES[3:],
        provenance=provenance(),
    )


def tiny() -> Report:
    """Next to nothing: an infinite ratio, an undefined value, an empty group, no thresholds met."""
    group = Counts("team", "team=Red", 1, 0, 0, 2)
    empty = Counts("team", "team=Blue", 0, 0, 0, 0)
    return Report(
        title="A very small audit",
        audit=asked(predicted_label="chosen", facets=("team",)),
        outcome="binary",
        verdict="cannot tell",
        summary=(),
        findings=(
            finding(NOTES[1], group, math.inf, verdict="too little data", acceptable=(0.8, math.inf)),
            finding(NOTES[2], empty, None, verdict="undefined", reason="nobody of the group qualifies"),
        ),
        profiles=(profile(group, scores=False), profile(empty, scores=False)),
        metrics=NOTES[1:3],
        provenance=provenance(rows=3, columns=2, model=None),
    )
