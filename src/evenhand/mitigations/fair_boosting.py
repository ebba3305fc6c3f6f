"""Fair boosting: gradient boosting that keeps constraints on rates, by multipliers that rise while they are broken.

The idea of FairGBM (Cruz, Belém, Jesus, Bravo, Saleiro and Bizarro 2023) as an objective for current libraries. True
rates at the threshold move the multipliers; trees follow gradients of cross-entropy, which stands for those rates: rows
of a group whose rate is too high are pulled down, those of one too low up, as far as its multiplier says. Multipliers
count in losses of one row, whatever the sizes of groups, and the best iterate is kept, not the last one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from evenhand.core.confusion import grouped
from evenhand.core.constraint import Constraint
from evenhand.core.errors import SpecError
from evenhand.mitigations.bounds import Block, blocks_of
from evenhand.mitigations.codings import Numbers
from evenhand.mitigations.ensembles import Ensemble, Library
from evenhand.mitigations.ensembles import ensemble as empty_ensemble
from evenhand.mitigations.facets import facet_texts
from evenhand.mitigations.training import BadRows, Constraints, Labels, constraints_of, held_out, table_of, weights_of

Array = NDArray[Any]

# What being beyond a bound by one costs against log loss, where the iterate is chosen.
PRICE = 5.0


@dataclass(frozen=True)
class Ascent:
    """How multipliers move: `rate` of each violation, every so many trees, never above `most`."""

    rate: float = 0.5
    every: int = 1
    threshold: float = 0.5
    most: float = 10.0


@dataclass(frozen=True)
class Boosted:
    """What was kept: the number of trees, its log loss and violations on the rows where it was chosen, and its path."""

    trees: int
    loss: float
    violations: tuple[float, ...]
    kept: bool
    path: tuple[tuple[float, float], ...]  # log loss, and how far beyond the bounds, of every number of trees
    multipliers: tuple[tuple[str, float], ...]  # at the end, by rate and group


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to fit or to choose on."""

    matrix: Array
    labels: Array
    groups: Array
    weight: Array


class Dual:
    """The multipliers of every rate and group, and the gradients that follow from them."""

    def __init__(self, rows: Rows, constraints: Sequence[Constraint], ascent: Ascent) -> None:
        self.rows, self.ascent = rows, ascent
        self.names, self.places = grouped(rows.groups)
        self.moments, self.blocks = blocks_of(rows.labels, self.places, rows.weight, constraints)
        self.high, self.low = (np.zeros(self.moments.shape[0]) for _ in range(2))
        # Which rows a multiplier acts on; their shares of the rate are the moments.
        self.acting = self.moments.copy()
        self.acting.data = np.ones_like(self.acting.data)

    def gradients(self, margins: Array) -> tuple[Array, Array]:
        """First and second derivatives of the Lagrangian with cross-entropy for rates, one a row."""
        chances, net = expit(margins), self.high - self.low
        down = np.maximum(net, 0) @ self.acting
        up = np.maximum(-net, 0) @ self.acting
        gradient = chances - self.rows.labels + down * chances - up * (1 - chances)
        hessian = np.maximum(chances * (1 - chances), 1e-16) * (1 + down + up)
        return self.rows.weight * gradient, self.rows.weight * hessian

    def rise(self, margins: Array) -> None:
        """Move the multipliers by the violations of the decisions that the margins give."""
        rates = self.moments @ (margins >= logit(self.ascent.threshold)).astype(np.float64)
        for block in self.blocks:
            here = list(block.places)
            above, below = beyond(block, rates[here])
            for side, excess in ((self.high, above), (self.low, below)):
                side[here] = np.clip(side[here] + self.ascent.rate * excess, 0, self.ascent.most)


