"""Grid: one classifier for each of many prices of unfairness, and the best that keeps the constraints.

Agarwal et al. (2018), section 3.4: with few multipliers, trying them all gives one deterministic classifier, where the
game of exponentiated gradient gives a mixture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from evenhand.core.confusion import Confusion, grouped
from evenhand.core.constraint import Constraint
from evenhand.core.errors import SpecError
from evenhand.mitigations.during.bounds import Task, task_of
from evenhand.mitigations.during.mixtures import Mixture, MixtureClassifier
from evenhand.mitigations.during.oracles import Oracles, trainer
from evenhand.mitigations.facets import facet_texts
from evenhand.mitigations.training import Constraints, Labels, constraints_of, weights_of

Array = NDArray[Any]


@dataclass(frozen=True)
class Tried:
    """One classifier of the grid: its place among the members, its error, and each constraint's violation."""

    member: int
    cost: float
    violations: tuple[float, ...]
    kept: bool


@dataclass(frozen=True)
class Grid(Mixture):
    """The chosen classifier as a mixture of one, and everything that was tried."""

    tried: tuple[Tried, ...] = ()


def multipliers(task: Task, points: int, limit: float, seed: int = 0) -> Array:
    """Prices of each rate, shape (points, rates), the first all 0; those of a difference or ratio sum to 0.

    They are at most about `limit` errors for every row that a rate is counted on. Where one number says all (two
    groups, one rate) they are evenly spaced; otherwise a Sobol sequence spreads them.
    """
    shares = (task.bounds.moments > 0) @ np.abs(task.rewards)
    free = [max(len(block.places) - (block.constraint.form != "least"), 0) for block in task.blocks]
    if points < 2 or not sum(free):
        return np.zeros((1, len(shares)))
    spread, column = limit * _spread(sum(free), points - 1, seed), 0
    found = np.zeros((points, len(shares)))
    for block, count in zip(task.blocks, free, strict=True):
        here = list(block.places)
        # More numbers than the sequence has dimensions repeat it.
        part = spread[:, np.arange(column, column + count) % spread.shape[1]]
        column += count
        if block.constraint.form == "least":
            found[1:, here] = -np.abs(part) * shares[here]
        elif count:
            prices = np.column_stack((part, -part.sum(axis=1) / count))
            found[1:, here] = (prices - (prices @ shares[here])[:, None] / shares[here].sum()) * shares[here]
    return found


def _spread(width: int, points: int, seed: int) -> Array:
    """Points in a cube from -1 to 1."""
    if width == 1:
        return np.linspace(-1, 1, points)[:, None]
    sequence = qmc.Sobol(min(width, qmc.Sobol.MAXDIM), rng=np.random.default_rng(seed))
    return np.asarray(2 * sequence.random_base2(int(np.ceil(np.log2(max(points, 2)))))[:points] - 1)


def fit_grid(
    oracles: Oracles,
    labels: Array,
    groups: Array,
    constraints: Sequence[Constraint],
    *,
    points: int = 24,
    limit: float = 1.0,
) -> Grid:
    """Fit a classifier for each point; the one of fewest errors that keeps the constraints on the fitted rows is taken.

    Where none keeps them, the one that is least beyond them is. Constant classifiers are not considered. Raises
    SpecError for no points.
    """
    if points < 1:
        raise SpecError(f"A grid of {points} points tries nothing; ask for at least 1.")
    names, places = grouped(groups)
    task = task_of(labels, places, oracles.weight, constraints)
    asked = multipliers(task, points, limit)
    answers = list(dict.fromkeys(oracles.answer(task.priced(one)) for one in asked))
    considered = [place for place in answers if place > 1] or answers
    costs = task.costs(oracles)
    tried = []
    for place in considered:
        decisions = oracles.members[place].decisions
        counted = Confusion.of(names, places, labels, decisions, oracles.weight)
        broken = tuple(float(constraint.violation(counted)) for constraint in constraints)
        kept = all(each <= one.allowed + 1e-9 for each, one in zip(broken, constraints, strict=True))
        tried.append(Tried(place, float(costs[place]), broken, kept))
    # What the estimator does by itself is not exchanged where it keeps the constraints.
    best = tried[0] if tried[0].kept else min(tried, key=lambda each: _worth(each, constraints))
    return _chosen(task, names, oracles, best, tried)


def _worth(each: Tried, constraints: Sequence[Constraint]) -> tuple[float, float]:
    over = max(broken - one.allowed for broken, one in zip(each.violations, constraints, strict=True))
    return (0.0 if each.kept else over, each.cost)


def _chosen(task: Task, names: Sequence[str], oracles: Oracles, best: Tried, tried: Sequence[Tried]) -> Grid:
    rates = task.rates(names, oracles, np.eye(len(oracles.members))[best.member])
    status = "The bounds are kept." if best.kept else "No point keeps the bounds; this one is nearest."
    return Grid((best.member,), (1.0,), best.member, best.cost, float("nan"), oracles.fits, rates, status, tuple(tried))


class GridSearchReduction(MixtureClassifier):
    """The best of classifiers fitted for a grid of prices of unfairness: one, without chance.

    Agarwal et al. (2018), section 3.4. `points` classifiers are fitted; prices go up to `limit` errors a row. The
    facet is needed when fitting, not when predicting. `result_.tried` has every classifier's error and violations.
    """

    deterministic = True
    salt = ""

    def __init__(
        self,
        *,
        estimator: Any,
        constraint: Constraints = "demographic-parity:0.05",
        points: int = 24,
        limit: float = 1.0,
        positive: Any = None,
        weight_name: str = "sample_weight",
    ) -> None:
        self.estimator = estimator
        self.constraint = constraint
        self.points = points
        self.limit = limit
        self.positive = positive
        self.weight_name = weight_name

    def fit(self, X: Any, y: Any, *, facet: Any = None, sample_weight: Any = None) -> "GridSearchReduction":  # noqa: N803
        """Fit a classifier for each point and take the best; raises DataError and SpecError for what makes no sense."""
        constraints = constraints_of(self.constraint)
        labels = Labels.read(y, self.positive)
        weight = weights_of(sample_weight, labels.values)
        groups = facet_texts(facet, len(labels.values))
        oracles = Oracles(trainer(self.estimator, X, self.weight_name), X, weight)
        found = fit_grid(oracles, labels.values, groups, constraints, points=self.points, limit=self.limit)
        self._keep(oracles, labels, found)
        return self
