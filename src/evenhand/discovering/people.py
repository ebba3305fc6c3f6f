"""People: the rows of a table as a search sees them — what is looked at, and the columns that groups are made of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.audit import Audit
from evenhand.core.errors import ColumnNotFound, DataError, SpecError
from evenhand.core.expressions import Expression
from evenhand.core.frame import Columns, Frame
from evenhand.core.items import Items, Target
from evenhand.core.plan import plan
from evenhand.core.subgroup import Question
from evenhand.counting.answering import describing, inputs_of, predicted, settled
from evenhand.discovering.levels import coded
from evenhand.models import LoadedModel

Array = NDArray[Any]

# More rows than this are sampled: a group of 1 % then has 20,000 rows.
MOST_ROWS = 2_000_000
MODEL_BATCH = 50_000


@dataclass(frozen=True, eq=False)
class People:
    """Rows that can be searched."""

    items: Items
    target: Target
    notes: tuple[str, ...] = ()

    def chosen(self, places: Array) -> "People":
        """Some of the rows."""
        return People(self.items.chosen(places), self.target.chosen(places), self.notes)


def people_of(
    frame: Frame, audit: Audit, question: Question, model: LoadedModel | None, columns: Sequence[str]
) -> People:
    """The rows of a table, coded; raises EvenhandError where the question does not fit the columns."""
    for name in columns:
        if name not in frame.kinds:
            raise ColumnNotFound(name, frame.kinds)
    names = tuple(columns) or describing(audit, frame, ("facet", "stratum"))
    names = tuple(name for name in names if name != question.column)
    fetched = _fetched(frame, audit, question, model, names)
    rows = len(next(iter(fetched.values()), ()))
    if not rows:
        raise DataError("The data has no rows.")
    found = [coded(name, fetched[f"column {name}"], frame.kinds[name]) for name in names]
    kept = tuple(each for each in found if len(each.levels) > 1)
    if not kept:
        raise DataError("No column is left that groups could be made of; name some with columns.")
    notes = [f"{rows:,} of {frame.height:,} rows were sampled."] if frame.height > MOST_ROWS else []
    alone = [each.name for each in found if len(each.levels) < 2]
    notes += [f"Columns with one value only were left out: {', '.join(alone)}."] if alone else []
    return People(Items(kept, rows), target_of(fetched, question), tuple(notes))


def _fetched(
    frame: Frame, audit: Audit, question: Question, model: LoadedModel | None, names: Sequence[str]
) -> Columns:
    if model is None:
        return frame.rows(_asked(frame, audit, question, names), MOST_ROWS, audit.seed)
    parts = list(_answered(frame, audit, question, model, names))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}


def _answered(
    frame: Frame, audit: Audit, question: Question, model: LoadedModel, names: Sequence[str]
) -> Iterator[Columns]:
    """The rows of each batch with the model's answers; a table beyond MOST_ROWS is read as far as that."""
    known, inputs = settled(audit, plan(audit, frame)), inputs_of(audit, frame, model)
    every = tuple(name for name in frame.kinds)
    done = 0
    for batch in frame.batches(every, MODEL_BATCH):
        answered, extended = predicted(known, model, batch, inputs)
        yield extended.rows(_asked(extended, answered, question, names), MODEL_BATCH, audit.seed)
        done += MODEL_BATCH
        if done >= MOST_ROWS:
            return


def _asked(frame: Frame, audit: Audit, question: Question, names: Sequence[str]) -> dict[str, Expression]:
    """What is fetched of each row."""
    asked = {f"column {name}": frame.expressions.column(name) for name in names}
    if question.outcome == "column":
        if question.column is None or question.column not in frame.kinds:
            raise ColumnNotFound(question.column or "", frame.kinds)
        return asked | {"value": frame.expressions.number(question.column)}
    if question.outcome == "regression error":
        if audit.label is None or audit.predicted_label is None:
            raise SpecError("A regression error needs the columns of the label and of the predicted label.")
        pair = {"label": audit.label, "prediction": audit.predicted_label}
        return asked | {role: frame.expressions.number(name) for role, name in pair.items()}
    keys = plan(audit, frame).keys
    needed = {"selection": ("prediction",), "label": ("label",)}.get(question.outcome, ("label", "prediction"))
    for role in needed:
        if role not in keys:
            raise SpecError(f"{question.outcome} needs the {role}: give {_OPTION[role]}.")
    return asked | {role: keys[role] for role in needed}


_OPTION = {"label": "label", "prediction": "predicted_label, score or a model"}


def target_of(fetched: Columns, question: Question) -> Target:
    """What is looked at in each row; rows without it are not counted."""
    if question.outcome == "column":
        value = _numbers(fetched["value"])
        return Target(np.nan_to_num(value), ~np.isnan(value))
    found = {role: _numbers(fetched[role]) for role in ("label", "prediction") if role in fetched}
    known = ~np.any([np.isnan(each) for each in found.values()], axis=0)
    label, prediction = found.get("label"), found.get("prediction")
    if question.outcome == "label":
        assert label is not None  # noqa: S101 - asked for
        return Target(np.nan_to_num(label), known)
    assert prediction is not None  # noqa: S101 - asked for
    if question.outcome == "selection" or label is None:
        return Target(np.nan_to_num(prediction), known)
    wrong = np.nan_to_num(np.abs(label - prediction))
    if question.outcome == "false positives":
        return Target(wrong, known & (label == 0))
    return Target(wrong, known & (label == 1) if question.outcome == "false negatives" else known)


def _numbers(values: Array) -> Array:
    """True and false as 1 and 0, missing as NaN."""
    if values.dtype != object:
        return values.astype(np.float64)
    return np.array([np.nan if value is None else float(value) for value in values], np.float64)
