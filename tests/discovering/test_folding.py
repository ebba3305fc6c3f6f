"""Folding: no two finds that differ the same way are much the same rows, and what was folded keeps its name."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenhand as eh
from evenhand.core.items import Candidate, Search, Target
from evenhand.core.subgroup import Discovery
from evenhand.discovering.folding import NEARLY, folded, told_apart
from evenhand.discovering.looking import Looking
from evenhand.discovering.people import People
from tests.discovering.planted import items

AUDIT: dict[str, Any] = {"label": "label", "predicted_label": "prediction", "positive": [1]}


def shared(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / max((first | second).sum(), 1))


def tied(rows: int, seed: int) -> dict[str, Any]:
    """Columns that say nearly the same, and errors that depend on them in both directions."""
    generator = np.random.default_rng(seed)
    hidden = generator.normal(size=rows)
    found: dict[str, Any] = {}
    for place, noise in enumerate(generator.uniform(0.05, 0.8, 4)):
        value = hidden + noise * generator.normal(size=rows)
        found[f"tied{place}"] = np.digitize(value, np.sort(generator.normal(size=3))).astype(str)
    found["age"] = np.round(40 + 10 * hidden + 5 * generator.normal(size=rows))
    rate = np.clip(0.25 + 0.2 * np.tanh(hidden * generator.normal()) * (hidden > generator.normal()), 0.01, 0.9)
    wrong = generator.random(rows) < rate
    label = generator.random(rows) < 0.5
    return found | {"label": label.astype(int), "prediction": np.where(wrong, ~label, label).astype(int)}


def laws_hold(data: dict[str, Any], found: Discovery) -> None:
    frame = eh.read(data)
    rows = len(data["label"])
    held = []
    for each in found.subgroups:
        expression = eh.Group.parse(each.group).expression(frame.expressions)
        held.append(frame.rows({"in": expression}, rows, 0)["in"].astype(bool))
        assert each.group not in each.also
        assert len(set(each.also)) == len(each.also)
    for (one, first), (other, second) in combinations(zip(found.subgroups, held, strict=True), 2):
        if (one.gap > 0) == (other.gap > 0):
            assert shared(first, second) < NEARLY, (one.group, other.group)


@pytest.mark.parametrize("direction", ["more", "either"])
@pytest.mark.parametrize("honest", ["halves", "permutations"])
@settings(deadline=None, max_examples=6)
@given(seed=st.integers(0, 10_000))
def test_no_two_finds_of_one_direction_share_half_their_rows(honest: Any, direction: Any, seed: int) -> None:
    data = tied(4_000, seed)
    question = eh.Question(outcome="error", direction=direction)
    laws_hold(data, eh.discover(data, AUDIT, question, honest=honest, depth=2))


@pytest.mark.parametrize("by", ["scan", "tree", "linear"])
def test_so_it_is_for_every_search(by: Any) -> None:
    reported = 0
    for seed in range(4):
        data = tied(8_000, seed)
        found = eh.discover(data, AUDIT, eh.Question(outcome="error", direction="either"), by=(by,))
        laws_hold(data, found)
        reported += len(found.subgroups)
    assert reported


def test_the_other_direction_is_no_other_name() -> None:
    """A large group fares better only because of others: the two that fare worse inside it are not folded into it."""
    rows = 8_000
    data = {"one": np.repeat(["a", "b"], rows // 2), "two": np.tile(["x", "y", "y", "y"], rows // 4)}
    values = np.where(data["one"] == "a", 1.0, 0.0)
    people = People(items(data), Target(values, np.ones(rows, bool)))
    candidates, _ = Looking(("lattice",))(people.items, people.target, Search(direction=0, least_rows=50))
    kept = folded(candidates, people, Search(direction=0, least_rows=50), most=10, bar=3.0)
    for each in kept:
        for name in each.also:
            mean = values[name.holds(people.items)].mean()
            assert (mean > values.mean()) == (each.gap.size > 0)


def test_the_shorter_name_stands_for_its_own_rows() -> None:
    generator = np.random.default_rng(0)
    data = {"one": generator.integers(0, 4, 9_000).astype(str), "two": (generator.random(9_000) < 0.1).astype(int)}
    values = ((data["one"] == "1") & (generator.random(9_000) < 0.5)).astype(float)
    people = People(items(data), Target(values, np.ones(9_000, bool)))
    search = Search(least_rows=50)
    candidates, _ = Looking(("lattice",))(people.items, people.target, search)
    patterns = {str(each.pattern.group(people.items)): each for each in candidates}
    long, short = patterns['one="1" & two=0'], patterns['one="1"']
    strongest = Candidate(long.pattern, long.rows, long.total, short.score * 1.02)
    kept = folded([strongest, short], people, search, most=5, bar=3.0)
    assert [each.pattern for each in kept] == [short.pattern]
    assert kept[0].also == (long.pattern,)
    assert (kept[0].holds == short.pattern.holds(people.items)).all()
    assert kept[0].gap.group.rows == int(kept[0].holds.sum())
    assert [each.pattern for each in told_apart(kept * 2, people)] == [short.pattern]
