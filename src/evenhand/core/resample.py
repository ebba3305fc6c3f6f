"""Resample: bootstrap draws of a comparison from its tally, and draws as if there were no gap.

Resampling n rows with replacement and counting the cells is one multinomial draw over the cells, so no row is needed
(Efron 1979 applied to counts). Rows of one block are drawn together. A drawn cell's weight is its drawn rows times the
mean weight of the cell, with the spread that the weights within the cell give.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Resample:
    """The cells of both sides of a comparison, flattened: shape (cells,), or (blocks, cells) with blocks.

    `values` are rows or weights, `counts` rows, `variances` those of the weights within each cell.
    """

    values: Array
    counts: Array
    variances: Array
    blocks: Array | None
    draws: int
    seed: int

    @cached_property
    def drawn(self) -> Array:
        """Bootstrap draws of the cells, shape (draws, cells)."""
        generator = np.random.default_rng(self.seed)
        if self.blocks is not None:
            number = len(self.blocks)
            weights = generator.multinomial(number, np.full(number, 1 / number), size=self.draws)
            return np.asarray(weights.astype(np.float64) @ self.blocks)
        held = self.counts > 0
        drawn = np.zeros((self.draws, len(self.counts)))
        total = int(self.counts.sum())
        if total:
            rows = generator.multinomial(total, self.counts[held] / total, size=self.draws)
            drawn[:, held] = self._weighted(rows, held, generator)
        return drawn

    def _weighted(self, rows: Array, held: Array, generator: np.random.Generator) -> Array:
        mean, variance = self.values[held] / self.counts[held], self.variances[held]
        drawn = rows * mean
        if variance.any():
            drawn = np.maximum(drawn + np.sqrt(rows * variance) * generator.standard_normal(rows.shape), 0.0)
        return np.asarray(drawn)


def null_draws(group: Array, rest: Array, effective: tuple[float, float], draws: int, seed: int) -> tuple[Array, Array]:
    """Draws of two sides that share one distribution over cells, each with its own size; shapes (draws, cells)."""
    generator = np.random.default_rng(seed)
    pooled = group + rest
    total = pooled.sum()
    if total == 0:
        return np.zeros((draws, *group.shape)), np.zeros((draws, *rest.shape))
    share = pooled / total
    sizes = [max(round(float(side.sum()) * worth), 1) for side, worth in zip((group, rest), effective, strict=True)]
    first, second = (generator.multinomial(size, share, size=draws).astype(np.float64) for size in sizes)
    return first, second


def largest_gap_null(hits: Array, trials: Array, draws: int, seed: int) -> Array:
    """The largest gap between groups if all had the same rate: draws given the margins, shape (draws,).

    Hits are dealt out among the groups at random (multivariate hypergeometric), which conditions on how many there
    are, as a permutation test of the rows does.
    """
    generator = np.random.default_rng(seed)
    sizes, total = np.rint(trials).astype(np.int64), round(float(hits.sum()))
    dealt = generator.multivariate_hypergeometric(sizes, min(total, int(sizes.sum())), size=draws, method="marginals")
    rates = dealt / sizes
    return np.asarray(rates.max(axis=1) - rates.min(axis=1))
