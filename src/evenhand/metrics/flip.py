"""Flip test: do people of the group get what their nearest neighbours among the rest get? The one metric on rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import Undefined
from evenhand.core.interval import Bounds, Estimate, percentile
from evenhand.core.metric import metric
from evenhand.core.sides import Array

NEIGHBOURS = 5
# Text columns with more values than this are identifiers or free text, which say nothing about being alike.
MOST_CATEGORIES = 100


@dataclass(frozen=True)
class Neighbourhood:
    """Rows to compare: standardised features, which of them are the group's, and the predictions."""

    features: NDArray[np.float64]
    group: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    draws: int
    seed: int


@metric(
    code="FT", stage="predictions", needs="features", parity=0.0, bounds=(-1, 1),
    harm="Individual fairness: people alike in everything else are decided differently.",
    above="{size} more of {group} are turned down where their nearest in {rest} are accepted than the reverse",
    below="{size} more of {group} are accepted where their nearest in {rest} are turned down than the reverse",
)  # fmt: skip
def flip_test(rows: Neighbourhood) -> Estimate:
    """How many more of the group would gain than lose if decided as their nearest neighbours among the rest.

    (F+ - F-) / n_group with k = 5 neighbours (k = 1 for a rest of 9 rows or fewer) on standardised features;
    Amazon SageMaker Clarify, Flip Test (FT), with the sign of its documents.
    """
    if not rows.group.any() or rows.group.all():
        raise Undefined("one of the two sides has no rows")
    if rows.features.shape[1] == 0:
        raise Undefined("no feature is left to compare people by")
    flips = _neighbours_accept(rows).astype(int) - rows.predicted[rows.group].astype(int)
    gained, lost = int((flips > 0).sum()), int((flips < 0).sum())

    def bounds(level: float) -> Bounds:
        counts = np.array([gained, lost, len(flips) - gained - lost])
        drawn = np.random.default_rng(rows.seed).multinomial(len(flips), counts / len(flips), size=rows.draws)
        return percentile((drawn[:, 0] - drawn[:, 1]) / len(flips), level)

    return Estimate(np.asarray((gained - lost) / len(flips)), bounds, "bootstrap")


def _neighbours_accept(rows: Neighbourhood) -> Array:
    """Whether most of the nearest rows of the rest are predicted positive, for each row of the group."""
    from scipy.spatial import cKDTree  # a third of a second that only the flip test needs

    rest, accepted = rows.features[~rows.group], rows.predicted[~rows.group]
    neighbours = NEIGHBOURS if len(rest) > 9 else 1
    # Many rows are alike; looking each distinct row up once makes the index fast on categorical data.
    distinct, inverse = np.unique(rows.features[rows.group], axis=0, return_inverse=True)
    _, nearest = cKDTree(rest).query(distinct, k=neighbours)
    votes = accepted[nearest].reshape(len(distinct), neighbours).mean(axis=1)
    return np.asarray(votes[inverse] > 0.5)


def standardised(columns: dict[str, Array]) -> tuple[NDArray[np.float64], list[str]]:
    """Features on one scale, and the columns left out: numbers as z-scores, categories as indicators.

    Two rows of different categories are as far apart as two numbers by one standard deviation; missing numbers take
    the mean.
    """
    blocks: list[NDArray[np.float64]] = []
    left_out = []
    for name, column in columns.items():
        block = _indicators(column) if column.dtype == object or column.dtype == bool else _scores(column)
        if block is None:
            left_out.append(name)
        else:
            blocks.append(block)
    rows = len(next(iter(columns.values()))) if columns else 0
    return (np.concatenate(blocks, axis=1) if blocks else np.zeros((rows, 0))), left_out


def _scores(column: Array) -> NDArray[np.float64] | None:
    values = np.asarray(column, np.float64)
    values = np.where(np.isfinite(values), values, np.nan)
    if np.isnan(values).all() or _is_identifier(values):
        return None
    values = np.where(np.isnan(values), np.nanmean(values), values)
    spread = values.std()
    return ((values - values.mean()) / spread)[:, np.newaxis] if spread > 0 else None


def _is_identifier(values: NDArray[np.float64]) -> bool:
    """Whole numbers of which no two are the same number people, not what people are like."""
    return (
        len(values) > MOST_CATEGORIES
        and len(np.unique(values)) == len(values)
        and bool((values == values.round()).all())
    )


def _indicators(column: Array) -> NDArray[np.float64] | None:
    table: dict[Any, int] = {}
    codes = np.fromiter((table.setdefault(str(value), len(table)) for value in column), np.int64, len(column))
    if not 1 < len(table) <= MOST_CATEGORIES:
        return None
    # Two indicators differ when categories do; the square root of a half makes that distance one.
    return np.asarray(np.eye(len(table))[codes] * np.sqrt(0.5))
