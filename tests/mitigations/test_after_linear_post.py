"""Linear post-processing: the optimum of the dual, rates that keep bounds, tangents against the exact programme."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog
from sklearn.linear_model import LogisticRegression

from evenhand.core.confusion import grouped
from evenhand.core.constraint import Constraint
from evenhand.core.errors import DataError, SpecError
from evenhand.core.rule import Linear
from evenhand.mitigations.after.cutting_planes import descend, solve_dual
from evenhand.mitigations.after.dual import Problem
from evenhand.mitigations.after.linear_post import LinearPost, fit_linear
from tests.mitigations.planted import planted

Array = NDArray[Any]


def problem(rows: int, seed: int, classes: int = 2, groups: int = 3, bound: float = 0.02) -> Problem:
    """Demographic parity over known groups, every class bounded."""
    numbers = np.random.default_rng(seed)
    logits = numbers.normal(size=(rows, classes))
    place = numbers.integers(0, groups, rows)
    logits[:, 0] += 0.5 * place
    values = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    features = np.repeat(np.eye(groups)[place][:, None, :], classes, axis=1)
    return Problem(values, features, np.arange(classes), features.mean(axis=0), np.full(classes, bound))


def primal(of: Problem) -> float:
    """The best mean value of mixed choices whose rates lie at most the bound apart: a variable for each row and class."""
    rows, classes = of.values.shape
    groups = of.units.shape[1]
    upper = []
    for event, place in enumerate(of.classes):
        rates = np.zeros((groups, rows, classes))
        rates[:, :, place] = (of.features[:, event] / of.units[event]).T / rows
        upper += [(rates[a] - rates[b]).ravel() for a in range(groups) for b in range(groups) if a != b]
    each = np.kron(np.eye(rows), np.ones(classes))
    answer = linprog(-of.values.ravel() / rows, A_ub=np.array(upper), b_ub=np.repeat(of.bounds, groups * (groups - 1)), A_eq=each, b_eq=np.ones(rows), method="highs")  # fmt: skip
    return -float(cast(float, answer.fun))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 3), st.sampled_from((0.0, 0.05, 0.3)))
def test_the_dual_equals_the_best_mixed_choices(seed: int, classes: int, bound: float) -> None:
    small = problem(60, seed, classes, bound=bound)
    prices, status = solve_dual(small)
    assert status == "Optimal"
    assert small.dual(prices) == pytest.approx(primal(small), abs=1e-7)
    # Prices of rates sum to zero over groups.
    assert np.allclose((prices * small.units).sum(axis=1), 0, atol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_tangents_find_what_the_programme_of_all_rows_finds(classes: int) -> None:
    large = problem(3000, 5, classes)
    exact, _ = solve_dual(large)
    found, gap = descend(large, np.zeros_like(large.units), large.features.sum(axis=1).argmax(axis=1))
    assert large.dual(exact) - 1e-9 <= large.dual(found) <= large.dual(exact) + gap + 1e-9
    polished, status = solve_dual(large, rows=400)
    assert large.dual(polished) == pytest.approx(large.dual(exact), abs=1e-7), status


def several(rows: int, classes: int = 3) -> tuple[Array, Array, Array]:
    numbers = np.random.default_rng(1)
    group = numbers.integers(0, 3, rows)
    logits = numbers.normal(size=(rows, classes))
    logits[:, 1] -= 0.5 * group
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (chances.cumsum(axis=1) < numbers.random((rows, 1))).sum(axis=1)
    return chances, labels, np.char.add("g", group.astype(str))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("text", ["demographic-parity:0.01", "equal-opportunity:0.02", "equalized-odds:0.03"])
def test_bounds_are_kept_where_probabilities_are_true(classes: int, text: str) -> None:
    rows = several(20_000, classes)
    solved = fit_linear(*rows, [Constraint.parse(text)])
    before = fit_linear(*rows, [])
    loose = fit_linear(*rows, [Constraint.parse(text.split(":")[0] + ":1")])
    bound = float(text.split(":")[1])
    assert solved.violations[text] <= bound + (0.002 if "parity" in text else 0.04)
    assert loose.violations[text.split(":")[0] + ":1"] > 2 * bound
    assert before.cost == pytest.approx(loose.cost, abs=2e-4)
    assert solved.cost >= before.cost - 0.002


def test_known_groups_are_a_certain_guess_and_the_rule_survives_as_json() -> None:
    chances, labels, groups = several(800)
    names, places = grouped(groups)
    joint = np.zeros((800, 3, 3))
    joint[np.arange(800), places] = chances
    asked = [Constraint.parse("equalized-odds:0.05"), Constraint.parse("demographic-parity:0.05")]
    known, guessed = fit_linear(chances, labels, groups, asked), fit_linear(chances, labels, groups, asked, joint=joint)
    rule = Linear.model_validate_json(known.rule.model_dump_json())
    assert rule == known.rule == guessed.rule
    assert (rule.choose(joint) == rule.choose_known(chances, groups)).all()
    assert (rule.choose_known(chances, np.full(800, "new")) == chances.argmax(axis=1)).all()
    assert names == rule.groups


def test_many_equal_scores_are_not_decided_as_one() -> None:
    chances = np.tile([[0.6, 0.4]], (4000, 1))
    groups = np.repeat(["a", "b"], 2000)
    chances[groups == "b"] = [0.3, 0.7]
    solved = fit_linear(chances, (np.arange(4000) % 2), groups, [Constraint.parse("demographic-parity:0.5")])
    assert solved.violations["demographic-parity:0.5"] == pytest.approx(0.5, abs=0.01)


def test_weights_are_repeated_rows() -> None:
    chances, labels, groups = several(500, 2)
    weight = np.random.default_rng(0).integers(1, 3, 500)
    asked = [Constraint.parse("demographic-parity:0.02")]
    weighted = fit_linear(chances, labels, groups, asked, weight=weight.astype(float), noise=0.0)
    chances, labels, groups = (np.repeat(each, weight, axis=0) for each in (chances, labels, groups))
    repeated = fit_linear(chances, labels, groups, asked, noise=0.0)
    assert weighted.cost == pytest.approx(repeated.cost, abs=0.01)
    assert np.allclose(weighted.rule.shifts, repeated.rule.shifts, atol=1e-6)


def test_blind_needs_no_facet_and_narrows_the_gap() -> None:
    features, labels, group = planted(6000, seed=1, groups=2)
    blind = LinearPost(LogisticRegression(), constraints="demographic-parity:0.05", blind=True)
    found = blind.fit(features[:3000], labels[:3000], facet=group[:3000]).predict(features[3000:])
    plain = blind.estimator_.predict(features[3000:])
    gaps = [abs(each[group[3000:] == 0].mean() - each[group[3000:] == 1].mean()) for each in (plain, found)]
    assert gaps[1] < 0.12 < 0.25 < gaps[0]


def test_what_it_cannot_do() -> None:
    rows = several(50)
    with pytest.raises(SpecError, match=r"keeps differences, not demographic-parity-ratio:0\.8; use FairThresholds"):
        fit_linear(*rows, [Constraint.parse("demographic-parity-ratio:0.8")])
    with pytest.raises(DataError, match="Some probabilities are negative or no finite numbers"):
        fit_linear(-rows[0], *rows[1:], [])
    with pytest.raises(DataError, match="Probabilities have shape"):
        fit_linear(rows[0][:0], rows[1][:0], rows[2][:0], [])
    with pytest.raises(DataError, match=r"joint has shape \(1,\)"):
        fit_linear(*rows, [], joint=np.zeros(1))
