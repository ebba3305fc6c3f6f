"""What every source must answer, counted row by row in Python."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from evenhand.core.frame import Columns
from evenhand.core.values import Level, normalised

Row = dict[str, Any]
Key = Callable[[Row], Any]
Cells = dict[tuple[Level, ...], tuple[int, tuple[float, ...]]]


def counted(rows: Sequence[Row], keys: Mapping[str, Key], sums: Mapping[str, Key], cube: Sequence[str]) -> Cells:
    """The cells of one cube."""
    counts: dict[tuple[Level, ...], int] = defaultdict(int)
    totals: dict[tuple[Level, ...], list[list[float]]] = defaultdict(lambda: [[] for _ in sums])
    for row in rows:
        cell = tuple(normalised(keys[name](row)) for name in cube)
        counts[cell] += 1
        for place, value in enumerate(total(row) for total in sums.values()):
            if value is not None:
                totals[cell][place].append(float(value))
    return {cell: (count, tuple(round(math.fsum(each), 6) for each in totals[cell])) for cell, count in counts.items()}


def read_back(columns: Columns, cube: Sequence[str], sums: Sequence[str]) -> Cells:
    """The cells that a source returned, in the same form; its arrays must be of the promised types."""
    assert columns["count"].dtype == np.int64
    assert all(columns[name].dtype == np.float64 for name in sums)
    cells: Cells = {}
    for place, count in enumerate(columns["count"].tolist()):
        cell = tuple(normalised(columns[name][place]) for name in cube)
        assert cell not in cells
        cells[cell] = (count, tuple(round(float(columns[name][place]), 6) for name in sums))
    return cells


def linear_bin(value: float | None, low: float, high: float, bins: int) -> int | None:
    if value is None or math.isnan(value):
        return None
    if value < low:
        return -1
    if value > high:
        return bins
    return min(math.floor((value - low) / (high - low) * bins), bins - 1)


def signed_log_bin(value: float | None, steps: int, low: int, high: int) -> int | None:
    if value is None or math.isnan(value):
        return None
    if abs(value) < 2.0**low:
        return 0
    most = (high - low) * steps
    place = most if math.isinf(value) else min(math.floor((math.log2(abs(value)) - low) * steps + 1e-9), most)
    return (1 + place) * (1 if value > 0 else -1)


def cut(value: float | None, edges: Sequence[float]) -> int | None:
    return None if value is None or math.isnan(value) else sum(edge <= value for edge in edges)


def both(one: bool | None, two: bool | None) -> bool | None:
    if one is False or two is False:
        return False
    return None if one is None or two is None else True


def either(one: bool | None, two: bool | None) -> bool | None:
    if one is True or two is True:
        return True
    return None if one is None or two is None else False


def negated(value: bool | None) -> bool | None:
    return None if value is None else not value
