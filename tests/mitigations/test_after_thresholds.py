"""Thresholds by linear programme: against brute force, a dense formulation, and the laws that any optimum obeys."""

import itertools
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from evenhand.core.chance import chance
from evenhand.core.confusion import Confusion, grouped
from evenhand.core.constraint import Constraint
from evenhand.core.errors import DataError, SpecError
from evenhand.core.rule import Thresholds
from evenhand.mitigations.after import programme
from evenhand.mitigations.after.thresholds import Aim, Solved, fit_thresholds

Array = NDArray[Any]
NAMES = ("demographic-parity", "equal-opportunity", "equalized-odds", "predictive-equality")


def rows_of(count: int, seed: int, groups: int = 2, scores: int = 9) -> tuple[Array, Array, Array]:
    numbers = np.random.default_rng(seed)
    group = numbers.integers(0, groups, count)
    score = (numbers.integers(0, scores, count) - group).astype(float) / scores
    label = (numbers.random(count) < 0.2 + 0.6 * (score > 0.3)).astype(np.int64)
    return score, label, np.char.add("g", group.astype(str))


def constraint(name: str, bound: float) -> list[Constraint]:
    return [Constraint.parse(f"{name}:{bound}")]


def points(scores: Array, labels: Array) -> Array:
    """(false, true) weights at or above each possible threshold."""
    cuts = [np.inf, *sorted(set(scores.tolist()), reverse=True)]
    return np.array([[((scores >= cut) & (labels == side)).sum() for side in (0, 1)] for cut in cuts], float)


def dense(scores: Array, labels: Array, groups: Array, name: str, bound: float) -> float:
    """error-parity's formulation: a point for each group in its ROC hull, and a row for each pair of groups.

    Here the hull is a mixture of all points, so nothing is left out.
    """
    found = [points(scores[groups == each], labels[groups == each]) for each in np.unique(groups)]
    starts = np.cumsum([0, *(len(each) for each in found)])
    width = starts[-1]
    cost: list[float] = []
    upper: list[Array] = []
    for each in found:
        cost.extend((each[:, 0] + each[-1, 1] - each[:, 1]) / len(scores))
    sides: dict[str, list[Any]] = {
        "demographic-parity": ["both"],
        "equal-opportunity": [1],
        "predictive-equality": [0],
        "equalized-odds": [0, 1],
    }
    for side in sides[name]:
        rates: list[Array | None] = []
        for place, each in enumerate(found):
            whole = each[-1].sum() if side == "both" else each[-1, side]
            row = np.zeros(width)
            row[starts[place] : starts[place + 1]] = (each.sum(1) if side == "both" else each[:, side]) / max(whole, 1)
            rates.append(row if whole else None)
        known = [each for each in rates if each is not None]
        upper.extend(first - second for first, second in itertools.permutations(known, 2))
    equal = np.array(
        [(np.arange(width) >= low) & (np.arange(width) < high) for low, high in itertools.pairwise(starts)], float
    )
    rows = np.array(upper) if upper else None
    ends = np.full(len(upper), bound) if upper else None
    answer = linprog(np.array(cost), A_ub=rows, b_ub=ends, A_eq=equal, b_eq=np.ones(len(found)), method="highs")
    return float(cast(float, answer.fun))


def expected(solved: Solved, scores: Array, labels: Array, groups: Array) -> Confusion:
    """Decisions in expectation over chance, from the rule alone."""
    names, places = grouped(groups)
    cells = np.zeros((len(names), 2, 2))
    for place, name in enumerate(names):
        cut, here = solved.rule.cuts[name], places == place
        chosen = sum(share * (scores[here] >= met) for met, share in zip(cut.thresholds, cut.shares, strict=True))
        for label in (0, 1):
            yes = float(np.sum(chosen * (labels[here] == label)))
            cells[place, label] = [(labels[here] == label).sum() - yes, yes]
    return Confusion(names, cells)


