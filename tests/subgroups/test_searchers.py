"""All searchers: what they return is true, the same whatever the order of rows and columns, and finds what is there."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.errors import DataError, SpecError
from evenhand.core.items import Array, Candidate, Coded, Items, Pattern, Search, Target
from evenhand.subgroups import ALL, LatticeSearch, searcher
from tests.subgroups.tables import items_of, planted, tables

small = settings(deadline=None, max_examples=40)
every_searcher = pytest.mark.parametrize("name", [*ALL, "ranges"])


def searched(name: str, items: Items, target: Target, search: Search) -> list[Candidate]:
    search_for = LatticeSearch(ranges=True) if name == "ranges" else searcher(name)
    found, looked = search_for(items, target, search)
    assert looked >= 0 if not found else looked > 0
    return list(found)


def rearranged(pattern: Pattern, place: dict[int, int]) -> Pattern:
    return Pattern(tuple(sorted((place[column], levels) for column, levels in pattern.conditions)))


searches = st.builds(
    Search,
    depth=st.integers(1, 4),
    least_rows=st.integers(1, 10),
    most=st.sampled_from([3, 1000]),
    direction=st.sampled_from([-1, 0, 1]),
    seed=st.integers(0, 3),
)


@every_searcher
@small
@given(table=tables(), search=searches)
def test_candidates_are_what_they_say(name: str, table: tuple[Items, Target], search: Search) -> None:
    items, target = table
    found = searched(name, items, target, search)
    assert len({one.pattern for one in found}) == len(found) <= search.most
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    mean = target.values[target.counted].mean() if target.counted.any() else 0.0
    for one in found:
        held = one.pattern.holds(items) & target.counted
        assert (one.rows, one.total) == (held.sum(), target.values[held].sum())
        assert one.rows >= search.least_rows
        assert 1 <= len(one.pattern.conditions) <= search.depth
        assert list(one.pattern.conditions) == sorted(one.pattern.conditions)
        assert one.score > 0
        assert search.direction * (one.total / one.rows - mean) >= 0
        assert one.total / one.rows != mean


@every_searcher
@small
@given(table=tables(), search=searches, seed=st.integers(0, 99))
def test_the_order_of_rows_and_columns_changes_nothing(
    name: str, table: tuple[Items, Target], search: Search, seed: int
) -> None:
    items, target = table
    draws = np.random.default_rng(seed)
    rows, columns = draws.permutation(items.rows), draws.permutation(len(items.columns))
    moved = items.chosen(rows)
    moved = Items(tuple(moved.columns[column] for column in columns), items.rows)
    place = {int(old): new for new, old in enumerate(columns)}
    expected = [(rearranged(one.pattern, place), one.score) for one in searched(name, items, target, search)]
    assert [(one.pattern, one.score) for one in searched(name, moved, target.chosen(rows), search)] == expected


@every_searcher
@small
@given(table=tables(), search=searches, constant=st.sampled_from([-1.0, 0.0, 0.1, 7.0]))
def test_constant_values_have_no_groups(
    name: str, table: tuple[Items, Target], search: Search, constant: float
) -> None:
    items, target = table
    assert searched(name, items, Target(np.full(items.rows, constant), target.counted), search) == []


@every_searcher
@small
@given(table=tables(), depth=st.integers(1, 4), least=st.integers(1, 6))
def test_lower_is_higher_of_the_negative(name: str, table: tuple[Items, Target], depth: int, least: int) -> None:
    items, target = table
    values = 3 * target.values - 4  # such that neither these nor their negatives are rates
    search = Search(depth=depth, least_rows=least, direction=-1)
    lower = searched(name, items, Target(values, target.counted), search)
    higher = searched(name, items, Target(-values, target.counted), replace(search, direction=1))
    assert [(one.pattern, -one.total, one.score) for one in lower] == [
        (one.pattern, one.total, one.score) for one in higher
    ]


@small
@given(table=tables(whole=False), depth=st.integers(1, 4), least=st.integers(1, 6))
def test_a_lower_rate_is_a_higher_rate_of_the_opposite(table: tuple[Items, Target], depth: int, least: int) -> None:
    items, target = table
    search = Search(depth=depth, least_rows=least, direction=-1)
    lower = searched("lattice", items, target, search)
    higher = searched("lattice", items, Target(1 - target.values, target.counted), replace(search, direction=1))
    assert {(one.pattern, one.rows - one.total) for one in lower} == {(one.pattern, one.total) for one in higher}


@every_searcher
@small
@given(table=tables(), least=st.integers(1, 6))
def test_rows_that_are_not_counted_change_nothing(name: str, table: tuple[Items, Target], least: int) -> None:
    items, target = table
    search = Search(depth=2, least_rows=least)
    values = np.where(target.counted, target.values, np.nan)
    assert searched(name, items, Target(values, target.counted), search) == searched(name, items, target, search)
    few = np.flatnonzero(target.counted)
    assert searched(name, items.chosen(few), target.chosen(few), search) == searched(name, items, target, search)


@every_searcher
@pytest.mark.parametrize("direction", [1, -1, 0])
@pytest.mark.parametrize("quantity", [False, True])
def test_a_planted_group_is_found(name: str, direction: int, quantity: bool) -> None:
    items, target, held = planted(20_000, seed=1)
    noise = np.random.default_rng(2).normal(size=items.rows) if quantity else 0.0
    values = target.values + noise
    target = Target(values if direction >= 0 else (-values if quantity else 1 - values), target.counted)
    found = searched(name, items, target, Search(depth=3, least_rows=200, direction=direction))
    best = max(_overlap(one.pattern.holds(items), held) for one in found[:10])
    assert best > 0.9


def _overlap(one: Array, other: Array) -> float:
    return float((one & other).sum() / (one | other).sum())


@every_searcher
def test_missing_values_are_a_group(name: str) -> None:
    draws = np.random.default_rng(0)
    items = items_of(draws.integers(0, 5, (5_000, 3)), [5, 5, 5], [True, False, False])
    missing = items.columns[0].codes == 4
    target = Target((draws.random(5_000) < np.where(missing, 0.6, 0.2)).astype(float), np.ones(5_000, bool))
    best = searched(name, items, target, Search(depth=1, least_rows=50))[0]
    assert str(best.pattern.group(items)) == "a is missing"


@every_searcher
@pytest.mark.parametrize(
    ("search", "message"),
    [
        (Search(depth=0), "A search of depth 0 finds nothing; a group has at least 1 condition."),
        (Search(least_rows=0), "Groups of at least 0 rows include empty ones; ask for at least 1 row."),
        (Search(most=0), "A search that returns 0 groups is none; ask for at least 1."),
        (Search(direction=2), "The direction 2 is none of 1 (higher), -1 (lower) and 0 (either)."),
    ],
)
def test_searches_without_sense(name: str, search: Search, message: str) -> None:
    items, target, _ = planted(100, seed=0)
    with pytest.raises(SpecError) as raised:
        searched(name, items, target, search)
    assert str(raised.value) == message


@every_searcher
def test_counted_values_must_be_numbers(name: str) -> None:
    items, target, _ = planted(100, seed=0)
    target.values[[3, 5]] = np.nan, np.inf
    with pytest.raises(DataError) as raised:
        searched(name, items, target, Search())
    assert str(raised.value) == "2 of 100 counted values are missing or infinite; do not count those rows."


@every_searcher
def test_nothing_to_search(name: str) -> None:
    items, target, _ = planted(100, seed=0)
    assert searched(name, Items((), 100), target, Search()) == []
    assert searched(name, items, Target(target.values, np.zeros(100, bool)), Search()) == []
    one = Items((Coded("a", items.columns[0].levels[:1], np.zeros(100, int)),), 100)
    assert searched(name, one, target, Search(least_rows=1)) == []


def test_searchers_have_names() -> None:
    assert list(ALL) == ["lattice", "scan", "tree", "linear"]
    with pytest.raises(SpecError) as raised:
        searcher("latice")
    assert str(raised.value) == "No search is called 'latice'. Did you mean 'lattice'?"
