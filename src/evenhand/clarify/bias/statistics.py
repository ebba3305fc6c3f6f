"""The figures beside the metrics: label distributions, each group's confusion, and the model's performance."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.analysis import Dataset, Section
from evenhand.clarify.bias.catalogue import shown
from evenhand.clarify.bias.cells import Side
from evenhand.clarify.bias.formulas import divide
from evenhand.clarify.bias.questions import Meaning, inside, label_meaning, threshold_meaning, typed
from evenhand.clarify.config.analysis_config import AnalysisConfig, FacetConfig

if TYPE_CHECKING:
    import pandas as pd

Mask = NDArray[np.bool_]

MOST_CLASSES = 50


def statistics_of(config: AnalysisConfig, dataset: Dataset) -> Section:
    """Label distributions per facet value, the model's performance and its confusion, as plain dicts.

    Raises SpecError or ValueNotFound where no label is positive.
    """
    rows = typed(dataset.rows)
    meaning = label_meaning(config, dataset, rows)
    positive = inside(meaning, rows[meaning.column])
    found: Section = {
        "label": meaning.column,
        "label_value_or_threshold": meaning.shown,
        "positive_is": "values" if meaning.above is None else "above a threshold",
        "observed_label_distribution": _shares(positive),
        "label_distribution": _classes(rows[meaning.column]) if meaning.above is None else {},
    }
    accepted = None
    if dataset.predicted_label is not None:
        accepted = _accepted(rows[dataset.predicted_label], dataset.predicted_label, meaning)
        found |= performance(confusion(positive, accepted))
        found["confusion_matrix"] = _crossed(rows, meaning, dataset.predicted_label)
    facets = {
        name: _facet(_divided(rows[name], facet, name), positive, accepted)
        for facet, name in zip(config.facet or (), dataset.facets, strict=True)
    }
    return found | {"facets": facets}


def _divided(column: "pd.Series[Any]", facet: FacetConfig, name: str) -> "pd.Series[Any]":
    """The column as its facet divides it: above the threshold or not, or by value."""
    import pandas as pd

    meaning = threshold_meaning(facet, column, name)
    if meaning is None:
        return column
    sides = pd.Series(np.where(inside(meaning, column), meaning.shown, "the other rows"), column.index, dtype=object)
    return sides.mask(column.isna())


def _accepted(column: "pd.Series[Any]", name: str, meaning: Meaning) -> Mask:
    """Which rows are predicted positive; values are compared as numbers, or else as text."""
    import pandas as pd

    if meaning.above is None and pd.api.types.is_numeric_dtype(column.dtype):
        numbers = pd.to_numeric(pd.Series(list(meaning.values)), errors="coerce")
        return np.asarray(column.isin(numbers), bool)
    if meaning.above is not None and not pd.api.types.is_numeric_dtype(column.dtype):
        column = pd.to_numeric(column, errors="coerce")
    return inside(Meaning(name, meaning.shown, tuple(map(_same, meaning.values)), meaning.above), column)


def _same(value: Any) -> Any:
    return value if isinstance(value, bool) else str(value)


def confusion(positive: Mask, accepted: Mask) -> Side:
    """The rows by label and prediction."""
    table = np.bincount(positive * 2 + accepted, minlength=4)
    return Side(int(table[3]), int(table[1]), int(table[2]), int(table[0]))


def performance(side: Side) -> Section:
    """The ten figures of a model, under the names that Clarify gives them, and the binary confusion matrix."""
    precision, recall = divide(side.true_positive, side.accepted), divide(side.true_positive, side.positive)
    figures = {
        "Accuracy": divide(side.correct, side.rows),
        "Proportion of Positive Predictions in Labels": divide(side.accepted, side.rows),
        "Proportion of Negative Predictions in Labels": divide(side.rejected, side.rows),
        "True Positive Rate / Recall": recall,
        "True Negative Rate / Specificity": divide(side.true_negative, side.negative),
        "Acceptance Rate / Precision": precision,
        "Rejection Rate": divide(side.true_negative, side.rejected),
        "Conditional Acceptance": divide(side.positive, side.accepted),
        "Conditional Rejection": divide(side.negative, side.rejected),
        "F1 Score": 2 * divide(precision * recall, precision + recall),
    }
    return {
        "model_performance_metrics": {name: shown(value) for name, value in figures.items()},
        "binary_confusion_matrix": fractions(side),
    }


def fractions(side: Side) -> list[float]:
    """The shares of TP, FP, FN and TN."""
    counts = (side.true_positive, side.false_positive, side.false_negative, side.true_negative)
    return [divide(count, side.rows) for count in counts]


def _shares(positive: Mask) -> list[float]:
    share = divide(int(positive.sum()), len(positive))
    return [share, 1 - share]


def _classes(column: "pd.Series[Any]") -> dict[str, int]:
    """Rows by class, the most frequent first."""
    return {str(value): int(rows) for value, rows in column.value_counts().head(MOST_CLASSES).items()}


def _facet(column: "pd.Series[Any]", positive: Mask, accepted: Mask | None) -> list[Section]:
    """Share of rows, label distribution and confusion of the most frequent values of a facet."""
    import pandas as pd

    codes, values = pd.factorize(column)
    found = []
    order = np.argsort(-np.bincount(codes[codes >= 0], minlength=len(values)), kind="stable")[:MOST_CLASSES]
    for place in order:
        group = codes == place
        each: Section = {
            "value": str(values[place]),
            "rows": int(group.sum()),
            "proportion": divide(int(group.sum()), len(codes)),
            "observed_label_distribution": _shares(positive[group]),
        }
        if accepted is not None:
            each["confusion_matrix"] = fractions(confusion(positive[group], accepted[group]))
        found.append(each)
    return found


def _crossed(rows: "pd.DataFrame", meaning: Meaning, predicted: str) -> dict[str, dict[str, float]]:
    """Rows by true class and predicted class; empty for a label that is a quantity."""
    if meaning.above is not None or rows[meaning.column].nunique() > MOST_CLASSES:
        return {}
    counted = rows.groupby([meaning.column, predicted], observed=True).size()
    classes = [str(value) for value in sorted(rows[meaning.column].dropna().unique(), key=str)]
    matrix = {true: dict.fromkeys(classes, 0.0) for true in classes}
    for place, count in zip(counted.index, counted, strict=True):
        matrix[str(place[0])][str(place[1])] = float(count)
    return matrix
