"""run: an audit of a table, from rows to report; the one file that knows the whole flow."""

import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from evenhand.core.audit import Audit, Missing
from evenhand.core.division import Division
from evenhand.core.errors import DataError, SpecError, ValueNotFound
from evenhand.core.finding import Finding
from evenhand.core.frame import Frame
from evenhand.core.judge import finished
from evenhand.core.plan import check_positive_occurs, facet_axis, named_columns
from evenhand.core.profile import profiles
from evenhand.core.report import MetricNote, MissingValues, Provenance, Report
from evenhand.core.summary import overall, summary
from evenhand.core.tally import Tally
from evenhand.core.values import Level, normalised, written
from evenhand.counting import Counted, counted, describing
from evenhand.measuring import divisions_of, drafts_of
from evenhand.measuring.flips import flip_tests
from evenhand.metrics import registered
from evenhand.metrics.gaps import ALL as GAPS
from evenhand.models import LoadedModel, load_model
from evenhand.sources import read

if TYPE_CHECKING:
    from evenhand.core.explanation import Explanation
    from evenhand.core.reasons import Reasons
    from evenhand.explaining import Request

Progress = Callable[[str, int, int], None]

# Rows that a report explains: enough for importances within a few percent, little beside an audit.
EXPLAINED_ROWS = 1_000
# A facet with more different numbers than this is a quantity, to be divided into ranges.
MOST_NUMBERS = 50


def run(
    audit: Audit,
    frame: Any,
    model: Any = None,
    *,
    title: str | None = None,
    trust_pickle: bool = False,
    explain: "bool | Request | Explanation" = False,
    progress: Progress | None = None,
) -> Report:
    """Audit a table, with the predictions of a column or of a model, and report what was found.

    `frame` is anything `read` takes: a path, a dataframe, a database URL, a Frame. `model` is a callable from rows to
    predictions, a scikit-learn estimator, or a path to an ONNX or skops file. `explain` adds what drives the model's
    predictions, overall and per group: of a sample of rows (True), as a Request says, or of an Explanation that was
    made before. `progress(stage, done, total)` is called as work proceeds. Raises EvenhandError with one line that says
    what is wrong and what to do.
    """
    started = time.monotonic()
    opened = read(frame)
    loaded = load_model(model, trust_pickle=trust_pickle) if model is not None else None
    say = progress or _silent
    if explain is True and loaded is None:
        raise SpecError("explain needs the model: predictions in a column cannot be asked why.")
    found = counted(audit, opened, loaded, say)
    _check(found.tally, audit, opened)
    about = About(opened.location, tuple(opened.kinds), tuple(opened.notes), loaded.name if loaded else None)
    say("measuring", 0, 1)
    report = _report(audit, found, about, title)
    say("measuring", 1, 1)
    return report.model_copy(
        update={
            "reasons": _reasons(audit, opened, loaded, explain, say),
            "provenance": report.provenance.model_copy(update={"seconds": round(time.monotonic() - started, 3)}),
        }
    )


@dataclass(frozen=True)
class About:
    """What a report says of the rows that were counted: where they are, their columns, and which model was asked."""

    source: str
    columns: Collection[str] = ()
    notes: tuple[str, ...] = ()
    model: str | None = None


def tally_of(
    audit: Audit, frame: Any, model: Any = None, *, trust_pickle: bool = False, progress: Progress | None = None
) -> Tally:
    """Count a part of a table, with the predictions of a column or of a model; tallies of parts add up.

    Takes what `run` takes. `report_of` reports on a tally, or on a sum of them.
    """
    loaded = load_model(model, trust_pickle=trust_pickle) if model is not None else None
    return counted(audit, read(frame), loaded, progress or _silent).tally


def report_of(tally: Tally, about: About, *, title: str | None = None) -> Report:
    """Report on what was counted before, without the rows; the flip test, which needs them, is left out."""
    started = time.monotonic()
    _check_policies(tally, about.columns)
    report = _report(tally.audit, Counted(tally, None, ()), about, title)
    seconds = round(time.monotonic() - started, 3)
    return report.model_copy(update={"provenance": report.provenance.model_copy(update={"seconds": seconds})})


