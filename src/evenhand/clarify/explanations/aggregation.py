"""Aggregation: each row's Shapley values summed up over the rows, by one of Clarify's three ways."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.analysis import Section
from evenhand.clarify.explanations.table_labels import Labels
from evenhand.core.explanation import Explanation

Floats = NDArray[np.float64]
Way = Literal["mean_abs", "median", "mean_sq"]
# Rows that are read at once.
CHUNK = 16_384


def kernel_shap(explanation: Explanation, labels: Labels, way: Way) -> Section:
    """`kernel_shap` of analysis.json: global values and the expected value of each label."""
    values = aggregated(explanation.attributions, labels, way)
    expected = labels.signed(_base(explanation)) if _logit(explanation) else labels.answers(_base(explanation))
    return {
        label: {
            "global_shap_values": dict(zip(explanation.players, values[:, place].tolist(), strict=True)),
            "expected_value": float(expected[place]),
        }
        for place, label in enumerate(labels.names)
    }


def aggregated(values: Floats, labels: Labels, way: Way) -> Floats:
    """Players × labels: the mean |φ|, the median of the signed φ, or the mean φ², over the rows."""
    if way == "median":
        # One player's column at a time: a median needs all rows at once.
        found = np.stack([np.median(values[:, place], axis=0) for place in range(values.shape[1])])
        return labels.signed(found)
    each: Mapping[str, Callable[[Floats], Floats]] = {"mean_abs": np.abs, "mean_sq": np.square}
    total = sum((each[way](part).sum(axis=0) for part in _parts(values)), np.zeros(values.shape[1:]))
    # The size of a value does not depend on its sign.
    return np.abs(labels.signed(total / len(values)))


def ranking(section: Section) -> list[str]:
    """The features by the size of their global values, summed over the labels; ties stay in order."""
    sizes: dict[str, float] = {}
    for found in section.values():
        for name, value in found["global_shap_values"].items():
            sizes[name] = sizes.get(name, 0.0) + abs(value)
    return sorted(sizes, key=lambda name: -sizes[name])


def _parts(values: Floats) -> Iterator[Floats]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def _base(explanation: Explanation) -> Floats:
    """The mean over the rows: rows differ in it only where features are held."""
    return np.asarray(explanation.base.mean(axis=0))


def _logit(explanation: Explanation) -> bool:
    return explanation.making.link == "logit"
