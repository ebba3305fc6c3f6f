"""Training: what mitigations that train a model check and read first — labels of two classes, weights, constraints."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.constraint import Constraint
from evenhand.core.errors import DataError, SpecError

Array = NDArray[Any]
Constraints = str | Constraint | Iterable[str | Constraint]


class BadRows(DataError, ValueError):
    """Rows that a mitigation cannot be trained on; also a ValueError, as scikit-learn's conventions ask."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Two classes, the positive one last, and each row's label as 0 or 1."""

    classes: Array
    values: Array

    @classmethod
    def read(cls, y: Any, positive: Any = None) -> "Labels":
        """The labels of rows; the second of the sorted classes is positive unless said.

        Raises BadRows for anything but two classes, and SpecError where `positive` is none of them.
        """
        values = _one_column(y)
        classes = np.unique(values)
        if len(classes) > 2:
            raise BadRows(
                "Only binary classification is supported. The type of the target is multiclass: there are "
                f"{len(classes):,} classes; join them to two."
            )
        if len(classes) < 2:
            raise BadRows(f"There is only one class, {classes[0]}: nothing can be learned; give rows of both.")
        if positive is None:
            positive = classes[1]
        elif positive not in classes:
            raise SpecError(f"positive={positive!r} is no label; the labels are {classes[0]} and {classes[1]}.")
        ordered = classes if positive == classes[1] else classes[::-1]
        return cls(ordered, (values == positive).astype(np.int64))


def _one_column(y: Any) -> Array:
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import column_or_1d

    if y is None:
        raise BadRows("The estimator requires y to be passed, but the target y is None.")
    values = column_or_1d(y, warn=True)
    if not len(values):
        raise BadRows("There are no labels: found array with 0 sample(s), of which at least 2 are needed.")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise BadRows("Input y contains NaN or infinity; leave out rows without a label.")
    check_classification_targets(values)
    return np.asarray(values)


def weights_of(sample_weight: Any, labels: Array) -> Array:
    """A weight for each row, one where none is given; raises BadRows for weights that leave nothing to learn."""
    if sample_weight is None:
        return np.ones(len(labels))
    weights = np.asarray(sample_weight, np.float64)
    if weights.shape != labels.shape:
        raise BadRows(f"sample_weight.shape == {weights.shape}, expected {labels.shape}: one weight a row.")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise BadRows("Every sample weight must be finite and not below zero, and some above zero.")
    if len(np.unique(labels[weights > 0])) < 2:
        raise BadRows("Only one class has rows of any weight: nothing can be learned; give rows of both.")
    return weights


def constraints_of(given: Constraints) -> tuple[Constraint, ...]:
    """One or several constraints, as texts or read; raises SpecError."""
    each = [given] if isinstance(given, str | Constraint) else list(given)
    if not each:
        raise SpecError("No constraint was given; write equalized-odds:0.05 or demographic-parity:0.05.")
    return tuple(Constraint.parse(one) if isinstance(one, str) else one for one in each)


def height(table: Any) -> int:
    """How many rows a frame or an array has."""
    return int(table.shape[0]) if getattr(table, "shape", None) is not None else len(np.asarray(table))


def table_of(estimator: Any, X: Any, *, reset: bool) -> Any:  # noqa: N803
    """The rows as they came, their columns' names and number noted (or, without `reset`, compared) on the estimator.

    Arrays are checked to be numbers; NaN is allowed. Raises ValueError as scikit-learn's estimators do.
    """
    from sklearn.utils.validation import validate_data

    if hasattr(X, "columns"):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        return X
    least = 2 if reset else 1
    return validate_data(
        estimator, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=least
    )


def held_out(weight: Array, share: float, seed: Any) -> Array:
    """Which rows are set aside, about a share of those that have weight; raises SpecError for a share that is none."""
    if not 0 <= share <= 0.9:
        raise SpecError(f"validation={share:g} is no share to set aside; take one between 0 and 0.9.")
    from sklearn.utils import check_random_state

    aside, counted = np.zeros(len(weight), bool), np.flatnonzero(weight > 0)
    aside[check_random_state(seed).permutation(counted)[: int(len(counted) * share)]] = True
    return aside
