"""Rich subgroups: a mixture that is fair to every group that an auditor can find, as a game between the two.

Kearns, Neel, Roth and Wu, Preventing Fairness Gerrymandering (2018). An auditor names the group that the current
mixture treats most unlike everyone, by the difference times the group's share of rows; a learner answers the auditor's
average play (fictitious play) by a weighted classification. The mixture itself is the linear programme over all
classifiers so far within the bounds of all groups named so far, which needs fewer rounds than the average of the play.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.constraint import Constraint
from evenhand.core.errors import SpecError
from evenhand.core.items import Items, Search, Searching, Target
from evenhand.mitigations.codings import items_of
from evenhand.mitigations.during.auditor import Auditor
from evenhand.mitigations.during.bounds import Bounds, Programme, solve
from evenhand.mitigations.during.mixtures import Mixture, MixtureClassifier, mixed
from evenhand.mitigations.during.oracles import Oracles, trainer
from evenhand.mitigations.training import Labels, constraints_of, weights_of

Array = NDArray[Any]


@dataclass(frozen=True)
class Named:
    """A group that the auditor named, its share of rows, and how unlike everyone it was treated then and at the end."""

    group: str
    share: float
    before: float
    after: float


@dataclass(frozen=True)
class RichMixture(Mixture):
    """A mixture, the groups it was bound by, and the largest weighted difference that the last audit found."""

    named: tuple[Named, ...] = ()
    audited: float = float("nan")


@dataclass(frozen=True)
class Play:
    """How the game is played: at most `rounds`, the auditor's weight `price`, and how far the auditor looks."""

    rounds: int = 30
    price: float = 20.0
    search: Search = field(default_factory=lambda: Search(depth=3, least_rows=30, most=20, direction=0))


def fit_rich(
    oracles: Oracles,
    labels: Array,
    items: Items,
    constraint: Constraint,
    searching: Searching,
    *,
    play: Play | None = None,
) -> RichMixture:
    """The mixture of fewest errors in which no group that `searching` finds is treated too unlike everyone.

    For every group, its share of rows times the difference of its rate from everyone's is at most the bound: small
    groups may be further apart. Raises SpecError for a constraint with several rates, or of another form.
    """
    if len(constraint.rates) > 1 or constraint.form != "difference":
        raise SpecError(
            f"{constraint} is not for rich subgroups; take a difference of one rate: predictive-equality:0.01."
        )
    play = play or Play()
    auditor = Auditor(searching, items, labels, oracles.weight, constraint.rates[0], play.search)
    share = oracles.weight / oracles.weight.sum()
    rewards, missed = share * (2 * labels - 1), float(share @ labels)
    played: list[tuple[int, float]] = []
    oracles.answer(rewards)
    for _ in range(play.rounds):
        solved, chances = _mixture(oracles, rewards, missed, auditor, constraint.bound)
        worst, pattern = auditor.audit(chances)
        if pattern is None or worst <= constraint.bound * (1 + 1e-6) + 1e-9:
            break
        played.append(auditor.name(pattern, chances))
        solved, _ = _mixture(oracles, rewards, missed, auditor, constraint.bound)
        oracles.answer(rewards - solved.multipliers @ auditor.moments())
        average = sum(sign * auditor.rows[each] for each, sign in played) * (play.price / len(played))
        oracles.answer(rewards - average)
    solved, chances = _mixture(oracles, rewards, missed, auditor, constraint.bound)
    return _result(oracles, solved, chances, auditor)


def _mixture(
    oracles: Oracles, rewards: Array, missed: float, auditor: Auditor, bound: float
) -> tuple[Programme, Array]:
    """The best mixture within the bounds of the named groups, and the chance of each row."""
    costs = np.array([missed - rewards[member.decisions].sum() for member in oracles.members])
    moments, named = auditor.moments(), len(auditor.rows)
    both = np.concatenate((np.eye(named), -np.eye(named)))
    bounds = Bounds(moments, both, np.zeros((2 * named, 0)), np.full(2 * named, bound))
    solved = solve(costs, oracles.measured(moments), bounds)
    used = np.flatnonzero(solved.weights)
    return solved, solved.weights[used] @ np.array([oracles.members[place].decisions for place in used], np.float64)


def _result(oracles: Oracles, solved: Programme, chances: Array, auditor: Auditor) -> RichMixture:
    worst, _ = auditor.audit(chances)
    named = tuple(
        Named(
            str(pattern.group(auditor.items)),
            float(np.mean(pattern.holds(auditor.items))),
            before,
            abs(float(row @ chances)),
        )
        for pattern, row, before in zip(auditor.patterns, auditor.rows, auditor.before, strict=True)
    )
    plain: dict[str, Any] = vars(mixed(oracles, solved, float("nan"), {}))
    return RichMixture(**plain, named=named, audited=worst)


class RichSubgroupClassifier(MixtureClassifier):
    """A randomised mixture of classifiers that is fair to every conjunction of the facet's columns that a search finds.

    Kearns, Neel, Roth and Wu (2018). `constraint`: a difference of one rate; its bound is on a group's share of rows
    times how far its rate is from everyone's, so .005 lets a tenth of the rows be .05 apart. `depth`, `least_rows`: the
    groups that are looked at. Fitted: `result_` (RichMixture), `estimators_`, `shares_`, `nearest_`, `classes_`.

    `searching` is the auditor, such as `evenhand.subgroups.searcher("linear")`; `facet` has the columns that groups may
    be made of, text or numbers. Without a facet, or an auditor, it is the estimator itself.
    """

    def __init__(
        self,
        *,
        estimator: Any,
        searching: Searching | None = None,
        constraint: str | Constraint = "predictive-equality:0.005",
        rounds: int = 30,
        price: float = 20.0,
        depth: int = 3,
        least_rows: int = 30,
        positive: Any = None,
        deterministic: bool = False,
        salt: str = "evenhand",
        weight_name: str = "sample_weight",
    ) -> None:
        self.estimator = estimator
        self.searching = searching
        self.constraint = constraint
        self.rounds = rounds
        self.price = price
        self.depth = depth
        self.least_rows = least_rows
        self.positive = positive
        self.deterministic = deterministic
        self.salt = salt
        self.weight_name = weight_name

    def fit(self, X: Any, y: Any, *, facet: Any = None, sample_weight: Any = None) -> "RichSubgroupClassifier":  # noqa: N803
        """Play the game; raises DataError and SpecError for what makes no sense."""
        (constraint,) = constraints_of(self.constraint)
        labels = Labels.read(y, self.positive)
        weight = weights_of(sample_weight, labels.values)
        if self.searching is None and facet is not None:
            raise SpecError('There is no auditor; give searching=evenhand.subgroups.searcher("linear").')
        oracles = Oracles(trainer(self.estimator, X, self.weight_name), X, weight)
        search = Search(depth=self.depth, least_rows=self.least_rows, most=20, direction=0)
        items = items_of(facet, len(labels.values))
        play = Play(self.rounds, self.price, search)
        found = fit_rich(oracles, labels.values, items, constraint, self.searching or _nobody, play=play)
        self._keep(oracles, labels, found)
        return self


def _nobody(items: Items, target: Target, search: Search) -> tuple[Sequence[Any], int]:  # noqa: ARG001
    return [], 0
