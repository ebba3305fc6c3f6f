"""Ensembles: trees added one at a time for gradients of our own, by LightGBM or XGBoost."""

from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import MissingExtra, SpecError

Array = NDArray[Any]
Library = Literal["lightgbm", "xgboost"]

# LightGBM's own least number of rows in a leaf.
LEAST_ROWS = 20


class Ensemble(Protocol):
    """Trees that grow."""

    def grow(self, gradient: Array, hessian: Array) -> None:
        """Add a tree that follows the gradient."""

    def last(self, matrix: Array) -> Array:
        """What the newest tree adds to each row's margin."""

    def margins(self, matrix: Array, trees: int) -> Array:
        """What the first trees add up to."""


class LightEnsemble:
    """Trees of LightGBM."""

    def __init__(self, matrix: Array, categorical: list[int], parameters: dict[str, Any]) -> None:
        try:
            import lightgbm
        except ImportError as error:
            raise MissingExtra("Boosting within constraints", "lightgbm", "mend") from error
        own = {"objective": "none", "verbosity": -1, "num_threads": 1, "feature_pre_filter": False, **parameters}
        self.trees, self.booster = 0, None
        # LightGBM makes an error of rows that no tree can divide, because they are alike or too few.
        if _divisible(matrix, int(own.get("min_data_in_leaf", LEAST_ROWS))):
            data = lightgbm.Dataset(matrix, np.zeros(len(matrix)), categorical_feature=categorical, params=own)
            self.booster = lightgbm.Booster(own, data)

    def grow(self, gradient: Array, hessian: Array) -> None:
        """Add a tree that follows the gradient; none where no tree can divide the rows."""
        self.trees += 1
        if self.booster is not None:
            self.booster.update(fobj=lambda _margins, _data: (gradient, hessian))

    def last(self, matrix: Array) -> Array:
        """What the newest tree adds to each row's margin; nothing where no split was worth it."""
        return self._between(matrix, self.trees - 1, 1)

    def margins(self, matrix: Array, trees: int) -> Array:
        """What the first trees add up to."""
        return self._between(matrix, 0, trees)

    def _between(self, matrix: Array, start: int, count: int) -> Array:
        # LightGBM reads a count of 0 as all trees, and stops adding trees where it finds no split.
        if self.booster is None or count <= 0 or start >= self.booster.current_iteration():
            return np.zeros(len(matrix))
        # The booster's own number of threads holds for training only.
        margins = self.booster.predict(matrix, start, count, raw_score=True, num_threads=1)
        return np.asarray(margins)


def _divisible(matrix: Array, least: int) -> bool:
    """Whether the rows are enough for two leaves, and some column has two bins that LightGBM would make (of 3 rows)."""
    if len(matrix) <= 2 * least:
        return False
    return any(np.sort(np.unique(column, return_counts=True)[1])[:-1].sum() >= 3 for column in matrix.T)


class ExtremeEnsemble:
    """Trees of XGBoost; columns of texts are taken as the numbers of their places."""

    def __init__(self, matrix: Array, categorical: list[int], parameters: dict[str, Any]) -> None:  # noqa: ARG002
        try:
            import xgboost
        except ImportError as error:
            raise MissingExtra("Boosting by XGBoost", "xgboost", "trees") from error
        names = {"num_leaves": "max_leaves", "seed": "seed", "learning_rate": "learning_rate"}
        own = {names.get(name, name): value for name, value in parameters.items()}
        self.xgboost = xgboost
        self.data = xgboost.DMatrix(matrix, np.zeros(len(matrix)))
        grown = {"tree_method": "hist", "grow_policy": "lossguide", "max_depth": 0, "nthread": 1, "base_score": 0.0}
        self.booster = xgboost.Booster({**grown, "verbosity": 0, **own}, [self.data])
        self.trees = 0

    def grow(self, gradient: Array, hessian: Array) -> None:
        """Add a tree that follows the gradient."""
        self.booster.boost(self.data, self.trees, grad=gradient, hess=hessian)
        self.trees += 1

    def last(self, matrix: Array) -> Array:
        """What the newest tree adds to each row's margin."""
        return self._between(matrix, self.trees - 1, self.trees)

    def margins(self, matrix: Array, trees: int) -> Array:
        """What the first trees add up to."""
        return self._between(matrix, 0, trees)

    def _between(self, matrix: Array, start: int, end: int) -> Array:
        if end <= start:
            return np.zeros(len(matrix))
        data = self.xgboost.DMatrix(matrix)
        return np.asarray(self.booster.predict(data, output_margin=True, iteration_range=(start, end)), np.float64)

    def __getstate__(self) -> dict[str, Any]:
        # The fitted rows are needed to grow, not to predict, and cannot be copied.
        return {"booster": self.booster, "trees": self.trees, "data": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        import xgboost

        self.__dict__.update(state, xgboost=xgboost)


def ensemble(library: Library, matrix: Array, categorical: list[int], parameters: dict[str, Any]) -> Ensemble:
    """An empty ensemble for rows; raises SpecError for a library it does not know, MissingExtra for one not there."""
    if library == "lightgbm":
        return LightEnsemble(matrix, categorical, parameters)
    if library == "xgboost":
        return ExtremeEnsemble(matrix, categorical, parameters)
    raise SpecError(f"No library is called {library!r}; take 'lightgbm' or 'xgboost'.")