def beyond(block: Block, rates: Array) -> tuple[Array, Array]:
    """How far each group's rate is above and below what the bound allows, around the centre of the groups."""
    bound, form, none = block.constraint.bound, block.constraint.form, np.full(len(rates), -np.inf)
    if not len(rates):
        return rates, rates
    if form == "least":
        return none, bound - rates
    if form == "difference":
        centre = (rates.max() + rates.min()) / 2
        return rates - centre - bound / 2, centre - rates - bound / 2
    top = rates.max() if bound == 0 else (rates.max() + rates.min() / bound) / 2
    return rates - top, bound * top - rates


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
    ascent = ascent or Ascent()
    if trees < 1 or ascent.every < 1 or not 0 < ascent.threshold < 1:
        raise SpecError("Boosting needs at least one tree, multipliers that move, and a threshold between 0 and 1.")
    start = float(logit(np.clip(np.average(rows.labels, weights=rows.weight), 1e-6, 1 - 1e-6)))
    dual, judge = Dual(rows, constraints, ascent), _Judge(choosing, constraints, ascent.threshold)
    margins, judged = np.full(len(rows.labels), start), np.full(len(choosing.labels), start)
    same = choosing is rows
    for tree in range(1, trees + 1):
        grown.grow(*dual.gradients(margins))
        margins += grown.last(rows.matrix)
        judged = margins if same else judged + grown.last(choosing.matrix)
        judge.look(judged)
        if tree % ascent.every == 0:
            dual.rise(margins)
    net = dual.high - dual.low
    told = tuple(
        (f"{block.rate}: {dual.names[group]}", float(net[place]))
        for block in dual.blocks
        for place, group in zip(block.places, block.groups, strict=True)
    )
    return judge.verdict(told), start


class _Judge:
    """Log loss and violations of every iterate on the rows for choosing."""

    def __init__(self, rows: Rows, constraints: Sequence[Constraint], threshold: float) -> None:
        names, places = grouped(rows.groups)
        del names
        self.rows, self.cut, self.constraints = rows, logit(threshold), constraints
        self.moments, self.blocks = blocks_of(rows.labels, places, rows.weight, constraints)
        self.path: list[tuple[float, float]] = []
        self.violations: list[tuple[float, ...]] = []

    def look(self, margins: Array) -> None:
        """Write down one iterate."""
        signs = np.where(self.rows.labels == 1, -margins, margins)
        loss = float(np.average(np.logaddexp(0, signs), weights=self.rows.weight))
        rates = self.moments @ (margins >= self.cut).astype(np.float64)
        found = tuple(self._violation(constraint, rates) for constraint in self.constraints)
        over = max(each - one.allowed for each, one in zip(found, self.constraints, strict=True))
        self.path.append((loss, max(0.0, over)))
        self.violations.append(found)

    def _violation(self, constraint: Constraint, rates: Array) -> float:
        apart = [0.0]
        for block in self.blocks:
            if block.constraint is not constraint or not block.places:
                continue
            here = rates[list(block.places)]
            low, high = float(here.min()), float(here.max())
            ratio = 1 - low / high if high > 0 else 0.0
            apart.append({"difference": high - low, "ratio": ratio, "least": 1 - low}[constraint.form])
        return max(apart)

    def verdict(self, multipliers: tuple[tuple[str, float], ...]) -> Boosted:
        """The best iterate; of equal ones the latest."""
        costs = np.array([loss + PRICE * over for loss, over in self.path])
        best = len(costs) - 1 - int(np.argmin(costs[::-1]))
        loss, over = self.path[best]
        return Boosted(best + 1, loss, self.violations[best], over <= 1e-9, tuple(self.path), multipliers)


class FairBoostingClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Gradient boosting whose decisions at a fixed threshold keep constraints; the facet is needed only when fitting.

    `parameters` go to the library as they are. `validation` is the share of rows set aside to choose the number of
    trees; 0 chooses on the fitted rows. Columns of text are categories.
    """

    def __init__(
        self,
        *,
        constraint: Constraints = "equalized-odds:0.05",
        library: Library = "lightgbm",
        trees: int = 100,
        learning_rate: float = 0.1,
        leaves: int = 31,
        multiplier_rate: float = 0.5,
        every: int = 1,
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
        fitted, choosing = (_among(whole, ~aside), _among(whole, aside)) if aside.any() else (whole, whole)
        seed = self.random_state if isinstance(self.random_state, int) else 0
        own = {"learning_rate": self.learning_rate, "num_leaves": self.leaves, "seed": seed, **(self.parameters or {})}
        grown = empty_ensemble(self.library, fitted.matrix, self._numbers.categorical, own)
        ascent = Ascent(self.multiplier_rate, self.every, self.threshold)
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


def _among(rows: Rows, chosen: Array) -> Rows:
    return Rows(rows.matrix[chosen], rows.labels[chosen], rows.groups[chosen], rows.weight[chosen])
