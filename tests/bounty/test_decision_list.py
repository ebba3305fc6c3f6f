"""Decision lists: one sweep down agrees with the definition, which asks version after version, row after row."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evenhand.core.errors import SpecError
from evenhand.models.decision_list import DecisionList, Node, ToLeaf, ToVersion

Masks = NDArray[np.bool_]


def leaf_of(nodes: tuple[Node, ...], version: int, masks: Masks, row: int, known: Mapping[int, Masks]) -> int:
    """The leaf that answers a row, by the definition: version t + 1 is version t, but for a group."""
    if version == 0:
        return 0
    node = nodes[version - 1]
    if not masks[node.group, row]:
        return leaf_of(nodes, version - 1, masks, row, known)
    if isinstance(node, ToVersion):
        return leaf_of(nodes, node.version, masks, row, known)
    if node.leaf in known and not known[node.leaf][row]:
        return leaf_of(nodes, version - 1, masks, row, known)
    return node.leaf


@st.composite
def lists(draw: st.DrawFn, groups: int = 4, leaves: int = 5) -> DecisionList:
    nodes: list[Node] = []
    for place in range(draw(st.integers(0, 12))):
        group = draw(st.integers(0, groups - 1))
        if draw(st.booleans()):
            nodes.append(ToVersion(group=group, version=draw(st.integers(0, place))))
        else:
            nodes.append(ToLeaf(group=group, leaf=draw(st.integers(1, leaves))))
    return DecisionList(nodes=tuple(nodes))


def within(masks: Iterable[Masks]) -> list[Callable[[NDArray[np.int64]], Masks]]:
    return [mask.__getitem__ for mask in masks]


@given(lists(), st.integers(0, 2**32 - 1), st.integers(0, 30))
@settings(max_examples=300, deadline=None)
def test_the_sweep_agrees_with_the_definition(found: DecisionList, seed: int, rows: int) -> None:
    numbers = np.random.default_rng(seed)
    masks = numbers.random((4, rows)) < 0.5
    known = {leaf: numbers.random(rows) < 0.6 for leaf in numbers.choice(5, 3, replace=False) + 1}
    asking = dict(zip(known, within(known.values()), strict=True))
    for version in range(found.version + 1):
        expected = [leaf_of(found.nodes, version, masks, row, {}) for row in range(rows)]
        assert found.leaves(within(masks), rows, version=version).tolist() == expected
        assert found.at(version).leaves(within(masks), rows).tolist() == expected
        partly = [leaf_of(found.nodes, version, masks, row, known) for row in range(rows)]
        assert found.leaves(within(masks), rows, version=version, knows=asking).tolist() == partly


@given(lists(), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_a_leaf_is_asked_for_its_rows_alone(found: DecisionList, seed: int) -> None:
    masks = np.random.default_rng(seed).random((4, 25)) < 0.5
    seen: list[int] = []

    def asking(leaf: int) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
        def answer(here: NDArray[np.int64]) -> NDArray[np.float64]:
            seen.extend(here.tolist())
            return (here + leaf / 10).astype(np.float64)

        return answer

    answers = found.answers(within(masks), [asking(leaf) for leaf in range(6)], 25)
    assert sorted(seen) == list(range(25))
    assert answers == pytest.approx(np.arange(25) + found.leaves(within(masks), 25) / 10)


def test_numbers_of_one_leaf_are_not_cut_to_the_integers_of_another() -> None:
    found = DecisionList(nodes=(ToLeaf(group=0, leaf=1),))
    mask = [lambda here: here > 1]
    answers = found.answers(mask, [lambda here: np.ones(len(here), int), lambda here: np.full(len(here), 0.5)], 4)
    assert answers.tolist() == [1, 1, 0.5, 0.5]


@given(lists())
def test_it_is_kept_as_text(found: DecisionList) -> None:
    assert DecisionList.model_validate_json(found.model_dump_json()) == found


def test_pointers_never_point_forward() -> None:
    with pytest.raises(SpecError, match="Node 0 points to version 1, which is not before it"):
        DecisionList().with_node(ToVersion(group=0, version=1))
    assert DecisionList().with_node(ToVersion(group=0, version=0)).version == 1


def test_versions_that_are_not_there() -> None:
    with pytest.raises(SpecError, match="There is no version 3; the versions are 0 to 1"):
        DecisionList(nodes=(ToLeaf(group=0, leaf=1),)).at(3)
