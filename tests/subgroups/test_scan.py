"""Scan: the best value sets, found as by trying all of them, and at least as good as AIF360's on Adult."""

import json
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.items import Array, Items, Pattern, Search, Target
from evenhand.subgroups import ScanSearch
from tests.subgroups.tables import adult, items_of

GOLDEN = Path(__file__).parent / "golden" / "aif360_adult.json"


def score_of_rates(rows: float, total: float, mean: float, sign: int) -> float:
    """n·KL(r ‖ p), written out."""
    rate = total / rows
    if sign * (rate - mean) <= 0:
        return 0.0
    parts = [share * np.log(share / base) for share, base in ((rate, mean), (1 - rate, 1 - mean)) if share > 0]
    return float(rows * sum(parts))


def score_of_quantities(rows: float, total: float, mean: float, sign: int, variance: float) -> float:
    gap = total / rows - mean
    return float(rows * gap**2 / (2 * variance)) if sign * gap > 0 else 0.0


def all_sets(items: Items) -> list[Pattern]:
    """Every conjunction of value sets, where all of a column's values are no condition."""
    choices: list[list[tuple[int, tuple[int, ...]] | None]] = []
    for place, column in enumerate(items.columns):
        present = sorted({int(code) for code in column.codes})
        sets = [one for size in range(1, len(present)) for one in combinations(present, size)]
        choices.append([None, *((place, one) for one in sets)])
    return [Pattern(tuple(one for one in chosen if one)) for chosen in product(*choices) if any(chosen)]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from([1, -1]), st.sampled_from([0.0, 0.3, 1.0]), st.booleans())
def test_one_column_has_its_best_set(seed: int, sign: int, penalty: float, quantity: bool) -> None:
    items, target = one_column(seed, quantity)
    expected = best_of_all(items, target, sign, penalty, 1, quantity)
    found, looked = ScanSearch(penalty=penalty, rounds=1)(items, target, Search(depth=1, least_rows=1, direction=sign))
    assert (found[0].score if found else 0.0) == pytest.approx(expected, abs=1e-9)
    assert looked >= len(found)


@pytest.mark.parametrize("least", [15, 20])
@pytest.mark.parametrize("quantity", [False, True])
def test_a_bound_on_rows_seldom_hides_the_best_set(least: int, quantity: bool) -> None:
    reached = 0
    for seed in range(100):
        items, target = one_column(seed, quantity)
        expected = best_of_all(items, target, 1, 0.3, least, quantity)
        found, _ = ScanSearch(penalty=0.3, rounds=1, restarts=2)(items, target, Search(depth=1, least_rows=least))
        best = found[0].score if found else 0.0
        assert best <= expected + 1e-9
        reached += best >= expected - 1e-9
    assert reached >= 98


def one_column(seed: int, quantity: bool) -> tuple[Items, Target]:
    draws = np.random.default_rng(seed)
    items = items_of(draws.integers(0, 5, (60, 1)), [5])
    rates = draws.random(5)[items.columns[0].codes]
    values = draws.integers(-4, 9, 60) if quantity else draws.random(60) < rates
    return items, Target(values.astype(float), np.ones(60, bool))


def best_of_all(items: Items, target: Target, sign: int, penalty: float, least: int, quantity: bool) -> float:
    mean, variance = target.values.mean(), target.values.var(ddof=1)
    best = 0.0
    for pattern in all_sets(items):
        held: Array = pattern.holds(items)
        rows, total = held.sum(), target.values[held].sum()
        if rows >= least and variance:
            each = (rows, total, mean, sign)
            score = score_of_quantities(*each, variance) if quantity else score_of_rates(*each)
            best = max(best, score - penalty * sum(len(levels) for _, levels in pattern.conditions))
    return best


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_several_columns_have_their_best_sets(penalty: float) -> None:
    reached = 0
    for seed in range(20):
        draws = np.random.default_rng(seed)
        items = items_of(draws.integers(0, 4, (200, 3)), [4, 4, 4])
        one, two, _ = (column.codes for column in items.columns)
        values = (draws.random(200) < 0.3 + 0.3 * (np.isin(one, (1, 2)) & np.isin(two, (0, 3)))).astype(float)
        target = Target(values, np.ones(200, bool))
        found, _ = ScanSearch(penalty=penalty)(items, target, Search(depth=3, least_rows=1))
        best = best_of_all(items, target, 1, penalty, 1, False)
        score = found[0].score if found else 0.0
        assert score <= best + 1e-9
        reached += score >= best - 1e-9
    assert reached >= 19  # a climb may end below the top


def test_at_least_as_good_as_aif360(real_tables: Path) -> None:
    items, target = adult(real_tables / "adult.csv")
    for one in json.loads(GOLDEN.read_text())["scans"]:
        search = Search(depth=9, least_rows=1, direction=one["direction"])
        found, _ = ScanSearch(penalty=one["penalty"], rounds=1)(items, target, search)
        assert found[0].score >= one["score"] - 1e-3, "AIF360 rounds to four digits"


def test_value_sets_are_written_as_lists(real_tables: Path) -> None:
    items, target = adult(real_tables / "adult.csv")
    found, _ = ScanSearch(rounds=1)(items, target, Search(depth=1, least_rows=100))
    assert str(found[0].pattern.group(items)) == "relationship=Husband,Wife"


def test_a_second_round_finds_the_second_group() -> None:
    draws = np.random.default_rng(0)
    items = items_of(draws.integers(0, 8, (20_000, 3)), [8, 8, 8])
    one, two, three = (column.codes for column in items.columns)
    groups = [(one == 1) & (two == 2), (two == 5) & (three == 6)]
    target = Target(
        (draws.random(20_000) < 0.2 + 0.4 * groups[0] + 0.3 * groups[1]).astype(float), np.ones(20_000, bool)
    )
    found, _ = ScanSearch(penalty=3.0)(items, target, Search(depth=2, least_rows=100))
    held = [each.pattern.holds(items) for each in found]
    assert all(any((each == group).all() for each in held) for group in groups)
