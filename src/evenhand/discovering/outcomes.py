"""Outcomes: what is looked at in each row, from the columns that hold it, and which rows can have it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.audit import Audit
from evenhand.core.errors import ColumnNotFound, SpecError
from evenhand.core.expressions import Expression
from evenhand.core.frame import Columns, Frame
from evenhand.core.items import Target
from evenhand.core.plan import Plan, plan
from evenhand.core.subgroup import Question

Array = NDArray[Any]

_OPTION = {"label": "label", "prediction": "predicted_label, score or a model"}
_NEEDS = {"selection": ("prediction",), "label": ("label",)}


def needed(frame: Frame, audit: Audit, question: Question) -> dict[str, Expression]:
    """What the outcome is made of; raises EvenhandError where the audit does not say."""
    if question.outcome == "column":
        return {"value": _number(frame, question.column or "")}
    if question.outcome == "regression error":
        predicted = audit.predicted_label or audit.score
        if audit.label is None or predicted is None:
            raise SpecError("A regression error needs the columns of the label and of the predicted label.")
        return {"label": _number(frame, audit.label), "prediction": _number(frame, predicted)}
    bound = plan(audit, frame)
    _check(bound, question)
    roles = _NEEDS.get(question.outcome, ("label", "prediction"))
    for role in roles:
        if role not in bound.keys:
            raise SpecError(f"{question.outcome} needs the {role}: give {_OPTION[role]}.")
    return {role: bound.keys[role] for role in roles}


def _number(frame: Frame, name: str) -> Expression:
    if name not in frame.kinds:
        raise ColumnNotFound(name, frame.kinds)
    if frame.kinds[name] not in ("number", "boolean"):
        raise SpecError(f"Column {name!r} holds no numbers, so no difference of it can be looked for.")
    return frame.expressions.number(name)


def _check(bound: Plan, question: Question) -> None:
    if bound.outcome == "regression":
        raise SpecError(f"The label is a quantity; ask for regression error or a column instead of {question.outcome}.")
    if bound.outcome == "multiclass" and question.outcome != "error":
        raise SpecError(f"The label has several classes; for {question.outcome} say which are favourable (positive).")


def target_of(fetched: Columns, question: Question) -> Target:
    """What is looked at in each row; rows without it are not counted."""
    if question.outcome == "column":
        value = _numbers(fetched["value"])
        known = np.isfinite(value)
        return Target(np.where(known, value, 0.0), known)
    found: dict[str, Array] = {role: fetched[role] for role in ("label", "prediction") if role in fetched}
    if question.outcome == "error" and any(_classes(each) for each in found.values()):
        return _told_apart(found)
    numbers = {role: _numbers(each) for role, each in found.items()}
    known = np.all([np.isfinite(each) for each in numbers.values()], axis=0)
    # Rows that are not counted may hold anything but what is no number.
    return _of_numbers({role: np.where(known, each, 0.0) for role, each in numbers.items()}, known, question)


def _of_numbers(found: Mapping[str, Array], known: Array, question: Question) -> Target:
    if question.outcome in _NEEDS:
        return Target(found[_NEEDS[question.outcome][0]], known)
    label = found["label"]
    wrong = np.abs(label - found["prediction"])
    if question.outcome == "false positives":
        return Target(wrong, known & (label == 0))
    return Target(wrong, known & (label == 1) if question.outcome == "false negatives" else known)


def _classes(values: Array) -> bool:
    """Whether these are names, not truths or numbers."""
    return values.dtype.kind in "US" or (values.dtype == object and any(isinstance(each, str) for each in values))


def _told_apart(found: Mapping[str, Array]) -> Target:
    pairs = list(zip(found["label"], found["prediction"], strict=True))
    known = np.array([label is not None and prediction is not None for label, prediction in pairs], bool)
    wrong = np.array([str(label) != str(prediction) for label, prediction in pairs], np.float64)
    return Target(np.where(known, wrong, 0.0), known)


def _numbers(values: Array) -> Array:
    """True and false as 1 and 0, missing as NaN."""
    if values.dtype != object:
        return values.astype(np.float64)
    return np.array([np.nan if value is None else float(value) for value in values], np.float64)
