"""Oracles: classifiers fitted to weighted labels, each only once, with what each decides for the fitted rows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenhand.core.errors import SpecError

Array = NDArray[Any]


@dataclass(frozen=True)
class Constant:
    """A classifier that decides the same for everyone."""

    value: int

    def predict(self, rows: Any) -> Array:
        """The decision, one a row."""
        return np.full(rows.shape[0] if hasattr(rows, "shape") else len(rows), self.value)


@dataclass(frozen=True, eq=False)
class Member:
    """One classifier and its decisions (0 or 1) for the rows it was fitted on."""

    model: Any
    decisions: Array


@dataclass(eq=False)
class Oracles:
    """Answers "who earns most reward?" by fitting a classifier; the same question is answered from memory.

    `train` makes a classifier of labels and weights. Two constant classifiers are members from the beginning, so that
    some mixture keeps any bound between groups.
    """

    train: Callable[[Array, Array], Any]
    rows: Any
    weight: Array
    members: list[Member] = field(default_factory=list)
    fits: int = 0
    known: dict[bytes, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.members:
            for value in (0, 1):
                self.members.append(Member(Constant(value), np.full(len(self.weight), bool(value))))

    def answer(self, rewards: Array) -> int:
        """The place of the classifier for rewards of deciding 1 (negative: of deciding 0), one a row."""
        labels, weight = rewards > 0, np.abs(rewards)
        if labels.all() or not labels.any():
            return int(labels[0])
        weight = weight * (self.weight.sum() / weight.sum())
        same = np.allclose(weight, self.weight, rtol=1e-12, atol=0.0)
        weight = self.weight if same else weight
        # Single precision, so that a difference by rounding is no other question.
        key = blake2b(labels.tobytes() + weight.astype(np.float32).tobytes()).digest()
        if key not in self.known:
            model = self.train(labels.astype(np.int64), weight)
            self.fits += 1
            self.known[key] = self._place(model)
        return self.known[key]

    def _place(self, model: Any) -> int:
        """Where a new classifier is among the members; of two that decide the same, one is kept."""
        decisions = np.asarray(model.predict(self.rows)).astype(bool)
        for place, member in enumerate(self.members):
            if place > 1 and np.array_equal(member.decisions, decisions):
                return place
        self.members.append(Member(model, decisions))
        return len(self.members) - 1

    def measured(self, moments: csr_array) -> Array:
        """Linear functions of the decisions (one each row of `moments`) for all members, shape (members, functions)."""
        decisions = np.column_stack([member.decisions for member in self.members])
        return np.asarray(moments @ decisions.astype(np.float64)).T


def trainer(estimator: Any, rows: Any, weight_name: str = "sample_weight") -> Callable[[Array, Array], Any]:
    """Fits clones of a scikit-learn estimator on the rows; raises SpecError for one that takes no weights."""
    from sklearn.base import clone
    from sklearn.utils.validation import has_fit_parameter

    # Of names such as classifier__sample_weight, the fit of a Pipeline shows nothing.
    if "__" not in weight_name and not has_fit_parameter(estimator, weight_name):
        name = type(estimator).__name__
        raise SpecError(
            f"{name} takes no {weight_name} when it is fitted; take an estimator that does, or name the argument of a "
            f"Pipeline as weight_name='step__sample_weight'."
        )
    return lambda labels, weight: clone(estimator).fit(rows, labels, **{weight_name: weight})
