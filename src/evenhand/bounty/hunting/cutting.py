"""Cutting: a shallow tree of where answers are better becomes groups — its leaves, and the union of the good ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.bounty.hunting.coding import Coding, Cut
from evenhand.core.errors import MissingExtra
from evenhand.core.group import Group

Array = NDArray[Any]

DEPTH = 3
# A leaf whose gain is below one standard error is as likely noise.
WEAKEST = 1.0
LEAST_ROWS = 30
# Leaves that are groups of their own, beside the union.
SINGLE = 3


@dataclass(frozen=True)
class _Leaf:
    cuts: tuple[Cut, ...]
    strength: float


def groups_of(coding: Coding, matrix: Array, gains: Array, *, seed: int, depth: int = DEPTH) -> Iterator[Group]:
    """Groups in which gains are above zero: first the union of all such leaves, then the strongest ones alone."""
    if not coding.columns or not np.any(gains > 0):
        return
    leaves = _leaves(coding, matrix, gains, seed, depth)
    good = [leaf for leaf in leaves if leaf.strength > WEAKEST]
    if not good:
        return
    union = _joined([leaf.cuts for leaf in good])
    group = coding.group(union[0])
    for cuts in union[1:]:
        group = group | coding.group(cuts)
    yield group
    if len(good) > 1:
        for leaf in sorted(good, key=lambda leaf: -leaf.strength)[:SINGLE]:
            yield coding.group(leaf.cuts)


def _leaves(coding: Coding, matrix: Array, gains: Array, seed: int, depth: int) -> list[_Leaf]:
    try:
        from sklearn.tree import DecisionTreeClassifier
    except ImportError as error:
        raise MissingExtra("Hunting", "scikit-learn", "sklearn") from error
    # "The new answer is better", weighted by how much: where gains and harms balance, a leaf is worth nothing.
    least = max(LEAST_ROWS, len(gains) // 100)
    weights = np.abs(gains) + 1e-9  # rows that do not change count, but for nothing
    tree = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=least, random_state=seed % 2**32)
    indicators = coding.indicators(matrix)
    inner = tree.fit(indicators, gains > 0, sample_weight=weights).tree_
    at = tree.apply(indicators)

    def below(node: int, cuts: tuple[Cut, ...]) -> Iterator[_Leaf]:
        if inner.children_left[node] == inner.children_right[node]:
            here = gains[at == node]
            yield _Leaf(cuts, float(here.sum() / np.sqrt((here**2).sum() + 1e-12)))
            return
        axis, threshold = int(inner.feature[node]), float(inner.threshold[node])
        for child, left in ((inner.children_left[node], True), (inner.children_right[node], False)):
            yield from below(int(child), (*cuts, coding.cut(axis, threshold, left=left)))

    return list(below(0, ()))


def _joined(paths: list[tuple[Cut, ...]]) -> list[tuple[Cut, ...]]:
    """Paths to leaves that are two sides of one split become the path to the split, again and again."""
    kept = list(paths)
    while (pair := _siblings(kept)) is not None:
        kept = [path for path in kept if path not in pair] + [pair[0][:-1]]
    return kept


def _siblings(paths: list[tuple[Cut, ...]]) -> tuple[tuple[Cut, ...], tuple[Cut, ...]] | None:
    for path in paths:
        if path:
            last = path[-1]
            other = (*path[:-1], Cut(last.column, last.level, last.threshold, not last.left))
            if other in paths:
                return path, other
    return None
