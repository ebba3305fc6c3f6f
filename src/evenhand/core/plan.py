"""Plan: an audit bound to the columns of a frame — the door where bad questions are turned away."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from evenhand.core.audit import Audit, Outcome
from evenhand.core.errors import ColumnNotFound, DataError, EvenhandError, SpecError, ValueNotFound
from evenhand.core.expressions import Expression, Expressions
from evenhand.core.facet import Facet
from evenhand.core.frame import Frame
from evenhand.core.group import Group
from evenhand.core.values import Level, Value, normalised, written

# Labels with more distinct numbers than this are taken as quantities, not classes.
MOST_CLASSES = 20
# Crossing more facets than this in one cube can make more cells than anyone reads; beyond, each question has its own.
MOST_CROSSED = 3

# Regression errors are counted in 16 bins to each doubling, from 2^-20 to 2^40: quantiles are within 4.5%.
ERROR_BINS = (16, -20, 40)


@dataclass(frozen=True)
class Plan:
    """What to count: key and sum expressions, and which keys make up each cube.

    `questions` are the facets and crossings asked about, by their text; `positive` are the label classes that a
    binary audit counts as favourable.
    """

    audit: Audit
    outcome: Outcome
    facets: Mapping[str, Facet]
    keys: Mapping[str, Expression]
    sums: Mapping[str, Expression]
    cubes: tuple[tuple[str, ...], ...]
    positive: tuple[Value, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Keys:
    keys: dict[str, Expression] = field(default_factory=dict)
    sums: dict[str, Expression] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def plan(audit: Audit, frame: Frame) -> Plan:
    """Bind the audit to the frame; raises SpecError or DataError where they do not agree."""
    _check_columns(audit, frame)
    facets = {text: Facet.parse(text, list(frame.kinds)) for text in audit.facets}
    outcome, positive, notes = _outcome(audit, frame)
    found = _Keys(notes=notes)
    for text, facet in facets.items():
        found.keys[facet_axis(text)] = facet.expression(frame.expressions)
    for role, column in (("stratum", audit.stratum), ("block", audit.block)):
        if column is not None:
            found.keys[role] = frame.expressions.column(column)
    if audit.weight is not None:
        weight = frame.expressions.number(audit.weight)
        found.keys["weight sign"] = frame.expressions.cut(weight, (0.0,))
        found.sums |= {"weight": weight, "weight_squared": frame.expressions.times(weight, weight)}
    (_plan_regression if outcome == "regression" else _plan_classes)(audit, frame, positive, found)
    cubes = _cubes(audit, found, tuple(facets))
    return Plan(audit, outcome, facets, found.keys, found.sums, cubes, positive, tuple(found.notes))


def facet_axis(text: str) -> str:
    """The name of a facet's axis in the cubes."""
    return f"facet {text}"


def is_condition(text: str, columns: Collection[str]) -> bool:
    """Whether a label is written as a condition rather than as the name of a column."""
    return text not in columns and any(sign in text for sign in "=<>")


def named_columns(text: str | None, columns: Collection[str]) -> tuple[str, ...]:
    """The columns that a label names, itself or in a condition."""
    if text is None:
        return ()
    return Group.parse(text).columns if is_condition(text, columns) else (text,)


def columns_of(audit: Audit, frame: Frame) -> dict[str, str]:
    """Every column that the audit reads, with its role."""
    roles = dict.fromkeys(named_columns(audit.label, frame.kinds), "label")
    roles |= dict.fromkeys(named_columns(audit.predicted_label, frame.kinds), "predicted label")
    for text in audit.facets:
        roles |= {name: "facet" for name in Facet.parse(text, list(frame.kinds)).columns if name not in roles}
    for role in ("score", "stratum", "weight", "block"):
        name = getattr(audit, role)
        if name is not None:
            roles.setdefault(name, role)
    return roles | dict.fromkeys(audit.prediction_interval or (), "prediction interval")


def _check_columns(audit: Audit, frame: Frame) -> None:
    used = columns_of(audit, frame)
    for name in (*used, *audit.missing, *(audit.features or ())):
        if name not in frame.kinds:
            raise ColumnNotFound(name, frame.kinds)
    unknown = [text for text in audit.reference if text not in audit.facets]
    if unknown:
        raise SpecError(f"reference names {unknown[0]!r}, which is not among the facets {', '.join(audit.facets)}.")
    unread = [name for name in audit.missing if name not in used]
    if unread:
        raise SpecError(f"missing names {unread[0]!r}, which the audit does not read; it reads {', '.join(used)}.")


def _outcome(audit: Audit, frame: Frame) -> tuple[Outcome, tuple[Value, ...], list[str]]:
    """The kind of outcome, the favourable classes, and what was assumed."""
    column = audit.label or audit.predicted_label
    if column is None or is_condition(column, frame.kinds):
        return "binary", (), []
    if audit.positive:
        if audit.outcome not in (None, "binary"):
            raise SpecError(f"positive is for a binary outcome; outcome is {audit.outcome!r}. Leave one of them out.")
        return "binary", audit.positive, []
    if audit.outcome in ("regression", "multiclass"):
        return audit.outcome, (), []
    values = [value for value in frame.distinct(column, MOST_CLASSES + 2) if value is not None]
    return _outcome_of_values(audit, frame, column, values)


