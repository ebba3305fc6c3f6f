"""Fair boosting: gradient boosting that keeps constraints on rates, by multipliers that rise while they are broken.

The idea of FairGBM (Cruz, Belém, Jesus, Bravo, Saleiro and Bizarro 2023) as an objective for current libraries. True
rates at the threshold move the multipliers; trees follow gradients of a smooth proxy of those rates: rows of a group
whose rate is too high are pulled down, those of one too low up, as far as its multiplier says. Multipliers count in
losses of one row, whatever the sizes of groups, and the best iterate is kept, not the last one.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from evenhand.core.constraint import Constraint
from evenhand.core.errors import SpecError
from evenhand.mitigations.codings import Numbers
from evenhand.mitigations.during.iterates import Boosted, Iterates
from evenhand.mitigations.during.multipliers import Ascent, Multipliers, Proxy, Rows
from evenhand.mitigations.ensembles import Ensemble, Library
from evenhand.mitigations.ensembles import ensemble as empty_ensemble
from evenhand.mitigations.facets import facet_texts
from evenhand.mitigations.training import BadRows, Constraints, Labels, constraints_of, held_out, table_of, weights_of

Array = NDArray[Any]


def fit_boosting(
    grown: Ensemble,
    rows: Rows,
    choosing: Rows,
    constraints: Sequence[Constraint],
    *,
    trees: int = 100,
    ascent: Ascent | None = None,
) -> tuple[Boosted, float]:
    """Grow trees; the kept number of them, and the margin that they start from.

    Of all numbers of trees, that of least log loss on the rows for choosing, plus five times what goes beyond a bound,
    is kept: with the fitted rows themselves and bounds of 1, all trees. Raises SpecError for no trees.
    """
    if trees < 1:
        raise SpecError(f"trees={trees} grows nothing; ask for at least 1.")
    ascent = ascent or Ascent()
    start = float(logit(np.clip(np.average(rows.labels, weights=rows.weight), 1e-6, 1 - 1e-6)))
    multipliers, iterates = Multipliers(rows, constraints, ascent), Iterates(choosing, constraints, ascent.threshold)
    margins, judged = np.full(len(rows.labels), start), np.full(len(choosing.labels), start)
    for tree in range(1, trees + 1):
        grown.grow(*multipliers.gradients(margins))
        margins += grown.last(rows.matrix)
        judged = margins if choosing is rows else judged + grown.last(choosing.matrix)
        iterates.look(judged)
        if tree % ascent.every == 0:
            multipliers.rise(margins)
    return iterates.verdict(multipliers.told()), start


class FairBoostingClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Gradient boosting whose decisions at a fixed threshold keep constraints; the facet is needed only when fitting.

    After FairGBM (Cruz et al. 2023, arXiv 2209.07850), with LightGBM or XGBoost as they are installed. X (rows by
    columns) is an array of numbers or a frame, whose columns of text are categories; NaN is missing.

    `constraint`: one or several, such as equalized-odds:0.05, in shares of each group's rows; they hold on the fitted
    rows, and on others less strictly: ask for less than is needed. `trees`, `learning_rate`, `leaves`: as in the
    library, and `parameters` go to it as they are. `multiplier_rate`: by how many losses of a row a multiplier rises
    for each 1 that a bound is broken by, `every` so many trees (2 is steady; 1 costs less under bounds of .02);
    `proxy`: what stands for a rate where trees follow it (multipliers.py). `threshold`: the probability at which is
    decided. `validation`: the share of rows set aside to choose the number of trees; 0 chooses on the fitted rows.

    Fitted: `result_` (Boosted: trees kept, violations, path), `ensemble_`, `classes_`.
    """

    def __init__(
        self,
        *,
        constraint: Constraints = "equalized-odds:0.05",
        library: Library = "lightgbm",
        trees: int = 100,
        learning_rate: float = 0.1,
        leaves: int = 31,
        multiplier_rate: float = 2.0,
        every: int = 1,
        proxy: Proxy = "logistic",
        threshold: float = 0.5,
        validation: float = 0.0,
        parameters: dict[str, Any] | None = None,
        positive: Any = None,
        random_state: Any = 0,
    ) -> None:
        self.constraint = constraint
        self.library = library
        self.trees = trees
        self.learning_rate = learning_rate
        self.leaves = leaves
        self.multiplier_rate = multiplier_rate
        self.every = every
        self.proxy = proxy
        self.threshold = threshold
        self.validation = validation
        self.parameters = parameters
        self.positive = positive
        self.random_state = random_state

    def fit(self, X: Any, y: Any, *, facet: Any = None, sample_weight: Any = None) -> "FairBoostingClassifier":  # noqa: N803
        """Grow the trees and keep the best number of them; raises DataError, SpecError and MissingExtra."""
        constraints, table = constraints_of(self.constraint), table_of(self, X, reset=True)
        labels = Labels.read(y, self.positive)
        self._numbers = Numbers.learned(table)
        matrix = self._numbers.matrix(table)
        if len(matrix) != len(labels.values):
            raise BadRows(f"There are {len(labels.values):,} labels for {len(matrix):,} rows; give one a row.")
        groups, weight = facet_texts(facet, len(matrix)), weights_of(sample_weight, labels.values)
        whole = Rows(matrix, labels.values, groups, weight)
        aside = held_out(weight, self.validation, self.random_state)
        fitted, choosing = (whole.among(~aside), whole.among(aside)) if aside.any() else (whole, whole)
        seed = self.random_state if isinstance(self.random_state, int) else 0
        own = {"learning_rate": self.learning_rate, "num_leaves": self.leaves, "seed": seed, **(self.parameters or {})}
        grown = empty_ensemble(self.library, fitted.matrix, self._numbers.categorical, own)
        ascent = Ascent(self.multiplier_rate, self.every, self.threshold, self.proxy)
        self.result_, self._start = fit_boosting(grown, fitted, choosing, constraints, trees=self.trees, ascent=ascent)
        self.ensemble_, self.classes_ = grown, np.sort(labels.classes)
        self._positive = int(labels.classes[1] == self.classes_[1])
        return self

    def decision_function(self, X: Any, *, facet: Any = None) -> Array:  # noqa: ARG002, N803
        """The log odds of the second class, less those of the threshold; at or above 0 is decided for it."""
        margins = self._margins(X) - logit(self.threshold)
        return margins if self._positive else -margins

    def predict(self, X: Any, *, facet: Any = None, ids: Any = None) -> Array:  # noqa: ARG002, N803
        """The decision for each row; neither facet nor ids are looked at."""
        decided = self._margins(X) >= logit(self.threshold)
        return np.asarray(self.classes_[np.where(decided, self._positive, 1 - self._positive)])

    def predict_proba(self, X: Any, *, facet: Any = None) -> Array:  # noqa: ARG002, N803
        """The probability of each class, in the order of `classes_`; constraints move it, so it is not calibrated."""
        chances = expit(self._margins(X))
        both = np.column_stack((1 - chances, chances))
        return both if self._positive else both[:, ::-1]

    def _margins(self, X: Any) -> Array:  # noqa: N803
        check_is_fitted(self, "ensemble_")
        matrix = self._numbers.matrix(table_of(self, X, reset=False))
        return self._start + self.ensemble_.margins(matrix, self.result_.trees)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags
