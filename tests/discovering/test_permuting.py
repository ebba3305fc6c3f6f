"""Permuting: all shuffles in one pass say what the lattice says of each of them."""

from dataclasses import replace

import numpy as np
import pytest

from evenhand.core.items import Search, Target
from evenhand.discovering.permuting import Shuffled, extremes
from evenhand.subgroups import LatticeSearch
from tests.discovering.planted import columns, items


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
