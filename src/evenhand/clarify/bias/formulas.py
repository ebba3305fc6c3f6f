"""The formulas of smclarify 0.5 on the counts of two sides, with its error texts; 0/0 is 0 there, x/0 infinite."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.bias.cells import Side, Sides

ALL_FALSE_NEGATIVE = (
    "All predicted labels are false negatives. There should be at least one prediction that is not false negative."
)
NOTHING_COMMON = "No instance of common facet found, dataset may be too small"


def divide(numerator: float, denominator: float) -> float:
    """Their division: 0/0 is 0, anything else over 0 infinite."""
    if denominator == 0:
        return 0.0 if numerator == 0 else math.copysign(math.inf, numerator)
    return numerator / denominator


def _gap(first: float, second: float) -> float:
    """first - second, 0 where both are infinite."""
    return 0.0 if first == second == math.inf else first - second


def _both(sides: Sides, d: str, a: str, *, a_first: bool = False) -> None:
    """Raise ValueError where a side is empty, with their text; which one they look at first differs."""
    checks = ((sides.d, d), (sides.a, a))
    for side, text in reversed(checks) if a_first else checks:
        if side.rows == 0:
            raise ValueError(text)


def class_imbalance(sides: Sides) -> float:
    """CI = (n_a - n_d) / (n_a + n_d)."""
    _both(
        sides, "CI: facet set is empty. Check that x[facet] has non-zero length.",
        "CI: negated facet set is empty. Check that x[~facet] has non-zero length.", a_first=True,
    )  # fmt: skip
    return (sides.a.rows - sides.d.rows) / (sides.a.rows + sides.d.rows)


def _proportions(sides: Sides, outcome: Callable[[Side], int]) -> float:
    _both(sides, "Facet set is empty.", "Negative facet set is empty.", a_first=True)
    return outcome(sides.a) / sides.a.rows - outcome(sides.d) / sides.d.rows


def label_proportions(sides: Sides) -> float:
    """DPL = q_a - q_d."""
    return _proportions(sides, lambda side: side.positive)


def predicted_proportions(sides: Sides) -> float:
    """DPPL, the same of predictions."""
    return _proportions(sides, lambda side: side.accepted)


def _common_shares(sides: Sides) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The shares of the two classes; one that either side lacks is left out, without rescaling the other."""
    d, a = sides.d, sides.a
    pairs = ((a.negative, d.negative), (a.positive, d.positive))
    common = [(of_a / a.rows, of_d / d.rows) for of_a, of_d in pairs if of_a and of_d]
    if not common:
        raise ValueError(NOTHING_COMMON)
    shares = np.array(common)
    return shares[:, 0], shares[:, 1]


def kullback_leibler(sides: Sides) -> float:
    """KL = sum P_a ln(P_a / P_d), over the classes that both sides have."""
    a, d = _common_shares(sides)
    return float(np.sum(a * np.log(a / d)))


def jensen_shannon(sides: Sides) -> float:
    """JS = (KL(P_a, P) + KL(P_d, P)) / 2 with P the mean."""
    a, d = _common_shares(sides)
    middle = (a + d) / 2
    return float(np.sum(a * np.log(a / middle)) + np.sum(d * np.log(d / middle))) / 2


def _distance(order: float, share: float) -> Callable[[Sides], float]:
    def distance(sides: Sides) -> float:
        a, d = _common_shares(sides)
        return share * float(np.linalg.norm(a - d, order))

    return distance


def _conditional(outcome: str) -> Callable[[Sides], float]:
    def conditional(sides: Sides) -> float:
        whole = sides.whole
        positive = whole.positive if outcome == "label" else whole.accepted
        if positive == 0:
            raise ValueError("No positive labels in set")
        if positive == whole.rows:
            raise ValueError("No negative labels in set")
        return _conditional_disparity(sides.strata[outcome])

    return conditional


def _conditional_disparity(table: NDArray[np.int64]) -> float:
    """sum n_i (n_di0 / n_i0 - n_di1 / n_i1) / n, a term being 0 where its denominator is."""
    if table.shape[2] == 0:
        return 0.0
    of_outcome = table.sum(axis=0)
    shares = np.divide(table[1], of_outcome, out=np.zeros(of_outcome.shape), where=of_outcome > 0)
    weights = of_outcome.sum(axis=0)
    return divide(float((weights * (shares[0] - shares[1])).sum()), float(weights.sum()))


def disparate_impact(sides: Sides) -> float:
    """DI = q'_d / q'_a."""
    _both(sides, "Facet set is empty", "Negated facet set is empty", a_first=True)
    return divide(sides.d.accepted / sides.d.rows, sides.a.accepted / sides.a.rows)


Counted = Callable[[Side], tuple[int, int]]


def _quotients(counted: Counted, name: str = "", *, d_first: bool = False) -> Callable[[Sides], float]:
    """The difference of one quotient between the sides: of a less d, or the other way round."""

    def difference(sides: Sides) -> float:
        negated = "Negated Facet set is empty"
        _both(sides, f"{name}Facet set is empty", f"{name}{negated}")
        of_a, of_d = divide(*counted(sides.a)), divide(*counted(sides.d))
        return _gap(of_d, of_a) if d_first else _gap(of_a, of_d)

    return difference


def generalised_entropy(sides: Sides) -> float:
    """GE = sum((b / mean b)^2 - 1) / 2n of the benefits b = predicted - label + 1."""
    whole = sides.whole
    if whole.rows == 0:
        raise ValueError("dataset must be non-empty")
    mean = (whole.correct + 2 * whole.false_positive) / whole.rows
    if mean == 0:
        raise ValueError(ALL_FALSE_NEGATIVE)
    squares = (whole.correct + 4 * whole.false_positive) / whole.rows
    return (squares / mean**2 - 1) / 2


FORMULAS: dict[str, Callable[[Sides], float]] = {
    "CI": class_imbalance,
    "DPL": label_proportions,
    "KL": kullback_leibler,
    "JS": jensen_shannon,
    "LP": _distance(2, 1.0),
    "TVD": _distance(1, 0.5),
    "KS": _distance(math.inf, 1.0),
    "CDDL": _conditional("label"),
    "DPPL": predicted_proportions,
    "DI": disparate_impact,
    "DCA": _quotients(lambda side: (side.positive, side.accepted), "DCO: "),
    "DCR": _quotients(lambda side: (side.negative, side.rejected), "DCO: ", d_first=True),
    "RD": _quotients(lambda side: (side.true_positive, side.positive), "DLA: "),
    "SD": _quotients(lambda side: (side.true_negative, side.negative), "DLA: ", d_first=True),
    "DAR": _quotients(lambda side: (side.true_positive, side.accepted), "DLR: "),
    "DRR": _quotients(lambda side: (side.true_negative, side.rejected), "DLR: ", d_first=True),
    "AD": _quotients(lambda side: (side.correct, side.rows)),
    "CDDPL": _conditional("predicted"),
    "TE": _quotients(lambda side: (side.false_negative, side.false_positive), d_first=True),
    "GE": generalised_entropy,
}
