"""Sampling: rows are repeated and left out until every group has the same share of each label.

Kamiran and Calders, Data Preprocessing Techniques for Classification without Discrimination (2012): uniform sampling
draws by chance; preferential sampling repeats and leaves out those nearest the boundary.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from evenhand.core.confusion import grouped
from evenhand.core.errors import SpecError, suggestion
from evenhand.mitigations.before.prepared import NotBinary, Prepared, Training, binary, checked_ranks
from evenhand.mitigations.before.reweighing import cells_of, fit_weights

Array = NDArray[Any]
Scheme = Literal["uniform", "preferential"]


@dataclass(frozen=True, eq=False)
class Sampled:
    """Which rows are taken, and how many of each cell; the counts have shape (groups, classes)."""

    places: Array  # of rows, ascending, some of them several times
    groups: tuple[str, ...]
    classes: tuple[Any, ...]
    before: Array
    after: Array

    @property
    def empty(self) -> tuple[tuple[str, Any], ...]:
        """Groups that lack a label: there is no row to repeat, so they stay apart from the others."""
        places = np.argwhere(self.before == 0).tolist()
        return tuple((self.groups[group], self.classes[label]) for group, label in places)


def sample(
    labels: Array,
    groups: Array,
    *,
    scores: Array | None = None,
    weight: Array | None = None,
    amount: float = 1.0,
    seed: int = 0,
) -> Sampled:
    """Rows under which group and label are independent: each cell has as many as that takes, to within one half.

    Without scores rows are drawn by chance; with scores of the second class, those nearest the boundary are repeated
    first and left out first. A cell that has rows keeps at least one. Raises NotBinary for scores of other than two
    classes, SpecError for an amount outside 0 to 1, DataError for missing scores.
    """
    found = fit_weights(labels, groups, weight=weight, amount=amount)
    shape, codes = found.cells.shape, np.unique(labels, return_inverse=True)[1]
    if scores is not None and shape[1] > 2:
        raise NotBinary("Only binary classification is supported. Sample uniformly, which any classes can be.")
    if scores is not None:
        checked_ranks(scores)
    places = grouped(groups)[1]
    before = cells_of(places, codes, shape, None)
    wanted = np.where(before > 0, np.maximum(np.rint(before * found.factors), 1), 0).astype(np.int64)
    last = np.random.default_rng(seed).random(len(labels)) if scores is None else _nearness(scores, codes, shape[1])
    order = np.lexsort((last, codes, places))
    ends = np.cumsum(before.ravel().astype(np.int64))
    taken = [
        _taken(here, count) for here, count in zip(np.split(order, ends[:-1]), wanted.ravel().tolist(), strict=True)
    ]
    chosen = np.sort(np.concatenate(taken))
    return Sampled(chosen, found.groups, found.classes, before, cells_of(places[chosen], codes[chosen], shape, None))


def _nearness(scores: Array, codes: Array, classes: int) -> Array:
    """Smallest for rows nearest the boundary: positive ones with low scores, negative ones with high scores."""
    return np.where(codes == 1, scores, -scores) if classes == 2 else scores


def _taken(here: Array, count: int) -> Array:
    """`count` of a cell's rows, which come nearest first: all as often as goes, then some once more.

    Where rows are added it is the nearest that come once more; where rows are left out it is the nearest that go.
    """
    if not len(here):
        return here
    times, rest = divmod(count, len(here))
    return np.concatenate((np.repeat(here, times), here[:rest] if times else here[len(here) - rest :]))


class Resampled(Prepared):
    """A classifier that learns from rows repeated and left out until group and label are independent.

    For estimators that take no weights, or with the `preferential` scheme to change those rows that decide where the
    boundary lies; they are told by `ranker` (without one, by the estimator, fitted on the rows as they are). `result_`
    is what was `Sampled` of the training rows. Sampling needs the facet for fitting alone.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        scheme: Scheme = "uniform",
        ranker: Any = None,
        amount: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.scheme = scheme
        self.ranker = ranker
        self.amount = amount
        self.seed = seed

    def _prepared(self, training: Training, groups: Array) -> tuple[Training, Sampled]:
        if self.scheme not in get_args(Scheme):
            raise SpecError(f"scheme is {self.scheme!r}.{suggestion(str(self.scheme), list(get_args(Scheme)))}")
        scores = self._nearness(training) if self.scheme == "preferential" else None
        found = sample(
            training.labels, groups, scores=scores, weight=training.weight, amount=self.amount, seed=self.seed
        )
        return training.at(found.places), found

    def _nearness(self, training: Training) -> Array:
        classes = binary(training.labels)[1]
        return self._ranks(self.ranker, training, classes[-1]) if len(classes) > 1 else np.zeros(len(training.labels))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = tags.classifier_tags.multi_class and self.scheme == "uniform"
        return tags
