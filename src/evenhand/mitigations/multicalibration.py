"""Multicalibration: probabilities that are right in groups that nobody named, by boosting on what a model got wrong.

MCGrad (Tax et al. 2025, arXiv 2509.19884): a round fits trees to the features and the current score, starting from that
score; where the score is calibrated in every group that trees can find, they find nothing to add. The sum is scaled by
one number, and as many rounds are kept as lower the loss on rows set aside: none, where nothing does.
"""

from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.model_selection import cross_val_predict
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from evenhand.core.errors import ModelError, SpecError
from evenhand.mitigations.codings import Numbers
from evenhand.mitigations.ensembles import LightEnsemble
from evenhand.mitigations.training import BadRows, Labels, height, held_out, table_of, weights_of

Array = NDArray[Any]
Library = Literal["lightgbm", "scikit-learn"]

# Probabilities nearer to 0 or 1 than this are moved there, so that every score is finite.
EDGE = 1e-6


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
class Round:
    """The trees of one round, and the scale of the sum after it."""

    trees: Any
    scale: float

    def applied(self, features: Array, logits: Array) -> Array:
        """The scores after the round."""
        return np.asarray(self.scale * (logits + self.trees.raised(np.column_stack((features, logits)))))


@dataclass(frozen=True)
class Multicalibrated:
    """How many rounds were kept, and the loss on the rows set aside before the first and after every one."""

    rounds: int
    losses: tuple[float, ...]


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
        signs = np.where(self.labels == 1, -logits, logits)
        return float(np.average(np.logaddexp(0, signs), weights=self.weight))


def fit_multicalibration(
    fitted: Scored, aside: Scored, *, categorical: list[int], growth: Growth | None = None
) -> tuple[list[Round], Multicalibrated]:
    """The rounds that lower the loss on the rows set aside the most; maybe none. Raises SpecError for no rounds."""
    growth = growth or Growth()
    if growth.rounds < 1 or growth.trees < 1:
        raise SpecError("Multicalibration needs at least one round of one tree.")
    found: list[Round] = []
    inner, outer = fitted.logits, aside.logits
    losses = [aside.loss(outer)]
    for _ in range(growth.rounds):
        trees = _grown(replace(fitted, logits=inner), replace(aside, logits=outer), categorical, growth)
        raised = inner + trees.raised(replace(fitted, logits=inner).matrix)
        step = Round(trees, _scale(fitted, raised))
        inner, outer = step.scale * raised, step.applied(aside.features, outer)
        found.append(step)
        losses.append(aside.loss(outer))
        if len(losses) - 1 - int(np.argmin(losses)) >= growth.patience:
            break
    best = int(np.argmin(losses))
    return found[:best], Multicalibrated(best, tuple(losses))


def _scale(rows: Scored, logits: Array) -> float:
    """The number by which scores are multiplied for the least loss."""
    return float(minimize_scalar(lambda scale: rows.loss(scale * logits), bounds=(0.1, 3.0), method="bounded").x)


def _grown(rows: Scored, aside: Scored, categorical: list[int], growth: Growth) -> Any:
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
        variance = np.maximum(chances * (1 - chances), EDGE)
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


class MulticalibratedClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose probabilities are corrected wherever trees find that they are wrong.

    With `prefit`, the estimator is used as it is, and X, y should be rows that it has not seen; otherwise it is fitted
    on X, and its scores for correcting come from cross-validation. No groups are named: a facet is not looked at.
    """

    def __init__(
        self,
        *,
        estimator: Any,
        prefit: bool = False,
        rounds: int = 10,
        trees: int = 30,
        leaves: int = 15,
        learning_rate: float = 0.1,
        least_hessian: float = 20.0,
        patience: int = 2,
        validation: float = 0.25,
        library: Library | None = None,
        positive: Any = None,
        random_state: Any = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.rounds = rounds
        self.trees = trees
        self.leaves = leaves
        self.learning_rate = learning_rate
        self.least_hessian = least_hessian
        self.patience = patience
        self.validation = validation
        self.library = library
        self.positive = positive
        self.random_state = random_state

    def fit(self, X: Any, y: Any, *, facet: Any = None, sample_weight: Any = None) -> "MulticalibratedClassifier":  # noqa: ARG002, N803
        """Fit the rounds; raises DataError, SpecError, and ModelError for a model without probabilities."""
        table = table_of(self, X, reset=True)
        labels = Labels.read(y, self.positive)
        if height(X) != len(labels.values):
            raise BadRows(f"There are {len(labels.values):,} labels for {height(X):,} rows; give one a row.")
        weight = weights_of(sample_weight, labels.values)
        self._side = int(labels.classes[1] == np.sort(labels.classes)[1])
        logits = self._fitted(X, labels.classes[labels.values], sample_weight)
        self._numbers = Numbers.learned(table)
        rows = Scored(self._numbers.matrix(table), logits, labels.values, weight)
        aside = held_out(weight, self.validation, self.random_state)
        if not aside.any() or aside.all():
            raise BadRows(f"{len(weight):,} rows leave no n_samples to set aside; at least {MANY} are needed.")
        found = fit_multicalibration(
            rows.among(~aside), rows.among(aside), categorical=self._numbers.categorical, growth=self._growth()
        )
        self.rounds_, self.result_ = found
        self.classes_ = np.sort(labels.classes)
        return self

    def predict_proba(self, X: Any, *, facet: Any = None) -> Array:  # noqa: ARG002, N803
        """The corrected probability of each class, in the order of `classes_`."""
        check_is_fitted(self, "rounds_")
        table = table_of(self, X, reset=False)
        logits = _logits(_probabilities(self.estimator_, X)[:, self._side])
        if self.rounds_:
            features = self._numbers.matrix(table)
            for each in self.rounds_:
                logits = each.applied(features, logits)
        chances = expit(logits)
        both = np.column_stack((1 - chances, chances))
        return both if self._side else both[:, ::-1]

    def predict(self, X: Any, *, facet: Any = None, ids: Any = None) -> Array:  # noqa: ARG002, N803
        """The likelier class of each row; neither facet nor ids are looked at."""
        check_is_fitted(self, "rounds_")
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def _fitted(self, X: Any, y: Any, sample_weight: Any) -> Array:  # noqa: N803
        """Scores for X of a model that has not seen them, the model itself kept as `estimator_`."""
        if self.prefit:
            check_is_fitted(self.estimator)
            self.estimator_ = self.estimator
            return _logits(_probabilities(self.estimator_, X)[:, self._side])
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.estimator_ = clone(self.estimator).fit(X, y, **given)
        _probabilities(self.estimator_, X)
        chances = cross_val_predict(clone(self.estimator), X, y, cv=FOLDS, method="predict_proba", params=given)
        return _logits(chances[:, self._side])

    def _growth(self) -> Growth:
        seed = self.random_state if isinstance(self.random_state, int) else 0
        shape = (self.rounds, self.trees, self.leaves, self.learning_rate, self.least_hessian)
        return Growth(*shape, self.patience, self.library, seed)

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        return tags


MANY, FOLDS = 4, 3


def _probabilities(model: Any, rows: Any) -> Array:
    if not hasattr(model, "predict_proba"):
        raise ModelError(f"{type(model).__name__} gives no probabilities; wrap it in CalibratedClassifierCV first.")
    return np.asarray(model.predict_proba(rows), np.float64)


def _logits(chances: Array) -> Array:
    return np.asarray(logit(np.clip(chances, EDGE, 1 - EDGE)))
