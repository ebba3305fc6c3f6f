"""Answering: what a model or a table answers, as the loss of a bounty reads it — places, numbers or probabilities."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import ModelError
from evenhand.core.loss import Loss
from evenhand.core.values import Value, bare, normalised, written
from evenhand.models.answering import AnsweringName
from evenhand.models.answering import answers_of as asked
from evenhand.models.loaded import LoadedModel

Array = NDArray[Any]
_OUTSIDE = 1e-5  # single precision may leave 0…1 by this much
_SUM = 1e-3


def answers_of(model: LoadedModel, rows: Any, loss: Loss, classes: Sequence[Value]) -> Array:
    """What a model answers for rows of a dataframe, as the loss reads it; raises ModelError."""
    found = asked(model, rows, answering_of(loss), classes)
    why = fault_of(found, loss, classes)
    if why is not None:
        raise ModelError(f"The model cannot be judged: {why}")
    return plain_answers(found, loss)


def answering_of(loss: Loss) -> AnsweringName:
    """What a loss reads."""
    if loss.of_labels:
        return "labels"
    return "numbers" if loss.of_numbers else "probabilities"


def width_of(loss: Loss, classes: Sequence[Value]) -> int:
    """How many numbers a row's answer is made of."""
    return 1 if loss.of_labels or loss.of_numbers else len(classes)


def fault_of(answers: Array, loss: Loss, classes: Sequence[Value]) -> str | None:
    """Why answers cannot be judged, in one sentence; None where they can."""
    numbers = answers.astype(np.float64)
    unknown = int((~np.isfinite(numbers)).reshape(len(numbers), -1).any(axis=1).sum())
    if unknown:
        return f"{unknown:,} rows of the group have no prediction that is a number (it is missing, NaN or infinite)."
    if loss.of_labels:
        wrong = int(((numbers < 0) | (numbers >= len(classes)) | (numbers != np.floor(numbers))).sum())
        return f"{wrong:,} rows of the group have a label that the bounty does not know." if wrong else None
    if loss.of_numbers:
        return None
    if (numbers < -_OUTSIDE).any() or (numbers > 1 + _OUTSIDE).any():
        return "probabilities lie between 0 and 1, and some do not."
    wrong = int((np.abs(numbers.sum(axis=1) - 1) > _SUM).sum())
    return f"the probabilities of a row sum to 1, and those of {wrong:,} rows of the group do not." if wrong else None


def plain_answers(answers: Array, loss: Loss) -> Array:
    """Answers without faults in the type that losses are computed in."""
    # A decision list that is asked later answers without rounding either, so that both say the same to the last bit.
    if loss.of_labels:
        return answers.astype(np.int64)
    return answers.astype(np.float64)


def places_of(values: Sequence[Any], classes: Sequence[Value]) -> list[int]:
    """The place of each value among the classes, -1 where it is none; text, 1 and 1.0 may stand for the same class."""
    exact = {(type(each), each): place for place, each in enumerate(classes)}
    loose: dict[str, int] = {}
    for place, each in enumerate(classes):
        loose.setdefault(_loose(each), place)
    plain = [normalised(value) for value in values]
    return [-1 if value is None else exact.get((type(value), value), loose.get(_loose(value), -1)) for value in plain]


def _loose(value: Value) -> str:
    meant = bare(value.strip()) if isinstance(value, str) else value
    if isinstance(meant, str):
        return {"True": "true", "False": "false"}.get(meant, meant)
    known = normalised(meant)
    return written(known)
