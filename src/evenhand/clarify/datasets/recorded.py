"""Recorded predictions: labels, scores or lists of both in a table of their own, as one predicted label a row."""

import ast
from typing import TYPE_CHECKING, Any

import numpy as np

from evenhand.clarify.config.analysis_config import AnalysisConfig, Name, PredictorConfig
from evenhand.clarify.datasets.columns import located
from evenhand.clarify.datasets.table import pandas
from evenhand.clarify.outcomes import from_numbers
from evenhand.core.errors import DataError, ModelError

if TYPE_CHECKING:
    import pandas as pd

PREDICTED = "predicted_label"
_WHERE = "of predicted_label_dataset_uri"


def recorded_labels(config: AnalysisConfig, rows: "pd.DataFrame", columns: tuple[str, ...]) -> "pd.Series":
    """The predicted labels in these columns, as predictor.label, predictor.probability and label_headers say.

    Without them: the column that predicted_label names, predicted_label itself, the only column, or one score for each
    of label_headers. Raises DataError where none fits.
    """
    asked = config.predictor or PredictorConfig()
    place = asked.label if asked.label is not None else config.predicted_label
    if asked.probability is not None:
        scores = rows[located(asked.probability, columns, f"predictor.probability {_WHERE}")]
        if place is not None and _holds_lists(labels := rows[located(place, columns, f"predictor.label {_WHERE}")]):
            return _likeliest(labels, scores)
        if place is None or asked.label is None:
            return _of_scores(config, asked, scores)
    return _of_labels(config, asked, rows, columns, place)


def _of_labels(
    config: AnalysisConfig, asked: PredictorConfig, rows: "pd.DataFrame", columns: tuple[str, ...], place: Name | None
) -> "pd.Series":
    if place is None and asked.label_headers and len(asked.label_headers) == len(columns) > 1:
        return _labels(config, asked, rows[list(columns)].to_numpy(), rows)
    if place is None and PREDICTED not in columns and len(columns) > 1:
        raise DataError(
            f"predicted_label_dataset_uri has {len(columns)} columns; say with predicted_label or predictor.probability"
            " which one holds the predictions."
        )
    if place is None:
        name = PREDICTED if PREDICTED in columns else columns[0]
    else:
        name = located(place, columns, f"predicted_label {_WHERE}")
    column = rows[name]
    scores = column.dtype.kind == "f" and bool(column.between(0, 1).all()) and bool((column % 1 != 0).any())
    return _of_scores(config, asked, column) if scores or _holds_lists(column) else column


def _of_scores(config: AnalysisConfig, asked: PredictorConfig, column: "pd.Series") -> "pd.Series":
    if _holds_lists(column):
        return _labels(
            config, asked, np.array([_listed(cell, str(column.name)) for cell in column], dtype=float), column
        )
    if column.dtype.kind not in "iufb":
        raise DataError(
            f"Could not convert string to float. The scores in {str(column.name)!r} are text; name another column with"
            " predictor.probability."
        )
    return _labels(config, asked, column.to_numpy(), column)


def _labels(config: AnalysisConfig, asked: PredictorConfig, scores: Any, like: Any) -> "pd.Series":
    try:
        found = from_numbers(scores, asked.label_headers, config.probability_threshold, "recorded", scores=True)
    except ModelError as error:
        raise DataError(f"The recorded predictions do not fit label_headers: {error}") from error
    return _series(found.labels.tolist(), like)


def _likeliest(labels: "pd.Series", scores: "pd.Series") -> "pd.Series":
    """The label with the highest score, where each row lists labels and their scores."""
    best = []
    for names, values in zip(labels, scores, strict=True):
        listed, numbers = _listed(names, str(labels.name)), _listed(values, str(scores.name))
        if len(listed) != len(numbers) or not listed:
            raise DataError(f"A row lists {len(listed)} labels and {len(numbers)} scores; it must list one for each.")
        best.append(listed[int(np.argmax(np.asarray(numbers, dtype=float)))])
    return _series(best, labels)


def _series(values: list[Any], like: Any) -> "pd.Series":
    pd = pandas()
    texts = any(isinstance(value, str) for value in values)
    return pd.Series(values, index=like.index, dtype="str" if texts else None)  # type: ignore[no-any-return]


def _holds_lists(column: "pd.Series") -> bool:
    return bool(len(column)) and isinstance(column.iloc[0], str) and column.iloc[0].lstrip().startswith("[")


def _listed(text: Any, name: str) -> list[Any]:
    try:
        return list(ast.literal_eval(str(text).strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise DataError(
            f"The column {name!r} holds lists such as [0.6, 0.4], and {str(text)[:60]!r} is none."
        ) from error
