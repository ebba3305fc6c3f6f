"""Score trees: trees that start from a model's scores and correct them by log loss, of LightGBM or scikit-learn."""

from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from evenhand.core.errors import SpecError
from evenhand.mitigations.ensembles import LightEnsemble

Array = NDArray[Any]
Library = Literal["lightgbm", "scikit-learn"]

# Variances of a label below this count as this, so that Newton steps are finite.
LEAST_VARIANCE = 1e-6


@dataclass(frozen=True)
class Growth:
    """How rounds are made: at most `rounds` of so many trees; leaves need this much weight of uncertain rows.

    `patience` rounds without a lower loss on the rows set aside end it.
    """

    rounds: int = 10
    trees: int = 30
    leaves: int = 15
    learning_rate: float = 0.1
    least_hessian: float = 20.0
    patience: int = 2
    library: Library | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Scored:
    """Rows with a model's scores (log odds)."""

    features: Array
    logits: Array
    labels: Array
    weight: Array

    @property
    def matrix(self) -> Array:
        """The features, and the score as one more."""
        return np.column_stack((self.features, self.logits))

    def among(self, chosen: Array) -> "Scored":
        """Some of the rows."""
        return Scored(self.features[chosen], self.logits[chosen], self.labels[chosen], self.weight[chosen])

    def loss(self, logits: Array) -> float:
        """The log loss of scores."""
        return float(np.average(self._losses(logits), weights=self.weight))

    def noise(self, before: Array, after: Array) -> float:
        """The standard error of the difference between the losses of two scores of the same rows."""
        apart, share = self._losses(before) - self._losses(after), self.weight / self.weight.sum()
        return float(np.sqrt(share**2 @ (apart - share @ apart) ** 2))

    def _losses(self, logits: Array) -> Array:
        return np.asarray(np.logaddexp(0, np.where(self.labels == 1, -logits, logits)))


def grown(rows: Scored, aside: Scored, categorical: list[int], growth: Growth) -> Any:
    """As many trees, at least one, as give the least loss on the rows set aside."""
    library = growth.library or ("lightgbm" if _lightgbm() else "scikit-learn")
    if library == "lightgbm":
        return _LightTrees.grown(rows, aside, categorical, growth)
    if library == "scikit-learn":
        return _HistogramTrees.grown(rows, aside, growth)
    raise SpecError(f"No library is called {library!r}; take 'lightgbm' or 'scikit-learn'.")


def _lightgbm() -> bool:
    try:
        import lightgbm  # noqa: F401
    except ImportError:
        return False
    return True


@dataclass(frozen=True, eq=False)
class _LightTrees:
    """Trees of LightGBM, grown from the scores by log loss."""

    ensemble: LightEnsemble
    count: int

    @classmethod
    def grown(cls, rows: Scored, aside: Scored, categorical: list[int], growth: Growth) -> "_LightTrees":
        """Grow them."""
        own = {
            "learning_rate": growth.learning_rate, "num_leaves": growth.leaves, "seed": growth.seed,
            "min_sum_hessian_in_leaf": growth.least_hessian,
        }  # fmt: skip
        matrix, outer = rows.matrix, aside.matrix
        ensemble, inner, judged = LightEnsemble(matrix, categorical, own), rows.logits.copy(), aside.logits.copy()
        losses = []
        for _ in range(growth.trees):
            chances = expit(inner)
            ensemble.grow(rows.weight * (chances - rows.labels), rows.weight * chances * (1 - chances))
            inner += ensemble.last(matrix)
            judged += ensemble.last(outer)
            losses.append(aside.loss(judged))
        return cls(ensemble, int(np.argmin(losses)) + 1)

    def raised(self, matrix: Array) -> Array:
        """What the trees add to each score."""
        return self.ensemble.margins(matrix, self.count)


@dataclass(frozen=True, eq=False)
class _HistogramTrees:
    """Trees of scikit-learn, which cannot start from scores: they regress one Newton step of the log loss."""

    regressor: Any
    count: int

    @classmethod
    def grown(cls, rows: Scored, aside: Scored, growth: Growth) -> "_HistogramTrees":
        """Fit them to the step (label less probability, over its variance), weighted by that variance."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        chances = expit(rows.logits)
        variance = np.maximum(chances * (1 - chances), LEAST_VARIANCE)
        # A leaf of the least weight of uncertain rows, if those rows were of the mean uncertainty.
        least = max(1, round(growth.least_hessian / float(np.average(variance, weights=rows.weight))))
        regressor = HistGradientBoostingRegressor(
            max_iter=growth.trees, max_leaf_nodes=growth.leaves, learning_rate=growth.learning_rate,
            min_samples_leaf=least, early_stopping=False, random_state=growth.seed,
        )  # fmt: skip
        regressor.fit(rows.matrix, (rows.labels - chances) / variance, sample_weight=rows.weight * variance)
        losses = [aside.loss(aside.logits + step) for step in regressor.staged_predict(aside.matrix)]
        return cls(regressor, int(np.argmin(losses)) + 1)

    def raised(self, matrix: Array) -> Array:
        """What the trees add to each score."""
        return np.asarray(next(islice(self.regressor.staged_predict(matrix), self.count - 1, None)))
