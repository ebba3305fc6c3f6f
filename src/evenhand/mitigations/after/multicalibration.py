"""Multicalibration: probabilities that are right in groups that nobody named, by boosting on what a model got wrong.

MCGrad (Tax et al. 2025, arXiv 2509.19884): a round fits trees to the features and the current score, starting from that
score; where the score is calibrated in every group that trees can find, they find nothing to add. The sum is scaled by
one number, and as many rounds are kept as lower the loss on rows set aside: none, where nothing does by more than its
standard error, so that a calibrated model is not made worse by chance.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.model_selection import cross_val_predict
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from evenhand.core.errors import ModelError, SpecError
from evenhand.mitigations.after.score_trees import Growth, Library, Scored, grown
from evenhand.mitigations.codings import Numbers
from evenhand.mitigations.training import BadRows, Labels, height, held_out, table_of, weights_of

Array = NDArray[Any]

# Probabilities nearer to 0 or 1 than this are moved there, so that every score is finite.
EDGE = 1e-6


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


def fit_multicalibration(
    fitted: Scored, aside: Scored, *, categorical: list[int], growth: Growth | None = None
) -> tuple[list[Round], Multicalibrated]:
    """The rounds that lower the loss on the rows set aside the most; none where that is less than its standard error.

    Raises SpecError for no rounds.
    """
    growth = growth or Growth()
    if growth.rounds < 1 or growth.trees < 1:
        raise SpecError("Multicalibration needs at least one round of one tree.")
    found: list[Round] = []
    inner, outer = fitted.logits, [aside.logits]
    losses = [aside.loss(outer[0])]
    for _ in range(growth.rounds):
        trees = grown(replace(fitted, logits=inner), replace(aside, logits=outer[-1]), categorical, growth)
        raised = inner + trees.raised(replace(fitted, logits=inner).matrix)
        step = Round(trees, _scale(fitted, raised))
        inner = step.scale * raised
        outer.append(step.applied(aside.features, outer[-1]))
        found.append(step)
        losses.append(aside.loss(outer[-1]))
        if len(losses) - 1 - int(np.argmin(losses)) >= growth.patience:
            break
    best = int(np.argmin(losses))
    kept = best if losses[0] - losses[best] > aside.noise(outer[0], outer[best]) else 0
    return found[:kept], Multicalibrated(kept, tuple(losses))


def _scale(rows: Scored, logits: Array) -> float:
    """The number by which scores are multiplied for the least loss."""
    return float(minimize_scalar(lambda scale: rows.loss(scale * logits), bounds=(0.1, 3.0), method="bounded").x)


class MulticalibratedClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose probabilities are corrected wherever trees find that they are wrong.

    MCGrad (Tax et al. 2025, arXiv 2509.19884). X (rows by columns) is an array of numbers or a frame, which goes to the
    estimator as it came; y has two classes. No groups are named: a facet is not looked at.

    With `prefit`, the estimator is used as it is, and X, y should be rows that it has not seen; otherwise it is fitted
    on X, and its scores for correcting come from cross-validation. At most `rounds` of `trees` each; a leaf needs
    `least_hessian` of weight × p (1 - p), at least 80 rows. `validation`: the share of rows that decide how many
    rounds are kept; `patience`: how many may bring nothing. `library` is LightGBM where it is installed.

    Fitted: `estimator_`, `rounds_`, `result_` (Multicalibrated: rounds kept, losses), `classes_`.
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