def _outcome_of_values(
    audit: Audit, frame: Frame, column: str, values: Sequence[Level]
) -> tuple[Outcome, tuple[Value, ...], list[str]]:
    known = [value for value in values if value is not None]
    if not known:
        raise DataError(f"Column {column!r} holds no value, so nothing can be audited.")
    if {*known} <= {0, 1}:
        positive: Value = True if frame.kinds[column] == "boolean" else 1
        return "binary", (positive,), [f"Positive was not given; {column}={written(positive)} counts as positive."]
    if audit.outcome == "binary" or len(known) <= 2:
        raise SpecError(f"Say which value of {column!r} is favourable (positive): {_listed(known)}.")
    if len(known) <= MOST_CLASSES:
        return "multiclass", (), []
    if frame.kinds[column] == "number":
        return "regression", (), []
    raise DataError(
        f"Column {column!r} has more than {MOST_CLASSES} classes; say which are favourable (positive), or outcome: "
        "multiclass to compare them all."
    )


def _plan_classes(audit: Audit, frame: Frame, positive: tuple[Value, ...], found: _Keys) -> None:
    if audit.prediction_interval is not None:
        raise SpecError("prediction_interval is for a regression outcome.")
    for role, text in (("label", audit.label), ("prediction", audit.predicted_label)):
        if text is not None:
            found.keys[role] = _class_expression(text, frame, positive, audit)
    if audit.score is not None:
        score = frame.expressions.number(audit.score)
        low, high = audit.score_range
        found.keys["score"] = frame.expressions.linear_bin(score, low, high, audit.score_bins)
        if "prediction" not in found.keys:
            found.keys["prediction"] = frame.expressions.between(score, audit.score_threshold, None, True, False)
            found.notes.append(f"Predicted positive: {audit.score}>={audit.score_threshold!r}.")


def _class_expression(text: str, frame: Frame, positive: tuple[Value, ...], audit: Audit) -> Expression:
    expressions = frame.expressions
    if is_condition(text, frame.kinds):
        return Group.parse(text).expression(expressions)
    column = expressions.column(text)
    if not positive:
        return column
    try:
        return expressions.among(column, expressions.coerced(text, positive))
    except EvenhandError as error:
        if text != audit.predicted_label or audit.label is None:
            raise
        raise DataError(
            f"The predictions in {text!r} are of another type than the label {audit.label!r}: {error} Or write the "
            f"favourable prediction as a condition, such as {text}=1."
        ) from None


def _plan_regression(audit: Audit, frame: Frame, positive: tuple[Value, ...], found: _Keys) -> None:
    del positive
    e = frame.expressions
    predicted = audit.predicted_label or audit.score
    zero = e.constant(0.0)
    weight = found.sums.get("weight", e.constant(1.0))
    label = e.number(audit.label) if audit.label else zero
    prediction = e.number(predicted) if predicted else zero
    found.keys["incomplete"] = e.missing(e.plus(label, prediction))
    if audit.label:
        found.sums |= _moments("label", label, weight, e)
    if predicted:
        found.sums |= _moments("prediction", prediction, weight, e)
    if audit.label and predicted:
        error = e.minus(prediction, label)
        found.keys["error"] = e.signed_log_bin(error, *ERROR_BINS)
        found.sums |= _moments("error", error, weight, e)
    if audit.prediction_interval is not None:
        low, high = (e.number(name) for name in audit.prediction_interval)
        above, below = (e.between(gap, 0.0, None, True, False) for gap in (e.minus(label, low), e.minus(high, label)))
        found.keys["covered"] = e.all_of([above, below])


def _moments(name: str, value: Expression, weight: Expression, e: Expressions) -> dict[str, Expression]:
    """The weighted sums of a number and of its square."""
    weighted = e.times(value, weight)
    return {name: weighted, f"{name}_squared": e.times(value, weighted)}


def _cubes(audit: Audit, found: _Keys, facets: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """One cube of everything where that stays small, else one for each question; scores apart from strata."""
    axes = [axis for axis in found.keys if not axis.startswith("facet ")]
    wholes = [axes]
    if "score" in axes and ("stratum" in axes or "block" in axes):
        wholes = [
            [axis for axis in axes if axis != "score"],
            [axis for axis in axes if axis not in ("stratum", "block")],
        ]
    crossed = [facets] if len(facets) <= MOST_CROSSED else [*((facet,) for facet in facets), *audit.crossed]
    return tuple((*(facet_axis(facet) for facet in question), *whole) for question in crossed for whole in wholes)


def check_positive_occurs(audit: Audit, frame: Frame, positive: tuple[Value, ...]) -> None:
    """Raise ValueNotFound when none of the favourable values occurs, naming those that do."""
    column = audit.label or audit.predicted_label
    if column is not None and positive:
        values = [normalised(value) for value in frame.distinct(column, 10)]
        raise ValueNotFound(
            f"None of the favourable values {_listed(list(positive))} occurs in {column!r}, which holds "
            f"{_listed(values)}."
        )


def _listed(values: Sequence[Level]) -> str:
    return ", ".join(repr(value) if isinstance(value, str) else written(value) for value in values)