seeds, sizes, bounds = st.integers(0, 10**6), st.integers(4, 60), st.sampled_from((0.0, 0.03, 0.2, 1.0))


@settings(max_examples=40, deadline=None)
@given(seeds, sizes, bounds, st.sampled_from(NAMES), st.integers(1, 4))
def test_equals_the_dense_formulation(seed: int, count: int, bound: float, name: str, groups: int) -> None:
    rows = rows_of(count, seed, groups)
    assert fit_thresholds(*rows, constraint(name, bound)).cost == pytest.approx(dense(*rows, name, bound), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(seeds, sizes, bounds, st.sampled_from(NAMES), st.booleans())
def test_keeps_the_constraint_and_costs_what_it_says(
    seed: int, count: int, bound: float, name: str, deterministic: bool
) -> None:
    rows, asked = rows_of(count, seed, 3), constraint(name, bound)
    solved = fit_thresholds(*rows, asked, deterministic=deterministic)
    found = expected(solved, *rows)
    assert asked[0].violation(found) <= bound + 2e-6
    assert solved.violations[str(asked[0])] == pytest.approx(float(asked[0].violation(found)), abs=2e-6)
    assert solved.cost == pytest.approx(1 - float(found.accuracy), abs=2e-6)
    if deterministic:
        assert not solved.rule.randomised


@settings(max_examples=6, deadline=None)
@given(seeds, st.sampled_from((0.0, 0.05, 0.2)), st.sampled_from(NAMES))
def test_no_pair_of_thresholds_and_no_mixture_is_better(seed: int, bound: float, name: str) -> None:
    rows, asked = rows_of(24, seed, 2, scores=4), constraint(name, bound)[0]
    scores, labels, groups = rows
    names = np.unique(groups)
    assert len(names) == 2
    found = [points(scores[groups == each], labels[groups == each]) for each in names]
    mixed = [
        np.array([share * a + (1 - share) * b for a, b in itertools.product(each, each) for share in (0, 0.25, 0.5, 1)])
        for each in found
    ]
    best, single = np.inf, np.inf
    for a, b in itertools.product(*mixed):
        cells = np.array([[each[-1, side] - point[side], point[side]] for each, point in zip(found, (a, b), strict=True) for side in (0, 1)])  # fmt: skip
        confusion = Confusion(tuple(names), cells.reshape(2, 2, 2))
        if asked.violation(confusion) > bound + 1e-12:
            continue
        cost = 1 - float(confusion.accuracy)
        best = min(best, cost)
        if all(np.equal(each, point).all(axis=1).any() for each, point in zip(found, (a, b), strict=True)):
            single = min(single, cost)
    assert fit_thresholds(*rows, [asked]).cost <= best + 1e-6
    assert fit_thresholds(*rows, [asked], deterministic=True).cost == pytest.approx(single, abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(seeds, sizes, st.sampled_from(NAMES))
def test_looser_bounds_never_cost_more_and_none_is_the_optimum(seed: int, count: int, name: str) -> None:
    scores, labels, groups = rows_of(count, seed, 3)
    costs = [fit_thresholds(scores, labels, groups, constraint(name, bound)).cost for bound in (0, 0.02, 0.1, 0.4, 1)]
    assert all(tight >= loose - 1e-9 for tight, loose in itertools.pairwise(costs))
    best = sum(np.min((each := points(scores[groups == name], labels[groups == name]))[:, 0] + each[-1, 1] - each[:, 1]) for name in np.unique(groups))  # fmt: skip
    assert costs[-1] == pytest.approx(best / count, abs=1e-9)
    assert fit_thresholds(scores, labels, groups, []).cost == pytest.approx(costs[-1], abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from(NAMES), st.permutations(["a", "b", "c"]))
def test_names_of_groups_and_the_order_of_rows_do_not_matter(seed: int, name: str, names: list[str]) -> None:
    scores, labels, groups = rows_of(50, seed, 3)
    renamed = np.array(names)[np.char.lstrip(groups, "g").astype(int)]
    turned = np.random.default_rng(seed).permutation(50)
    asked = constraint(name, 0.05)
    first = fit_thresholds(scores, labels, groups, asked)
    second = fit_thresholds(scores[turned], labels[turned], renamed[turned], asked)
    assert first.cost == pytest.approx(second.cost, abs=1e-7)


@settings(max_examples=20, deadline=None)
@given(seeds, sizes)
def test_a_weight_is_that_many_rows(seed: int, count: int) -> None:
    scores, labels, groups = rows_of(count, seed, 2)
    weight = np.random.default_rng(seed).integers(0, 4, count)
    weight[0] = 1
    asked = constraint("equalized-odds", 0.1)
    weighted = fit_thresholds(scores, labels, groups, asked, weight=weight.astype(float))
    scores, labels, groups = (np.repeat(each, weight) for each in (scores, labels, groups))
    repeated = fit_thresholds(scores, labels, groups, asked)
    assert weighted.cost == pytest.approx(repeated.cost, abs=1e-7)
    assert weighted.rule.cuts.keys() == repeated.rule.cuts.keys()


def test_many_rows_are_as_exact_as_few() -> None:
    numbers = np.random.default_rng(3)
    logits = numbers.normal(size=120_000) * 3
    scores, labels = 1 / (1 + np.exp(-logits)), (numbers.random(120_000) < 1 / (1 + np.exp(-logits))).astype(int)
    groups = np.where(numbers.random(120_000) < 0.6, "a", "b")
    asked = constraint("equalized-odds", 0.001)
    exact = fit_thresholds(scores, labels, groups, asked, weight=np.ones(120_000))
    # Split into groups below the size that is counted in bins, whose sum is the same programme.
    assert fit_thresholds(scores, labels, groups, asked).cost == pytest.approx(exact.cost, abs=1e-9)


def test_several_constraints_are_kept_together() -> None:
    rows = rows_of(400, 1, 3)
    asked = [Constraint.parse(text) for text in ("equalized-odds:0.05", "demographic-parity-ratio:0.9", "equal-opportunity-least:0.7")]  # fmt: skip
    solved = fit_thresholds(*rows, asked)
    for each in asked:
        assert each.violation(expected(solved, *rows)) <= each.allowed + 1e-6
    assert min(rates["true positive"] for rates in solved.rates.values()) >= 0.7 - 1e-6


def test_the_worst_group_is_no_worse_than_under_any_other_aim() -> None:
    rows = rows_of(300, 5, 3)
    asked = constraint("demographic-parity", 0.02)
    worst = [
        max(expected(fit_thresholds(*rows, asked, aim=aim), *rows).errors) for aim in (Aim(worst_group=True), Aim())
    ]
    assert worst[0] < worst[1] - 1e-4


def test_costs_may_differ_and_exceed_one() -> None:
    rows = rows_of(300, 5, 2)
    dear = fit_thresholds(*rows, [], aim=Aim(false_negative=20, worst_group=True))
    assert all(rates["true positive"] > 0.95 for rates in dear.rates.values())
    with pytest.raises(SpecError, match="costs are finite, not negative, and one of them is above 0"):
        Aim(false_positive=-1)


def test_a_decision_belongs_to_the_id() -> None:
    rows = rows_of(200, 8, 2)
    solved = fit_thresholds(*rows, constraint("equalized-odds", 0.0))
    assert solved.rule.randomised
    ids = np.arange(200)
    decided = solved.rule.decide(rows[0], rows[2], chance(ids, "s"))
    turned = np.random.default_rng(0).permutation(200)
    again = solved.rule.decide(rows[0][turned], rows[2][turned], chance(ids[turned], "s"))
    assert (decided[turned] == again).all()
    assert Thresholds.model_validate_json(solved.rule.model_dump_json()) == solved.rule


# --- inputs at the edge


def test_one_class_in_a_group_leaves_it_out_of_rates_it_cannot_have() -> None:
    scores, groups = np.array([0.1, 0.4, 0.6, 0.9, 0.2, 0.8]), np.array(list("aaaabb"))
    labels = np.array([0, 1, 0, 1, 0, 0])
    solved = fit_thresholds(scores, labels, groups, constraint("equalized-odds", 0.0))
    assert "true positive" not in solved.rates["b"]
    assert solved.rates["a"]["false positive"] == pytest.approx(solved.rates["b"]["false positive"], abs=1e-7)


def test_constant_scores_and_one_group_and_one_row() -> None:
    constant = fit_thresholds(np.full(6, 0.5), np.array([0, 1, 1, 0, 0, 0]), np.array(list("aaabbb")), constraint("demographic-parity", 0.0))  # fmt: skip
    assert constant.rates["a"]["selection"] == pytest.approx(constant.rates["b"]["selection"], abs=1e-7)
    alone = fit_thresholds(*rows_of(30, 1, 1), constraint("equalized-odds", 0.0))
    assert alone.violations == {"equalized-odds:0": 0.0}
    assert fit_thresholds(np.array([0.3]), np.array([1]), np.array(["a"]), []).cost == 0


def test_a_thousand_groups() -> None:
    solved = fit_thresholds(*rows_of(20_000, 2, 1000), constraint("demographic-parity", 0.1))
    assert len(solved.rule.cuts) == 1001
    assert solved.violations["demographic-parity:0.1"] <= 0.1 + 1e-6


def test_groups_of_no_weight_and_groups_not_seen_are_decided_as_everyone() -> None:
    scores, labels, groups = np.array([0.1, 0.9, 0.5]), np.array([0, 1, 1]), np.array(["a", "a", "b"])
    solved = fit_thresholds(scores, labels, groups, [], weight=np.array([1.0, 1.0, 0.0]))
    assert set(solved.rule.cuts) == {"a", "(anyone)"}
    assert solved.rule.decide(np.array([0.95, 0.2]), np.array(["z", "z"]), np.zeros(2)).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (([], [], []), "There are no rows to fit on"),
        (([0.1], [1, 0], ["a"]), "differ in length: \\[1, 2\\]"),
        (([np.nan], [1], ["a"]), "not finite numbers"),
        (([0.1], [2], ["a"]), "Labels must be 0 or 1"),
    ],
)
def test_rows_that_cannot_be_used(rows: tuple[list[Any], ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        fit_thresholds(np.array(rows[0]), np.array(rows[1]), np.array(rows[2]), [])


def test_bad_weights() -> None:
    with pytest.raises(DataError, match="Weights must be finite and not negative, and some above 0"):
        fit_thresholds(np.array([0.1]), np.array([1]), np.array(["a"]), [], weight=np.zeros(1))


def test_all_constraints_can_be_kept_for_choosing_everyone_keeps_them() -> None:
    rows = (np.array([0.1, 0.9, 0.2, 0.8]), np.array([1, 0, 0, 0]), np.array(list("aabb")))
    texts = ("demographic-parity-ratio:1", "predictive-equality:0", "equal-opportunity-least:1", "equalized-odds:0")
    for deterministic in (False, True):
        solved = fit_thresholds(*rows, [Constraint.parse(text) for text in texts], deterministic=deterministic)
        assert solved.rates["a"]["true positive"] == pytest.approx(1)
        assert solved.rates["b"]["selection"] == pytest.approx(solved.rates["a"]["selection"], abs=1e-6)


def test_a_solver_without_time_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programme, "SECONDS", 0.0)
    with pytest.raises(
        SpecError, match=r"No thresholds were found that keep equalized-odds:0\.01 .*Loosen a bound, or"
    ):
        fit_thresholds(*rows_of(3000, 4, 40, scores=300), constraint("equalized-odds", 0.01), deterministic=True)
