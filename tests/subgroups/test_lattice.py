"""Lattice: every group is counted, none twice, and the counts are those of one row after the other."""

import gzip
import json
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.condition import Missing
from evenhand.core.errors import SpecError
from evenhand.core.items import Items, Pattern, Search, Target
from evenhand.subgroups import LatticeSearch
from evenhand.subgroups import lattice as module
from evenhand.subgroups.lattice import lattice
from tests.subgroups.tables import adult, items_of, tables

GOLDEN = Path(__file__).parent / "golden" / "divexplorer_adult.json.gz"


def brute(items: Items, target: Target, search: Search, *, ranges: bool = False) -> dict[Pattern, tuple[float, ...]]:
    """Every conjunction, its counted rows looked at one by one."""
    choices = []
    for place, column in enumerate(items.columns):
        sets: list[tuple[int, ...]] = [(level,) for level in range(len(column.levels))]
        if ranges and column.ordered:
            line = [n for n, level in enumerate(column.levels) if not isinstance(level.condition, Missing)]
            runs = [tuple(line[low:high]) for low, high in combinations(range(len(line) + 1), 2)]
            sets += [run for run in runs if 1 < len(run) < len(line)]
        choices.append([(place, levels) for levels in sets])
    found: dict[Pattern, tuple[float, ...]] = {}
    for depth in range(1, min(search.depth, len(choices)) + 1):
        for columns in combinations(choices, depth):
            for conditions in product(*columns):
                pattern = Pattern(tuple(conditions))
                held = target.values[pattern.holds(items) & target.counted]
                if len(held) >= search.least_rows:
                    found[pattern] = (float(len(held)), float(held.sum()), float((held**2).sum()))
    return found


def counted(items: Items, target: Target, search: Search, *, ranges: bool = False) -> dict[Pattern, tuple[float, ...]]:
    table = lattice(items, target, search, ranges=ranges)
    if table is None:
        return {}
    listed = [(pattern, tuple(numbers)) for pattern, *numbers in table.patterns()]
    assert len(listed) == table.groups == len(dict(listed)), "no group is counted twice"
    return dict(listed)


@settings(deadline=None)
@given(tables(), st.integers(1, 5), st.integers(1, 12), st.booleans())
def test_counts_sums_and_squares_are_those_of_brute_force(
    table: tuple[Items, Target], depth: int, least: int, ranges: bool
) -> None:
    search = Search(depth=depth, least_rows=least)
    assert counted(*table, search, ranges=ranges) == brute(*table, search, ranges=ranges)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8))
def test_sums_of_any_numbers(seed: int, least: int) -> None:
    numbers = np.random.default_rng(seed)
    items = items_of(numbers.integers(0, 3, (40, 3)), [3, 3, 3])
    target = Target(numbers.normal(5, 3, 40), numbers.random(40) < 0.8)
    search = Search(depth=3, least_rows=least)
    found, expected = counted(items, target, search), brute(items, target, search)
    assert found.keys() == expected.keys()
    for pattern, sums in expected.items():
        assert found[pattern] == pytest.approx(sums, rel=1e-12)


@settings(deadline=None)
@given(tables(), st.integers(2, 12))
def test_a_further_condition_never_adds_rows(table: tuple[Items, Target], least: int) -> None:
    found = counted(*table, Search(depth=4, least_rows=least))
    for pattern, (rows, *_) in found.items():
        for left in range(len(pattern.conditions)):
            shorter = Pattern(pattern.conditions[:left] + pattern.conditions[left + 1 :])
            assert not shorter.conditions or found[shorter][0] >= rows
    more = counted(*table, Search(depth=4, least_rows=least - 1))
    assert found.keys() <= more.keys()


@settings(deadline=None)
@given(tables(), st.integers(1, 4), st.integers(1, 6))
def test_the_strongest_are_those_of_the_largest_score(table: tuple[Items, Target], most: int, least: int) -> None:
    every, number = LatticeSearch()(*table, Search(depth=3, least_rows=least, most=10**6, direction=0))
    few, same = LatticeSearch()(*table, Search(depth=3, least_rows=least, most=most, direction=0))
    assert list(few) == list(every)[:most]
    assert number == same == len(brute(*table, Search(depth=3, least_rows=least)))


def test_many_columns_whose_codes_do_not_fit_one_number() -> None:
    numbers = np.random.default_rng(0)
    wide = [np.random.default_rng(seed).integers(0, 3000, 300) for seed in range(9)]
    codes = np.column_stack([*wide, numbers.integers(0, 2, 300)])
    items, target = items_of(codes, [3000] * 9 + [2]), Target(numbers.integers(0, 2, 300) * 1.0, np.ones(300, bool))
    search = Search(depth=1, least_rows=2)
    assert counted(items, target, search) == brute(items, target, search)


def test_too_many_groups_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_GROUPS", 10)
    items = items_of(np.array(list(product(range(3), repeat=3))), [3, 3, 3])
    with pytest.raises(SpecError) as raised:
        lattice(items, Target(np.ones(27), np.ones(27, bool)), Search(depth=2, least_rows=1))
    assert str(raised.value) == (
        "There are more than 10 groups of at least 1 rows and at most 2 columns; "
        "ask for more rows, fewer columns, or a lower depth."
    )


def test_the_same_patterns_as_divexplorer(real_tables: Path) -> None:
    golden = json.loads(gzip.decompress(GOLDEN.read_bytes()))
    items, target = adult(real_tables / "adult.csv")
    assert sum(len(column.levels) for column in items.columns) == 70
    least = int(np.ceil(golden["support"] * items.rows))
    found = {
        tuple((items.columns[column].name, levels[0]) for column, levels in pattern.conditions): (rows, total)
        for pattern, (rows, total, _) in counted(items, target, Search(depth=9, least_rows=least)).items()
    }
    expected = {tuple((name, level) for name, level in one[0]): (one[1], one[2]) for one in golden["patterns"]}
    assert len(expected) == 6_856
    assert expected.pop(()) == (items.rows, target.values.sum())  # DivExplorer counts the group of all rows too
    assert found == expected
