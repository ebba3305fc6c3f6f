"""Distributions: how far apart the class distributions of two groups are, over every class."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.interval import Estimate
from evenhand.core.metric import metric
from evenhand.core.sides import Classes, Comparison

Array = NDArray[Any]

_HARM = "The labels of the groups follow different patterns, which a model will learn."
_WORDS = "the labels of {group} and {rest} are distributed differently (distance {size})"


def _label_shares(comparison: Comparison[Classes]) -> tuple[Array, Array]:
    rest, group = comparison.rest, comparison.group
    return rest.shares(rest.labels, "labels"), group.shares(group.labels, "labels")


def _divergence(first: Array, second: Array) -> Array:
    """sum_x first ln(first / second) in nats; infinite where second lacks a class that first has."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(first > 0, first * np.log(first / second), 0.0)
    # Rounding can leave a sum of zero just below it.
    return np.asarray(np.maximum(terms.sum(axis=-1), 0.0))


def _jensen_shannon(first: Array, second: Array) -> Array:
    middle = (first + second) / 2
    return np.asarray((_divergence(first, middle) + _divergence(second, middle)) / 2)


@metric(
    code="KL", name="Kullback–Leibler divergence",
    stage="labels", needs="label classes", parity=0.0, bounds=(0, float("inf")), unit="number",
    magnitude=True, harm=_HARM, above=_WORDS, below=_WORDS,
)  # fmt: skip
def kullback_leibler_divergence(comparison: Comparison[Classes]) -> Estimate:
    """How surprised one would be by the labels of the rest, expecting those of the group (nats).

    Infinite where the group lacks a class that the rest have. Kullback and Leibler (1951).
    """
    return Estimate(_divergence(*_label_shares(comparison)))


@metric(
    code="JS", name="Jensen–Shannon divergence",
    stage="labels", needs="label classes", parity=0.0, bounds=(0, float(np.log(2))), unit="number",
    magnitude=True, harm=_HARM, above=_WORDS, below=_WORDS,
)  # fmt: skip
def jensen_shannon_divergence(comparison: Comparison[Classes]) -> Estimate:
    """How far both label distributions are from their average (nats, at most ln 2).

    Lin, Divergence measures based on the Shannon entropy (1991).
    """
    return Estimate(_jensen_shannon(*_label_shares(comparison)))


@metric(
    code="LP", name="Lp norm (p = 2)",
    stage="labels", needs="label classes", parity=0.0, bounds=(0, float(np.sqrt(2))), unit="number",
    magnitude=True, harm=_HARM, above=_WORDS, below=_WORDS,
)  # fmt: skip
def lp_norm(comparison: Comparison[Classes]) -> Estimate:
    """The Euclidean distance between the label shares of the two groups."""
    rest, group = _label_shares(comparison)
    return Estimate(np.sqrt(((rest - group) ** 2).sum(axis=-1)))


@metric(
    code="TVD", stage="labels", needs="label classes", parity=0.0, bounds=(0, 1), unit="share",
    magnitude=True, harm=_HARM, above="{size} of the labels of {group} would have to change to match {rest}",
    below="{size} of the labels of {group} would have to change to match {rest}",
)  # fmt: skip
def total_variation_distance(comparison: Comparison[Classes]) -> Estimate:
    """The share of labels that would have to change for the two distributions to agree."""
    rest, group = _label_shares(comparison)
    return Estimate(np.abs(rest - group).sum(axis=-1) / 2)


@metric(
    code="KS", name="Kolmogorov–Smirnov distance",
    stage="labels", needs="label classes", parity=0.0, bounds=(0, 1), unit="share",
    magnitude=True, harm=_HARM, above="in one class, the shares of {group} and {rest} are {size} apart",
    below="in one class, the shares of {group} and {rest} are {size} apart",
)  # fmt: skip
def kolmogorov_smirnov_distance(comparison: Comparison[Classes]) -> Estimate:
    """The largest gap between the two groups in the share of any one label.

    Amazon SageMaker Clarify's KS, which takes the largest gap per class, not of the cumulative shares.
    """
    rest, group = _label_shares(comparison)
    return Estimate(np.abs(rest - group).max(axis=-1))


@metric(
    code="PTVD", stage="predictions", needs="prediction classes", parity=0.0, bounds=(0, 1), unit="share",
    magnitude=True, harm="The model spreads the groups differently over the classes.",
    above="{size} of the predictions for {group} would have to change to match {rest}",
    below="{size} of the predictions for {group} would have to change to match {rest}",
)  # fmt: skip
def total_variation_distance_of_predictions(comparison: Comparison[Classes]) -> Estimate:
    """The share of predictions that would have to change for the two distributions to agree."""
    rest, group = comparison.rest, comparison.group
    gap = rest.shares(rest.predictions, "predictions") - group.shares(group.predictions, "predictions")
    return Estimate(np.abs(gap).sum(axis=-1) / 2)
