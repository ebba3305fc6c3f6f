"""Reject option: near the threshold, groups that are chosen less often get the better answer, the others the worse one.

Kamiran, Karim and Zhang, Decision Theory for Discrimination-Aware Classification (2012).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.confusion import Confusion, Rate, grouped
from evenhand.core.constraint import Constraint
from evenhand.core.errors import SpecError
from evenhand.core.rule import ANYONE, Cut, Thresholds
from evenhand.mitigations.after.programme import Aim
from evenhand.mitigations.after.scored import Fitting, ThresholdRule
from evenhand.mitigations.after.thresholds import best_for_all, checked, constraints_of

Array = NDArray[Any]

BANDS = 200


@dataclass(frozen=True, eq=False)
class Band:
    """The rule, the half-width of its band, who it favours; where it was fitted: the cost a row, and violations."""

    rule: Thresholds
    width: float
    favoured: tuple[str, ...]
    cost: float
    violations: dict[str, float]


def fit_reject_option(
    scores: Array,
    labels: Array,
    groups: Array,
    constraint: Constraint,
    *,
    aim: Aim | None = None,
    weight: Array | None = None,
) -> Band:
    """The band of least cost around the best single threshold that keeps the constraint.

    Groups are favoured whose rate at that threshold lies below that of everyone. Raises DataError for rows that cannot
    be used, SpecError where no band keeps the constraint.
    """
    checked(scores, labels, groups, weight)
    wanted = aim or Aim()
    names, places = grouped(groups)
    centre = min(max(best_for_all(scores, labels, weight, wanted).thresholds[0], scores.min()), scores.max())
    plain = Confusion.of(names, places, labels, scores >= centre, weight)
    favoured = _favoured(plain, constraint.rates[0])
    found = []
    for width in _widths(scores, centre):
        met = np.where(favoured[places], centre - width, centre + width)
        confusion = Confusion.of(names, places, labels, scores >= met, weight)
        found.append((float(constraint.violation(confusion)), _cost(confusion, wanted), float(width)))
    kept = [each for each in found if each[0] <= constraint.allowed + 1e-12]
    if not kept:
        raise SpecError(
            f"No band keeps {constraint}: the best leaves {min(found)[0]:.4f}. Loosen it, or use thresholds."
        )
    violation, cost, width = min(kept, key=lambda each: (each[1], each[2]))
    cuts = {
        name: Cut(thresholds=(centre - width if good else centre + width,))
        for name, good in zip(names, favoured, strict=True)
    }
    rule = Thresholds(cuts=cuts | {ANYONE: Cut(thresholds=(centre,))})
    liked = tuple(name for name, good in zip(names, favoured, strict=True) if good)
    return Band(rule, width, liked, cost, {str(constraint): violation})


def _favoured(confusion: Confusion, rate: Rate) -> Array:
    rates = confusion.rate(rate)
    everyone = Confusion(("",), confusion.cells.sum(axis=0, keepdims=True)).rate(rate)[0]
    return np.asarray(rates < everyone)


def _widths(scores: Array, centre: float) -> Array:
    """None, and the distances of the scores from the centre, at most some hundreds of them."""
    away = np.unique(np.abs(scores - centre))
    places = np.unique(np.linspace(0, len(away) - 1, BANDS).astype(int))
    # Just beyond a distance, so that rounding does not leave the row itself outside.
    return np.concatenate(([0.0], np.nextafter(away[places], np.inf)))


def _cost(confusion: Confusion, aim: Aim) -> float:
    cells = confusion.cells
    costs = aim.false_positive * cells[:, 0, 1] + aim.false_negative * cells[:, 1, 0]
    sizes = confusion.sizes
    if aim.worst_group:
        return float(np.max(costs[sizes > 0] / sizes[sizes > 0]))
    return float(costs.sum() / sizes.sum())


class RejectOption(ThresholdRule):
    """A classifier that decides for the groups chosen less often where it is unsure, and against the others.

    One constraint, such as "demographic-parity:0.05"; one threshold a group, no chance. The rest as in FairThresholds.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        constraint: Any = "demographic-parity:0.1",
        aim: Aim | None = None,
        folds: int = 5,
        positive: Any = None,
    ) -> None:
        self.estimator = estimator
        self.constraint = constraint
        self.aim = aim
        self.folds = folds
        self.positive = positive

    salt = "evenhand"

    def _solve(self, rows: Fitting) -> Band:
        asked = constraints_of(self.constraint)
        if len(asked) != 1:
            raise SpecError(f"RejectOption keeps one constraint, not {len(asked)}; use FairThresholds for several.")
        return fit_reject_option(rows.scores, rows.labels, rows.groups, asked[0], aim=self.aim, weight=rows.weight)
