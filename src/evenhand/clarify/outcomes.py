"""Outcomes: predicted labels out of the answers of models, live or recorded, in the type of the true labels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.analysis import Predictions
from evenhand.core.errors import ModelError
from evenhand.models.answers import as_array, as_labels, within_one

if TYPE_CHECKING:
    import pandas as pd


def from_numbers(
    answer: Any, headers: Sequence[Any] | None, threshold: float, name: str, *, scores: bool = False
) -> Predictions:
    """Labels from what a model answered: text and whole numbers are labels, floats from 0 to 1 are scores.

    Several scores a row name the header with the highest; one score above the threshold is the second header, or 1.
    `scores` says that the answer holds scores whatever it looks like. Raises ModelError where headers do not fit.
    """
    array = as_array(answer, name)
    known = tuple(headers) if headers is not None else None
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64) if scores else array
        except (TypeError, ValueError) as error:
            raise ModelError(f"The model {name} answers text where scores should stand. {_FLOAT}") from error
    if array.ndim == 2:
        return _of_classes(array, known, threshold, name)
    if not scores and not (array.dtype.kind == "f" and within_one(array)):
        return Predictions(array)
    return from_scores(array.astype(np.float64), known, threshold)


_FLOAT = "Could not convert string to float. Say with predictor.label or predictor.probability where they stand."


def from_scores(scores: NDArray[Any], headers: Sequence[Any] | None, threshold: float) -> Predictions:
    """A score strictly above the threshold is the second of two headers, or 1, and else the first, or 0."""
    pair = tuple(headers) if headers is not None and len(headers) == 2 else (0, 1)
    labels = as_labels(pair)[(scores > threshold).astype(int)]
    return Predictions(labels, scores, pair if headers is not None else None)


def _of_classes(
    scores: NDArray[Any], headers: tuple[Any, ...] | None, threshold: float, name: str
) -> Predictions:  # fmt: skip
    count = scores.shape[1]
    if headers is not None and len(headers) != count:
        raise ModelError(
            f"The model {name} answers {count} scores a row, and label_headers names {len(headers)}; name every score."
        )
    if scores.dtype.kind not in "fiu":
        raise ModelError(f"The model {name} answers text where scores should stand. {_FLOAT}")
    if headers is None and count == 2:
        return Predictions((scores[:, 1] > threshold).astype(int), scores)
    order = headers if headers is not None else tuple(range(count))
    return Predictions(as_labels(order)[scores.argmax(axis=1)], scores, headers)


def labels_like(labels: NDArray[Any], column: "pd.Series") -> NDArray[Any]:
    """Labels in the type of this column where every one of them has one meaning there; else as they are."""
    if column.dtype.kind == labels.dtype.kind and labels.dtype.kind != "O":
        return labels
    kind = column.dtype.kind
    wanted: NDArray[Any] | None = None
    if kind in "iu":
        wanted = _whole(labels)
    elif kind == "b":
        wanted = _truths(labels)
    elif kind == "f":
        wanted = _floats(labels)
    elif kind in "OU":
        wanted = _texts(labels, column)
    return labels if wanted is None else wanted


def _whole(labels: NDArray[Any]) -> NDArray[Any] | None:
    numbers = _floats(labels)
    if numbers is None or not bool(np.all(np.isfinite(numbers) & (numbers == np.round(numbers)))):
        return None
    return numbers.astype(np.int64)


def _floats(labels: NDArray[Any]) -> NDArray[Any] | None:
    try:
        return labels.astype(np.float64)
    except (TypeError, ValueError):
        return None


def _truths(labels: NDArray[Any]) -> NDArray[Any] | None:
    meaning = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
    read = [meaning.get(str(label).lower()) for label in labels.tolist()]
    return None if None in read else np.array(read, dtype=bool)


def _texts(labels: NDArray[Any], column: "pd.Series") -> NDArray[Any] | None:
    """As text where the column has the labels as text, such as "1" for 1."""
    known = {value for value in column.unique().tolist() if isinstance(value, str)}
    if not known:
        return None
    read = [label if isinstance(label, str) else _text(label, known) for label in labels.tolist()]
    return None if None in read else as_labels(np.array(read, dtype=object))


def _text(label: Any, known: set[str]) -> str | None:
    whole = isinstance(label, float) and label.is_integer()
    written = str(int(label)) if whole else str(label)
    return next((text for text in (written, str(label), str(label).lower()) if text in known), None)
