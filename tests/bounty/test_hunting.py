"""Hunting: planted groups are found and proven, nothing is found where nothing is, and the same seed finds the same."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evenhand.bounty.hunting import HUNTERS, Find, HunterName, Known, Unlabelled, hunt, rehearse
from evenhand.bounty.hunting.coding import Coding, Column
from evenhand.bounty.hunting.cutting import groups_of
from evenhand.bounty.proving.holdout import Holdout, parts_of
from evenhand.bounty.proving.judge import Judge
from evenhand.bounty.proving.opening import Opening
from evenhand.core.bounty import Bounty, State, Submission
from evenhand.core.errors import DataError, SpecError
from evenhand.core.group import Group
from evenhand.core.loss import Loss
from evenhand.models.membership import Members
from tests.bounty.planted import Planted, planted

Array = NDArray[Any]


@dataclass(frozen=True)
class Claimed:
    """A find as the judge reads it."""

    mask: Array
    answers: Array


def found_in(table: Planted, *, seed: int = 0, loss: Loss | None = None, by: tuple[HunterName, ...] = ()) -> list[Find]:
    chosen = by or tuple(HUNTERS)
    return list(hunt(table.public, table.unlabelled, loss=loss or Loss(), classes=2, seed=seed, by=chosen))


def true_gain(table: Planted, find: Find, loss: Loss) -> float:
    """The mean fall of the loss over the hidden rows, whose labels the hunter did not have."""
    labels, before = table.hidden.labels[find.mask], table.hidden.current[find.mask]
    return float((loss.rows(labels, before) - loss.rows(labels, find.answers)).sum() / len(table.hidden))


def judged(table: Planted, finds: list[Find]) -> list[State]:
    bounty = Bounty(name="b", label="y", classes=("a", "b"), identity="id", features=tuple(table.hidden.columns))
    ids = np.array([f"r{place}" for place in range(len(table.hidden))])
    part, fold = parts_of(ids, bounty)
    hidden = table.hidden
    judge, states = Judge(bounty, Holdout(ids, hidden.columns, hidden.labels, hidden.current, part, fold)), []
    for number, find in enumerate(finds, start=1):
        answers = np.full(len(ids), -1)
        answers[find.mask] = find.answers
        submission = Submission(
            number=number, team="bot", kind="predictions", group=str(find.group), digest=f"{number}",
            received=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip
        states.append(judge.judged(submission, Claimed(find.mask, answers)).state)
    return states


@pytest.mark.parametrize("seed", [0, *(pytest.param(each, marks=pytest.mark.slow) for each in (1, 2))])
@pytest.mark.parametrize("hunter", HUNTERS)
def test_a_planted_group_is_found_and_proven(hunter: HunterName, seed: int) -> None:
    table = planted(seed=seed, gap=0.3)
    finds = found_in(table, seed=seed, by=(hunter,))
    assert finds, "nothing was found"
    assert true_gain(table, finds[0], Loss()) > 0.02  # of 0.03
    assert finds[0].low < true_gain(table, finds[0], Loss()) + 0.005
    assert judged(table, finds)[0] == "accepted"


@pytest.mark.parametrize("text", ["squared:1", "log"])
def test_other_losses_are_hunted_too(text: str) -> None:
    loss = Loss.parse(text)
    table = planted(seed=1, gap=0.3, loss=loss, public=3000)
    finds = found_in(table, loss=loss, by=("discover",))
    assert finds
    assert true_gain(table, finds[0], loss) > 0.3 * finds[0].gain


@pytest.mark.slow
def test_nothing_is_handed_in_where_nothing_is() -> None:
    """At most one hunt in twenty may find anything by chance; of five, with a chance of 0.98, at most one does."""
    hunts = [found_in(planted(seed=seed, gap=0.0, public=1500, hidden=2000), seed=seed) for seed in range(5)]
    assert sum(bool(finds) for finds in hunts) <= 1


@pytest.mark.slow
def test_nothing_is_learnt_from_coins() -> None:
    hunts = []
    for seed in range(4):
        numbers = np.random.default_rng(seed)
        columns = {name: numbers.normal(size=1200) for name in "abcd"}
        known = Known(columns, numbers.integers(0, 2, 1200), numbers.integers(0, 2, 1200))
        hunts.append(list(hunt(known, Unlabelled(columns, known.current), loss=Loss(), classes=2, seed=seed)))
    assert sum(bool(finds) for finds in hunts) <= 1


def test_the_same_seed_finds_the_same() -> None:
    table = planted(seed=2, gap=0.3, public=3000)
    first, again = (found_in(table, seed=5, by=("costs", "discover")) for _ in range(2))
    assert first
    assert [(str(each.group), each.gain, each.how) for each in first] == [
        (str(each.group), each.gain, each.how) for each in again
    ]
    assert all(np.array_equal(one.answers, other.answers) for one, other in zip(first, again, strict=True))


def test_finds_are_groups_that_a_bounty_takes() -> None:
    table = planted(seed=0, gap=0.3, public=3000)
    for find in found_in(table, by=("alternating", "discover")):
        assert np.array_equal(Members(table.hidden.columns).mask(Group.parse(str(find.group))), find.mask)
        assert len(find.answers) == find.mask.sum()


@given(st.integers(0, 10_000), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_groups_of_a_tree_say_the_same_as_text(seed: int, depth: int) -> None:
    """Groups parse back, hold rows, and together are the rows of positive leaves: the union holds each single one."""
    numbers = np.random.default_rng(seed)
    columns = {
        "x": np.where(numbers.random(400) < 0.1, np.nan, numbers.normal(size=400)), "n": numbers.integers(0, 9, 400),
        "c": numbers.choice(["a", "b", "c & d"], 400).astype(object),
    }  # fmt: skip
    gains = np.where((columns["n"] > 5) & (columns["c"] != "b"), 1.0, 0.0) - (numbers.random(400) < 0.2)
    coding, members = Coding(columns), Members(columns)
    groups = list(groups_of(coding, coding.matrix(columns), gains, seed=seed, depth=depth))
    masks = [members.mask(group) for group in groups]
    assert groups
    assert all(
        np.array_equal(members.mask(Group.parse(str(group))), mask) for group, mask in zip(groups, masks, strict=True)
    )
    assert all(not (mask & ~masks[0]).any() for mask in masks)
    assert gains[masks[0]].sum() > 0


def test_a_rehearsal_tells_the_owner_what_to_expect() -> None:
    table = planted(seed=3, gap=0.3, public=3000, hidden=300)
    public = pyarrow.table(dict(table.public.columns) | {"y": table.public.labels, "said": table.public.current})
    hidden = pyarrow.table(dict(table.hidden.columns) | {"y": table.hidden.labels, "said": table.hidden.current})
    opening = Opening(name="loans", data=hidden, label="y", predicted=("said",), public=public)
    found = rehearse(opening, by=("discover",))
    assert str(found[0].group) == "age<30 & region=north"
    assert found[0].low < 0.03 < found[0].high
    assert found[0].after < found[0].before - 0.15
    assert found[0].gain == pytest.approx(found[0].rows / 3000 * (found[0].before - found[0].after), rel=0.2)
    assert found[0].rows_to_prove is not None
    assert 100 < found[0].rows_to_prove < 5000


def test_what_cannot_be_hunted_is_refused_by_name() -> None:
    table = planted(seed=0, gap=0.3, public=150, hidden=10)
    with pytest.raises(DataError, match=r"There are 150 public rows; a hunt needs 200\. Give more\."):
        found_in(table)
    table = planted(seed=0, gap=0.3, public=400, hidden=10)
    with pytest.raises(SpecError, match=r"No hunter is called 'cost'\. Did you mean 'costs'"):
        list(hunt(table.public, table.unlabelled, loss=Loss(), classes=2, by=("cost",)))  # type: ignore[arg-type]
    same = Known({"x": np.ones(300)}, table.public.labels[:300], table.public.current[:300])
    with pytest.raises(DataError, match="No public column holds numbers or texts that differ"):
        list(hunt(same, Unlabelled({"x": np.ones(2)}, np.zeros(2, int)), loss=Loss(), classes=2))


def test_groups_of_whole_numbers_are_cut_at_whole_numbers() -> None:
    ages = Column.of("age", np.array([18, 29, 30, 70]))
    shares = Column.of("share", np.array([0.123456, 0.3, 0.7]))
    assert ages is not None and shares is not None
    assert ages.limit(29.5) == 29.0
    assert shares.limit(0.5) == 0.5 and shares.limit(0.2112) == 0.2
