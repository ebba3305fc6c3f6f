"""Answering: what a decision list passes on — places of classes, numbers, or probabilities — and how it tells them."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import ModelError
from evenhand.core.values import Value, normalised
from evenhand.models.answers import as_labels
from evenhand.models.loaded import LoadedModel

Array = NDArray[Any]
AnsweringName = Literal["labels", "numbers", "probabilities"]


def answers_of(model: LoadedModel, rows: Any, answering: AnsweringName, classes: Sequence[Value]) -> Array:
    """What the model answers, as losses read it: places of classes, numbers, or a probability for each class.

    Raises ModelError where the model gives no such answers.
    """
    if answering == "labels":
        return _places(model, rows, classes)
    values = model.values(rows)
    if answering == "probabilities":
        return _probabilities(model, values, classes)
    if values.shape[1] != 1:
        raise ModelError(f"The model {model.name} gives {values.shape[1]} numbers a row; here it must give one.")
    return np.asarray(values[:, 0], np.float64)


def _places(model: LoadedModel, rows: Any, classes: Sequence[Value]) -> Array:
    answers = model.predict(rows)
    if "label" in answers:
        return places_of(answers["label"], classes, model.name)
    if len(classes) != 2:
        raise ModelError(f"The model {model.name} gives scores, and there are {len(classes)} classes; give labels.")
    return (answers["score"] >= 0.5).astype(np.int32)


def places_of(labels: Array, classes: Sequence[Value], name: str) -> Array:
    """The place of each label among the classes; raises ModelError for a label that is none of them."""
    known = {_text(value): place for place, value in enumerate(classes)}
    plain = labels.tolist()
    found = {value: known.get(_text(value)) for value in set(plain)}
    for value, place in found.items():
        if place is None:
            allowed = ", ".join(repr(each) for each in classes[:12])
            raise ModelError(f"The model {name} answered {str(value)[:80]!r}, which is no class; classes: {allowed}.")
    return np.array([found[value] for value in plain], np.int32)


def _text(value: Any) -> str:
    return str(normalised(value))


def _probabilities(model: LoadedModel, values: Array, classes: Sequence[Value]) -> Array:
    if values.shape[1] == 1 and len(classes) == 2:
        values = np.column_stack([1 - values[:, 0], values[:, 0]])
    if values.shape[1] != len(classes):
        raise ModelError(f"The model {model.name} gives {values.shape[1]} numbers a row for {len(classes)} classes.")
    if model.classes is None:
        return np.asarray(values)
    theirs = [_text(value) for value in model.classes]
    if sorted(theirs) != sorted(_text(value) for value in classes):
        raise ModelError(
            f"The model {model.name} knows the classes {', '.join(theirs[:12])}, which are not those here."
        )
    return np.asarray(values[:, [theirs.index(_text(value)) for value in classes]])


def told(answers: Array, answering: AnsweringName, classes: Sequence[Value]) -> dict[str, Array]:
    """The answers as a model gives them: labels where there are classes, a score where there are two and chances."""
    if answering == "numbers":
        return {"label": answers}
    places = answers.argmax(axis=1) if answering == "probabilities" else answers
    found = {"label": as_labels(classes)[places]}
    if answering == "probabilities" and len(classes) == 2:
        found["score"] = answers[:, 1]
    return found


def numbers(answers: Array, answering: AnsweringName, classes: Sequence[Value]) -> Array:
    """The answers as numbers to explain: predicted values, or the probability of every class (of the second of two)."""
    if answering == "labels":
        chances = (answers[:, None] == np.arange(len(classes))).astype(np.float64)
    elif answering == "numbers":
        return answers
    else:
        chances = answers
    return np.asarray(chances[:, 1] if len(classes) == 2 else chances)
