"""Learners: from rows with labels to better answers — by the least loss, or by what each answer costs beside deferring.

Cost-sensitive reduction (Globus-Harris, Kearns and Roth 2022): deferring to the current answer costs 0, answering k
costs loss(k) - loss(current). A regression of each cost gives r_k; the answer is the cheapest k, or to defer where none
is below 0.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.bounty.hunting.coding import Coding
from evenhand.bounty.hunting.rows import Task
from evenhand.core.errors import MissingExtra

Array = NDArray[Any]
# Answers for a matrix of features, where the current model answers so.
Answers = Callable[[Array, Array], Array]
# From a matrix of features, labels and current answers to answers.
Learner = Callable[[Array, Array, Array], Answers]

# With more classes, a regression for each costs more than it finds.
MOST_REGRESSED = 16
_ROUNDS = 50


def least_loss(task: Task, coding: Coding) -> Learner:
    """Learn the answer with the least loss, whatever the current one is."""

    def learn(matrix: Array, labels: Array, current: Array) -> Answers:
        del current
        if task.loss.of_numbers:
            fitted = _regression(task, coding).fit(matrix, labels)
            return lambda rows, _: fitted.predict(rows)
        chances = _chances(task, coding, matrix, labels)
        if task.loss.of_labels:
            return lambda rows, _: chances(rows).argmax(axis=1)
        return lambda rows, _: chances(rows)

    return learn


def cheapest(task: Task, coding: Coding) -> Learner:
    """Learn what each label costs, and answer the cheapest or defer; other losses have no costs of classes."""
    if not task.loss.of_labels or task.classes > MOST_REGRESSED:
        return least_loss(task, coding)

    def learn(matrix: Array, labels: Array, current: Array) -> Answers:
        wrong = (current != labels).astype(np.float64)
        costs = [(labels != place) - wrong for place in range(task.classes)]
        fitted = [_regression(task, coding, squared=True).fit(matrix, cost) for cost in costs]

        def answers(rows: Array, now: Array) -> Array:
            found = np.column_stack([each.predict(rows) for each in fitted])
            return np.where(found.min(axis=1) < 0, found.argmin(axis=1), now)

        return answers

    return learn


def crossed(learner: Learner, matrix: Array, labels: Array, current: Array, *, seed: int, folds: int = 3) -> Array:
    """Answers for every row by learners that have not seen it."""
    fold = np.random.default_rng([seed, 2]).permutation(len(labels)) % folds
    out = current.copy()
    for place in range(folds):
        here = fold == place
        if here.any() and not here.all():
            answers = learner(matrix[~here], labels[~here], current[~here])
            out[here] = answers(matrix[here], current[here])
    return out


def _chances(task: Task, coding: Coding, matrix: Array, labels: Array) -> Callable[[Array], Array]:
    """The probability of each class, also of those that these rows do not have."""
    seen = np.unique(labels)
    if len(seen) == 1:
        return lambda rows: np.tile(np.eye(task.classes)[int(seen[0])], (len(rows), 1))
    fitted = _boosted("HistGradientBoostingClassifier", task, coding).fit(matrix, labels)

    def chances(rows: Array) -> Array:
        out = np.zeros((len(rows), task.classes))
        out[:, seen.astype(int)] = fitted.chances(rows)
        return out

    return chances


def _regression(task: Task, coding: Coding, *, squared: bool = False) -> "_Alone":
    loss = "absolute_error" if task.loss.name == "absolute" and not squared else "squared_error"
    return _boosted("HistGradientBoostingRegressor", task, coding, loss=loss)


def _boosted(name: str, task: Task, coding: Coding, **settings: Any) -> "_Alone":
    try:
        from sklearn import ensemble
    except ImportError as error:
        raise MissingExtra("Hunting", "scikit-learn", "sklearn") from error
    return _Alone(getattr(ensemble, name)(**_settings(task, coding), **settings))


class _Alone:
    """A model in one thread: with more of them than free cores, boosting small tables takes a hundred times longer."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def fit(self, matrix: Array, labels: Array) -> "_Alone":
        with _one_thread():
            self.model.fit(matrix, labels)
        return self

    def predict(self, matrix: Array) -> Array:
        with _one_thread():
            return np.asarray(self.model.predict(matrix), np.float64)

    def chances(self, matrix: Array) -> Array:
        with _one_thread():
            return np.asarray(self.model.predict_proba(matrix))


def _one_thread() -> Any:
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1)


def _settings(task: Task, coding: Coding) -> dict[str, Any]:
    return {
        "max_iter": _ROUNDS, "max_leaf_nodes": 15, "min_samples_leaf": 20, "l2_regularization": 1.0,
        "early_stopping": False, "categorical_features": coding.categorical, "random_state": task.seed % 2**32,
    }  # fmt: skip
