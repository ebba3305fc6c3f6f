"""Levels: the values of one column as a few small codes, each of which is a group by itself."""

from collections import defaultdict
from itertools import pairwise
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


def coded(name: str, values: Array, kind: Kind, least: int = 1) -> Coded:
    """A column as codes; missing values are a level of their own, values of fewer than `least` rows one together."""
    if values.dtype != object:
        absent = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), bool)
        distinct, inverse = np.unique(values[~absent], return_inverse=True)
    else:
        absent, distinct, inverse = _factored(values)
    if kind == "number" and len(distinct) > MOST_NUMBERS:
        return _numbers(name, values[~absent].astype(np.float64), absent)
    return _categories(name, distinct, inverse, absent, least=least, ordered=kind == "number")


def _factored(values: Array) -> tuple[Array, Array, Array]:
    """Which values are missing; the others' distinct values in order; and the place of each among them."""
    index: defaultdict[Any, int] = defaultdict()
    index.default_factory = index.__len__
    codes = np.fromiter(map(index.__getitem__, values), np.int64, len(values))
    keys = list(index)
    gone = np.array([plain(key) is None for key in keys], bool)
    absent = gone[codes] if len(keys) else np.zeros(0, bool)
    known = [place for place, key in enumerate(keys) if not gone[place]]
    known.sort(key=lambda place: (str(type(keys[place])), keys[place]))
    rank = np.zeros(len(keys), np.int64)
    rank[known] = np.arange(len(known))
    distinct = np.empty(len(known), object)
    distinct[:] = [keys[place] for place in known]
    return absent, distinct, rank[codes[~absent]]


def _numbers(name: str, known: Array, absent: Array) -> Coded:
    edges = _edges(known[np.isfinite(known)])
    codes = np.zeros(len(absent), np.int64)
    codes[~absent] = np.searchsorted(edges, known, side="right")
    bounds = [None, *(_number(edge) for edge in edges.tolist()), None]
    levels = [Group.between(name, low, high) for low, high in pairwise(bounds)]
    return _with_missing(name, codes, levels, absent, ordered=True)


def _number(edge: float) -> float:
    """50 rather than 50.0, as people write it."""
    return int(edge) if edge.is_integer() and abs(edge) < 2**53 else edge


def _edges(known: Array) -> Array:
    """Cuts between ranges of about as many rows each, rounded as far as they stay apart."""
    exact = _cuts(known, np.arange(1, RANGES) / RANGES)
    if not len(exact):
        # Most rows hold the least number (such as a gain of 0): they are one range, and the others are cut.
        others = known[known > known.min()]
        exact = np.unique([others.min(), *_cuts(others, np.arange(1, 3) / 3)])
    for digits in range(1, 8):
        with np.errstate(divide="ignore"):
            scale = np.where(exact == 0, 1.0, 10.0 ** (digits - 1 - np.floor(np.log10(np.abs(exact)))))
        rounded = np.round(exact * scale) / scale
        if len(np.unique(rounded)) == len(exact) and np.isfinite(rounded).all() and _even(known, rounded):
            return np.asarray(rounded)
    return np.asarray(exact)


def _cuts(known: Array, shares: Array) -> Array:
    cuts = np.unique(np.quantile(known, shares, method="inverted_cdf"))
    return np.asarray(cuts[cuts > known.min()])


def _even(known: Array, edges: Array) -> bool:
    """Whether no range of the rounded cuts has lost most of its rows."""
    shares = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1) / len(known)
    return bool(shares.min() >= 0.25 / RANGES)


def _categories(name: str, distinct: Array, inverse: Array, absent: Array, *, least: int, ordered: bool) -> Coded:
    counts = np.bincount(inverse, minlength=len(distinct))
    frequent = np.argsort(-counts, kind="stable")[:MOST_LEVELS]
    # Two values are told apart however rare one is, so that its complement can be named.
    kept = np.sort(frequent if len(distinct) <= 2 else frequent[counts[frequent] >= least])
    table = np.full(len(distinct), len(kept))
    table[kept] = np.arange(len(kept))
    codes = np.zeros(len(absent), np.int64)
    codes[~absent] = table[inverse]
    shown = [plain(value) for value in distinct[kept]]
    levels = [Group.of(name, value) for value in shown if value is not None]
    if len(kept) < len(distinct):
        # Without a frequent value nothing is told apart: all values are one level.
        levels.append(~Group.of(name, *(value for value in shown if value is not None)) if shown else
                      ~Group.missing(name))  # fmt: skip
    return _with_missing(name, codes, levels, absent, ordered=ordered and len(kept) == len(distinct))


def _with_missing(name: str, codes: Array, levels: list[Group], absent: Array, *, ordered: bool) -> Coded:
    if absent.any():
        codes[absent] = len(levels)
        levels = [*levels, Group.missing(name)]
    return Coded(name, tuple(levels), codes.astype(np.int32), ordered=ordered)
