"""Reductions: fair classification as a series of weighted classifications — a game between cost and constraints.

Agarwal, Beygelzimer, Dudík, Langford and Wallach, A Reductions Approach to Fair Classification (2018). One player asks
for multipliers of the constraints by exponentiated gradient, and in turn by the duals of the linear programme over all
classifiers so far (column generation); the other fits a classifier to the weighted labels that follow. That linear
programme also gives the mixture, so it keeps the bounds on the fitted rows at every step, and its cost less the
Lagrangian's lower bound says how much better any mixture could be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from evenhand.core.confusion import grouped
from evenhand.core.constraint import Constraint
from evenhand.mitigations.during.bounds import Block, Programme, Task, solve, task_of
from evenhand.mitigations.during.mixtures import Mixture, MixtureClassifier, mixed
from evenhand.mitigations.during.oracles import Oracles, trainer
from evenhand.mitigations.facets import facet_texts
from evenhand.mitigations.training import Constraints, Labels, constraints_of, weights_of

Array = NDArray[Any]

# Cost that is far below what so many rows can tell (as in the authors' code): this many standard errors of the cost.
PRECISION = 0.5
STEP = 2.0


@dataclass(frozen=True)
class Effort:
    """How long the game is played: at most `rounds` of two fits, or until the duality gap is at most `gap`.

    `limit` bounds the sum of the multipliers that exponentiated gradient asks for.
    """

    rounds: int = 10
    gap: float | None = None
    limit: float = 50.0


def fit_mixture(
    oracles: Oracles, labels: Array, groups: Array, constraints: Sequence[Constraint], *, effort: Effort | None = None
) -> Mixture:
    """The mixture of an oracle's classifiers with fewest errors whose expected rates keep the constraints.

    Labels are 0 or 1, groups are texts, weights are those of the oracle. The bounds hold on the fitted rows: where
    classifiers know those rows by heart, they say little about others. Raises SpecError where nothing keeps the bounds.
    """
    names, places = grouped(groups)
    effort = effort or Effort()
    task = task_of(labels, places, oracles.weight, constraints)
    game = _Game(task, oracles)
    game.ask(np.zeros(task.bounds.moments.shape[0]), 0.0)
    precise = effort.gap
    if precise is None:
        wrong = oracles.members[game.first].decisions != labels
        precise = PRECISION * float(wrong.std()) / np.sqrt(len(labels))
    solved, gap = game.solved()
    for round_ in range(effort.rounds):
        if gap <= precise:
            break
        before = oracles.fits
        game.ask(*_within(solved, effort.limit))
        game.ask(*game.step(round_ + 1, effort.limit))
        solved, gap = game.solved()
        if oracles.fits == before:
            break
    return mixed(oracles, solved, gap, task.rates(names, oracles, solved.weights))


@dataclass(eq=False)
class _Game:
    """The questions asked so far: their multipliers, constants, and what was answered."""

    task: Task
    oracles: Oracles
    asked: list[tuple[Array, float]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def first(self) -> int:
        """The answer without any constraint."""
        return self.answers[0]

    def ask(self, multipliers: Array, constant: float) -> None:
        self.asked.append((multipliers, constant))
        self.answers.append(self.oracles.answer(self.task.priced(multipliers)))

    def solved(self) -> tuple[Programme, float]:
        """The best mixture now, and how much less any mixture could cost, as far as the oracle is exact."""
        costs, measured = self.task.costs(self.oracles), self.oracles.measured(self.task.bounds.moments)
        programme = solve(costs, measured, self.task.bounds)
        prices, constants = np.array([one for one, _ in self.asked]), np.array([one for _, one in self.asked])
        lower = (costs[:, None] + measured @ prices.T).min(axis=0) + constants
        return programme, max(0.0, programme.cost - float(lower.max()))

    def step(self, count: int, limit: float) -> tuple[Array, float]:
        """The multipliers of exponentiated gradient after the rates that were answered so far."""
        measured = self.oracles.measured(self.task.bounds.moments)[self.answers]
        return exponentiated(measured.sum(axis=0), len(measured), self.task.blocks, STEP / np.sqrt(count), limit)


def exponentiated(total: Array, count: int, blocks: Sequence[Block], step: float, limit: float) -> tuple[Array, float]:
    """Multipliers of rates, and their constant, whose weights grow by exp(step × violation) for each pair of groups.

    The weight of a pair is a product of one factor a group, so pairs need not be written down.
    """
    masses: list[float] = []
    sides: list[tuple[Array, Array, float, float]] = []  # weights of the high and the low side, their factor, constant
    for block in blocks:
        form, bound = block.constraint.form, block.constraint.bound
        rates = step * total[list(block.places)]
        factor = {"difference": 1.0, "ratio": bound, "least": 0.0}[form]
        constant = {"difference": -bound, "ratio": 0.0, "least": bound}[form]
        high = logsumexp(factor * rates) if form != "least" else 0.0
        masses.append(float(high + logsumexp(-rates) + step * count * constant))
        sides.append((_softmax(factor * rates), _softmax(-rates), factor, constant))
    whole = logsumexp([*masses, 0.0])
    multipliers, constants = np.zeros(len(total)), 0.0
    for block, mass, (high_side, low_side, factor, constant) in zip(blocks, masses, sides, strict=True):
        weight = limit * float(np.exp(mass - whole))
        multipliers[list(block.places)] += weight * (factor * high_side - low_side)
        constants += weight * constant
    return multipliers, constants


def _softmax(values: Array) -> Array:
    return np.asarray(np.exp(values - logsumexp(values))) if len(values) else values


def _within(solved: Programme, limit: float) -> tuple[Array, float]:
    """The duals, made smaller where they go beyond the limit: what they say then still bounds the cost from below."""
    size = float(np.abs(solved.multipliers).sum())
    scale = min(1.0, 2 * limit / size) if size > 0 else 1.0
    return scale * solved.multipliers, scale * solved.constant


class ExponentiatedGradient(MixtureClassifier):
    """A randomised mixture of classifiers, fitted by any estimator that takes weights, that keeps constraints.

    Agarwal et al. (2018), algorithm 1, with bounds between groups instead of each against everyone. `constraint`: one
    or several, in shares of each group's rows; `rounds` of two fits each, or fewer where the duality `gap` (in error;
    half a standard error unless given) is reached; `limit` bounds the multipliers. Fitted: `result_` (Mixture),
    `estimators_` and their `shares_`, `nearest_` (who answers where `deterministic`), `classes_`.

    The facet is needed when fitting, not when predicting. `warm_start` keeps classifiers between fits, for another
    constraint on the same rows. The bounds hold on the fitted rows in expectation; estimators that fit those rows too
    closely keep them less on others.
    """

    def __init__(
        self,
        *,
        estimator: Any,
        constraint: Constraints = "demographic-parity:0.05",
        rounds: int = 10,
        gap: float | None = None,
        limit: float = 50.0,
        positive: Any = None,
        deterministic: bool = False,
        salt: str = "evenhand",
        weight_name: str = "sample_weight",
        warm_start: bool = False,
    ) -> None:
        self.estimator = estimator
        self.constraint = constraint
        self.rounds = rounds
        self.gap = gap
        self.limit = limit
        self.positive = positive
        self.deterministic = deterministic
        self.salt = salt
        self.weight_name = weight_name
        self.warm_start = warm_start

    def fit(self, X: Any, y: Any, *, facet: Any = None, sample_weight: Any = None) -> "ExponentiatedGradient":  # noqa: N803
        """Fit classifiers and mix them; raises DataError and SpecError for what makes no sense."""
        constraints = constraints_of(self.constraint)
        labels = Labels.read(y, self.positive)
        weight = weights_of(sample_weight, labels.values)
        groups = facet_texts(facet, len(labels.values))
        oracles = self._oracles(X, labels.values, groups, weight)
        effort = Effort(self.rounds, self.gap, self.limit)
        self._keep(oracles, labels, fit_mixture(oracles, labels.values, groups, constraints, effort=effort))
        return self

    def _oracles(self, X: Any, labels: Array, groups: Array, weight: Array) -> Oracles:  # noqa: N803
        """The oracles kept from a fit before, where that is asked for and the rows are the same; else new ones."""
        mark = (labels.tobytes(), groups.tobytes(), weight.tobytes())
        kept = getattr(self, "oracles_", None) if self.warm_start else None
        if kept is None or mark != getattr(self, "_mark", None):
            kept = Oracles(trainer(self.estimator, X, self.weight_name), X, weight)
        if self.warm_start:
            self._mark, self.oracles_ = mark, kept
        return kept
