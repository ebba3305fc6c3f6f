"""Permuting: all shuffles in one pass say what the lattice says of each of them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import evenhand as eh
from evenhand.core.items import Search, Target
from evenhand.discovering.looking import Looking
from evenhand.discovering.permuting import Shuffled, extremes, largest
from evenhand.subgroups import LatticeSearch
from tests.discovering.planted import AUDIT, columns, in_group, items, table


def searched(ranges: bool, target: Target, search: Search, places: np.ndarray, values: np.ndarray) -> float:
    """What the lattice finds in one shuffle."""
    counted = np.flatnonzero(target.counted)
    shuffled = np.zeros(len(target.values))
    shuffled[counted[places]] = values
    found, _ = LatticeSearch(ranges=ranges)(items(TABLE), Target(shuffled, target.counted), search)
    return found[0].score if found else 0.0


TABLE = columns(800, np.random.default_rng(1), letters=1)


@pytest.mark.parametrize("ranges", [False, True])
@pytest.mark.parametrize("rate", [0.2, 0.7, None])
def test_each_shuffle_is_searched_as_the_lattice_does(ranges: bool, rate: float | None) -> None:
    generator = np.random.default_rng(2)
    values = generator.gamma(2, 1, 800) if rate is None else (generator.random(800) < rate).astype(float)
    target = Target(values, generator.random(800) < 0.9)
    search = Search(depth=3, least_rows=20, seed=5)
    high, low = extremes(items(TABLE), target, search, ranges=ranges, shuffles=6)
    flipped = rate is not None and values[target.counted].mean() > 0.5
    dealt = Shuffled.of(1 - values[target.counted] if flipped else values[target.counted], 6, 5)
    for place in range(6):
        held = np.ones(dealt.size) if dealt.values is None else dealt.values
        up, down = (
            searched(ranges, target, replace(search, direction=direction), dealt.places[place], held)
            for direction in ((-1, 1) if flipped else (1, -1))
        )
        assert high[place] == pytest.approx(up, abs=1e-9)
        assert low[place] == pytest.approx(-down, abs=1e-9)


def test_shuffles_keep_what_is_dealt() -> None:
    values = np.array([0.0, 2.0, 0.0, 5.0, 1.0])
    dealt = Shuffled.of(values, 50, 0)
    assert dealt.values is not None
    for places in dealt.places:
        assert len(set(places.tolist())) == 3
    sums = dealt.sums(np.array([0, 0, 1, 1, 2]), 3, slice(0, 50))
    assert (sums.sum(axis=1) == 8).all()
    assert sums.std(axis=0).min() > 0


def test_equal_outcomes_differ_nowhere() -> None:
    target = Target(np.ones(800), np.ones(800, bool))
    high, low = extremes(items(TABLE), target, Search(least_rows=20), ranges=True, shuffles=3)
    assert (high == 0).all()
    assert (low == 0).all()


@pytest.mark.parametrize("by", ["scan", "tree", "linear"])
def test_other_searches_are_repeated_whole(by: Any) -> None:
    generator = np.random.default_rng(4)
    target = Target((generator.random(800) < 0.3).astype(float), generator.random(800) < 0.9)
    search = Search(depth=2, least_rows=20, seed=5)
    found = largest(Looking((by,)), items(TABLE), target, search, shuffles=8)
    assert found.shape == (8,)
    assert len(set(found.tolist())) > 4
    again = largest(Looking((by,)), items(TABLE), target, replace(search, direction=1), shuffles=8)
    assert (found == again).all()
    # What a search of one direction finds, one of both finds too.
    draws = np.random.default_rng(5)
    counted = np.flatnonzero(target.counted)
    for place in range(8):
        values = np.zeros(800)
        values[counted] = draws.permutation(target.values[counted])
        for direction in (1, -1):
            one, _ = Looking((by,))(items(TABLE), Target(values, target.counted), replace(search, direction=direction))
            assert max((each.score for each in one), default=0.0) <= found[place] + 1e-9


@pytest.mark.parametrize("by", [("scan",), ("tree",), ("linear",), ("lattice", "tree")])
def test_permutations_confirm_what_any_search_finds(by: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evenhand.discovering.honest.SHUFFLES", 39)
    data = table(6_000, 5, gap=0.4)
    found = eh.discover(data, AUDIT, "error", by=by, honest="permutations", columns=("color", "taste", "age"))
    assert found.subgroups
    assert found.subgroups[0].p_value == 1 / 40
    frame = eh.read(data)
    expression = eh.Group.parse(found.subgroups[0].group).expression(frame.expressions)
    held = frame.rows({"in": expression}, 6_000, 0)["in"].astype(bool)
    assert (held & in_group(data)).sum() >= 0.3 * (held | in_group(data)).sum()
    clean = table(6_000, 6, gap=0.0)
    nothing = eh.discover(clean, AUDIT, "error", by=by, honest="permutations", columns=("color", "taste", "age"))
    assert nothing.subgroups == ()


def test_too_many_rows_to_repeat_a_search() -> None:
    data = table(100_001, 0)
    with pytest.raises(eh.SpecError) as error:
        eh.discover(data, AUDIT, "error", by=("lattice", "tree"), honest="permutations")
    assert str(error.value) == (
        "Permutations repeat a search 199 times, which takes too long for tree beyond 100,000 rows (here 100,001); "
        "use halves, or the lattice."
    )
