"""Random tables for searches, and Adult as benchmarks and tests both read it."""

import csv
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from evenhand.core.group import Group
from evenhand.core.items import Array, Coded, Items, Target

TEXTS = ("workclass", "education", "marital-status", "occupation", "relationship", "race", "sex")
BINS = {"age": (0, 25, 35, 45, 55, 65, 100), "hours-per-week": (0, 30, 40, 50, 100)}


def items_of(codes: Array, sizes: Sequence[int], ordered: Sequence[bool] = ()) -> Items:
    """Items of coded columns named a, b, c, …; the last level of an ordered one is that of missing values."""
    columns = []
    for place, size in enumerate(sizes):
        name = "abcdefghij"[place]
        line = bool(ordered) and ordered[place] and size > 1
        if line:
            levels = [Group.between(name, level, level + 1) for level in range(size - 1)] + [Group.missing(name)]
        else:
            levels = [Group.of(name, f"{name}{level}") for level in range(size)]
        columns.append(Coded(name, tuple(levels), codes[:, place].astype(np.int16), line))
    return Items(tuple(columns), len(codes))


@st.composite
def tables(draw: st.DrawFn, *, whole: bool = True, columns: int = 4) -> tuple[Items, Target]:
    """Small random tables, some of whose columns are ordered; values are 0/1, or with `whole` also integers."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=columns))
    ordered = [draw(st.booleans()) for _ in sizes]
    rows = draw(st.integers(1, 60))
    numbers = np.random.default_rng(draw(st.integers(0, 2**32)))
    codes = np.column_stack([numbers.integers(0, size, rows) for size in sizes])
    values = numbers.integers(0, 2, rows) if not whole or draw(st.booleans()) else numbers.integers(-9, 10, rows)
    counted = numbers.random(rows) < draw(st.sampled_from([0.5, 1.0]))
    return items_of(codes, sizes, ordered), Target(values.astype(float), counted)


def planted(rows: int, seed: int, *, share: float = 0.1, gap: float = 0.25) -> tuple[Items, Target, Array]:
    """Six columns and a rate of .2 that is higher by `gap` in one conjunction of two levels; which rows are in it."""
    numbers = np.random.default_rng(seed)
    codes = numbers.integers(0, 4, (rows, 6))
    inside = numbers.random(rows) < share
    codes[inside, 1], codes[inside, 4] = 2, 3
    held = (codes[:, 1] == 2) & (codes[:, 4] == 3)
    values = numbers.random(rows) < 0.2 + gap * held
    return items_of(codes, [4] * 6), Target(values.astype(float), np.ones(rows, bool)), held


def adult(file: Path) -> tuple[Items, Target]:
    """Seven text columns of Adult with age and hours in bins: 70 items; who earns more than 50K."""
    with file.open() as lines:
        rows = list(csv.DictReader(lines, skipinitialspace=True))
    columns = []
    for name in TEXTS:
        texts = [row[name] for row in rows]
        known = sorted(set(texts))
        places = {text: place for place, text in enumerate(known)}
        levels = tuple(Group.of(name, text) for text in known)
        columns.append(Coded(name, levels, np.array([places[text] for text in texts])))
    for name, edges in BINS.items():
        numbers = np.array([float(row[name]) for row in rows])
        ranges = pairwise(edges)
        levels = tuple(Group.between(name, low, high, includes_low=False, includes_high=True) for low, high in ranges)
        columns.append(Coded(name, levels, np.searchsorted(edges, numbers) - 1, True))
    values = np.array([row["income-per-year"].startswith(">50") for row in rows], float)
    return Items(tuple(columns), len(rows)), Target(values, np.ones(len(rows), bool))