def _report(audit: Audit, found: Counted, about: About, title: str | None) -> Report:
    """The report on a tally, and on the sample of rows that the flip test looks at."""
    tally = found.tally
    divisions = divisions_of(tally)
    drafts = drafts_of(tally, divisions)
    notes: list[str] = []
    if found.rows is not None:
        flips, notes = flip_tests(found.rows, found.features, divisions)
        drafts = [*drafts, *flips]
    findings = finished(drafts, audit)
    notes = [*notes, *_alone(divisions)]
    if not findings:
        raise DataError(" ".join(notes) or "No metric that was asked for applies to this data.")
    kept = sorted(findings, key=_order(divisions))
    return Report(
        title=title or f"Audit of {PurePath(about.source).name}",
        audit=audit,
        outcome=tally.outcome,
        verdict=overall(kept),
        summary=summary(kept, audit),
        findings=tuple(kept),
        profiles=tuple(profile for division in divisions for profile in profiles(division)),
        metrics=tuple(_notes(kept)),
        missing=tuple(_missing(tally, about.columns)),
        notes=(*about.notes, *tally.notes, *notes),
        provenance=_provenance(tally, about),
    )


def _reasons(
    audit: Audit, frame: Frame, model: LoadedModel | None, explain: "bool | Request | Explanation", say: Progress
) -> "Reasons | None":
    """What drives the predictions, where that was asked for."""
    if explain is False:
        return None
    from evenhand.core.explanation import Explanation
    from evenhand.explaining import Request, explained_reasons
    from evenhand.explaining.reasons import reasons_of

    if isinstance(explain, Explanation):
        return reasons_of(explain, level=audit.level, seed=audit.seed)
    if model is None:
        raise SpecError("explain needs the model: predictions in a column cannot be asked why.")
    request = explain if isinstance(explain, Request) else Request(rows=EXPLAINED_ROWS, seed=audit.seed)
    features = request.features or model.features or audit.features or describing(audit, frame, ("facet", "stratum"))
    asked = replace(request, facets=request.facets or audit.facets, features=features)
    return explained_reasons(model, frame, asked, level=audit.level, progress=say)[1]


def _silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


def _alone(divisions: Sequence[Division]) -> Iterator[str]:
    """A note on each facet with one group only, which nothing can be compared with."""
    for division in divisions:
        groups = [piece.text for piece in division.slices if piece.rows]
        if len(groups) == 1:
            yield f"Facet {division.name} has one group only ({groups[0]}), so there is nothing to compare it with."


def _check(tally: Tally, audit: Audit, frame: Frame) -> None:
    """Raise DataError for what only the counts can show."""
    if tally.outcome == "binary":
        axis = "label" if "label" in tally.axes else "prediction"
        if True not in tally.over([axis]).levels[axis]:
            check_positive_occurs(audit, frame, tally.positive)
    for text, facet in tally.facets.items():
        levels = tally.over([facet_axis(text)]).levels[facet_axis(text)]
        if facet.group is not None and True not in levels:
            _empty_group(text, facet.columns, frame)
        if facet.group is None and not facet.cuts and frame.kinds[facet.columns[0]] == "number":
            _check_few(text, levels)
    _check_policies(tally, frame.kinds)


def _check_policies(tally: Tally, columns: Collection[str]) -> None:
    for found in _missing(tally, columns):
        if found.policy == "error" and found.rows:
            raise DataError(
                f"Column {found.column!r} has no value in {found.rows:,} rows, and missing is error for it."
            )


