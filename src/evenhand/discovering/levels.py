"""Levels: the values of one column as a few small codes, each of which is a group by itself."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.group import Group
from evenhand.core.items import Coded
from evenhand.core.values import Kind
from evenhand.sources.arrays import plain

Array = NDArray[Any]

# Values beyond the most frequent are one level together.
MOST_LEVELS = 30
# A number with more different values than this is cut into ranges of about equally many rows.
MOST_NUMBERS = 12
RANGES = 6


def coded(name: str, values: Array, kind: Kind) -> Coded:
    """A column as codes; missing values are a level of their own."""
    absent = _absent(values)
    if kind == "number":
        return _numbers(name, values, absent)
    return _categories(name, values, absent)


def _absent(values: Array) -> Array:
    if values.dtype == object:
        return np.array([value is None or value != value for value in values], bool)
    return np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), bool)


def _numbers(name: str, values: Array, absent: Array) -> Coded:
    known = values[~absent].astype(np.float64)
    distinct = np.unique(known)
    if len(distinct) <= MOST_NUMBERS:
        return _categories(name, values, absent, ordered=True)
    edges = _edges(known)
    codes = np.zeros(len(values), np.int64)
    codes[~absent] = np.searchsorted(edges, known, side="right")
    bounds = [None, *edges.tolist(), None]
    levels = [Group.between(name, low, high) for low, high in zip(bounds[:-1], bounds[1:], strict=True)]
    return _with_missing(name, codes, levels, absent, ordered=True)


def _edges(known: Array) -> Array:
    """Cuts between ranges of about as many rows each, rounded as far as they stay apart."""
    exact = np.unique(np.quantile(known, np.arange(1, RANGES) / RANGES, method="inverted_cdf"))
    exact = exact[(exact > known.min())]
    for digits in range(1, 8):
        with np.errstate(divide="ignore"):
            scale = np.where(exact == 0, 1.0, 10.0 ** (digits - 1 - np.floor(np.log10(np.abs(exact)))))
        rounded = np.round(exact * scale) / scale
        if len(np.unique(rounded)) == len(exact) and _even(known, rounded):
            return np.asarray(rounded)
    return np.asarray(exact)


def _even(known: Array, edges: Array) -> bool:
    """Whether no range of the rounded cuts has lost most of its rows."""
    shares = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1) / len(known)
    return bool(shares.min() >= 0.25 / RANGES)


def _categories(name: str, values: Array, absent: Array, *, ordered: bool = False) -> Coded:
    known = values[~absent]
    texts = known.astype(str) if known.dtype == object else known
    distinct, first, inverse, counts = np.unique(texts, return_index=True, return_inverse=True, return_counts=True)
    kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_LEVELS])
    table = np.full(len(distinct), len(kept))
    table[kept] = np.arange(len(kept))
    codes = np.zeros(len(values), np.int64)
    codes[~absent] = table[inverse]
    shown = [plain(known[place]) for place in first[kept]]
    levels = [Group.of(name, value) for value in shown]
    if len(kept) < len(distinct):
        levels.append(~Group.of(name, *shown))
    return _with_missing(name, codes, levels, absent, ordered=ordered and len(kept) == len(distinct))


def _with_missing(name: str, codes: Array, levels: list[Group], absent: Array, *, ordered: bool) -> Coded:
    if absent.any():
        codes[absent] = len(levels)
        return Coded(name, (*levels, Group.missing(name)), codes.astype(np.int32), ordered=False)
    return Coded(name, tuple(levels), codes.astype(np.int32), ordered=ordered)