def _check_few(text: str, levels: Sequence[Level]) -> None:
    """Raise SpecError for a number that is a quantity, with ranges that would divide it evenly."""
    values = [float(level) for level in levels if level is not None]
    if len(values) > MOST_NUMBERS:
        cuts = ",".join(written(normalised(values[len(values) * part // 4])) for part in (1, 2, 3))
        raise SpecError(
            f"Facet {text!r} has {len(values):,} different numbers; divide it into ranges, such as {text}@{cuts}, or "
            f"name one, such as {text}<{cuts.split(',')[1]}."
        )


def _empty_group(text: str, columns: Sequence[str], frame: Frame) -> None:
    values = [value for value in frame.distinct(columns[0], 10) if value is not None]
    shown = ", ".join(repr(value) for value in values)
    raise ValueNotFound(f"No row is in the group {text!r}. {columns[0]!r} holds {shown}.")


def _missing(tally: Tally, columns_there: Collection[str]) -> Iterator[MissingValues]:
    """How many rows have no value, for each column that is counted by."""
    audit = tally.audit
    columns = {facet_axis(text): (facet.columns, "facet") for text, facet in tally.facets.items()}
    for axis, name in (("label", audit.label), ("prediction", audit.predicted_label), ("score", audit.score)):
        columns[axis] = (named_columns(name, columns_there), axis)
    columns |= {axis: ((getattr(audit, axis),), axis) for axis in ("stratum", "block") if getattr(audit, axis)}
    for axis, (names, role) in columns.items():
        rows = _rows_at(tally, axis, None) if names else 0
        if rows:
            policy: Missing = next((audit.missing[name] for name in names if name in audit.missing), "own group")
            yield MissingValues(column=", ".join(names), role=role, rows=rows, policy=policy)
    if tally.unweighted:
        yield MissingValues(column=str(audit.weight), role="weight", rows=tally.unweighted, policy="drop")
    if incomplete := _rows_at(tally, "incomplete", True):
        names = tuple(name for name in (audit.label, audit.predicted_label, audit.score) if name is not None)
        yield MissingValues(column=" or ".join(names), role="label or prediction", rows=incomplete, policy="drop")


def _rows_at(tally: Tally, axis: str, level: Level) -> int:
    """The rows at one level of an axis; 0 where it is not counted by."""
    if axis not in tally.axes:
        return 0
    cube = tally.over([axis])
    return sum(int(n) for code, n in zip(cube.codes[:, 0], cube.count, strict=True) if cube.levels[axis][code] is level)


def _notes(findings: Sequence[Finding]) -> Iterator[MetricNote]:
    """What each metric of the report means, once."""
    used = dict.fromkeys(finding.metric for finding in findings)
    known = registered()
    gaps = {gap.code: gap for gap in GAPS}
    for code in used:
        if code in known:
            metric = known[code]
            yield MetricNote(
                code=code, name=metric.name, sentence=metric.sentence, harm=metric.harm, parity=metric.parity,
                direction=f"Above parity: {metric.above}. Below: {metric.below}.".replace("{size}", "so much"),
            )  # fmt: skip
        elif code in gaps:
            gap = gaps[code]
            yield MetricNote(
                code=code, name=gap.name, sentence=gap.sentence, harm=gap.harm, parity=0.0,
                direction="Never below 0; compare it with what chance alone would show.",
            )  # fmt: skip


def _order(divisions: Sequence[Division]) -> Callable[[Finding], tuple[int, int, int]]:
    """Findings in the order of the facets, then of the stages, then of the groups."""
    facets = {division.name: place for place, division in enumerate(divisions)}
    groups = {
        (division.name, piece.text): place for division in divisions for place, piece in enumerate(division.slices)
    }
    stages = ("labels", "predictions", "errors", "scores")

    def order(finding: Finding) -> tuple[int, int, int]:
        return facets[finding.facet], stages.index(finding.stage), groups.get((finding.facet, finding.group), -1)

    return order


def _provenance(tally: Tally, about: About) -> Provenance:
    return Provenance(
        source=about.source,
        fingerprint=hashlib.sha256(tally.fingerprint.encode()).hexdigest(),
        rows=tally.rows,
        columns=len(about.columns),
        model=about.model,
        versions=dict(_versions()),
        seed=tally.audit.seed,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=0.0,
    )


def _versions() -> Iterator[tuple[str, str]]:
    for package in ("evenhand", "duckdb", "narwhals", "numpy"):
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, "unknown"
