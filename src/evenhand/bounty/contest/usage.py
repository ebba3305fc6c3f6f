"""Usage: which features a group truly depends on — exactly for declared groups, by permutation for any other.

A declared group may name a column without depending on it: `age<30 | age>=30 & sex=Female | ...`. It depends on a
column where, for some hidden row, putting in another row's value of that column alone changes who is in the group.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.condition import Both, Comparison, Condition, Either, Other, comparisons
from evenhand.core.errors import DataError
from evenhand.core.group import Group
from evenhand.models.membership import Members

Array = NDArray[Any]
# What is known of a comparison for a row, in the three-valued logic of SQL: whether it holds, and whether it fails.
Known = tuple[Array, Array]


def features_of(group: Group, members: Members) -> tuple[str, ...]:
    """The columns that the group depends on for these rows, in its order; raises DataError."""
    known = {each: _known(each, members) for each in dict.fromkeys(comparisons(group.condition))}
    columns = group.columns
    patterns = {name: _patterns([known[each] for each in known if each.column == name]) for name in columns}
    rows = _firsts(list(patterns.values()))
    return tuple(name for name in columns if _depends(group.condition, name, known, (rows, patterns[name])))


def permuted_usage(
    indicator: Callable[[Mapping[str, Array]], Array], columns: Mapping[str, Array], *, seed: int = 0
) -> dict[str, float]:
    """The share of rows that enter or leave a group when one column is shuffled, for each column.

    `indicator` says of rows which are in the group. Raises DataError where it answers another number of rows.
    """
    rows = len(next(iter(columns.values())))
    order = np.random.default_rng(seed).permutation(rows)
    before = _asked(indicator, columns, rows)
    return {
        name: float((_asked(indicator, {**columns, name: values[order]}, rows) != before).mean())
        for name, values in columns.items()
    }


def _asked(indicator: Callable[[Mapping[str, Array]], Array], columns: Mapping[str, Array], rows: int) -> Array:
    found = np.asarray(indicator(columns)).astype(bool)
    if found.shape != (rows,):
        raise DataError(f"The group says of {found.size} rows whether they are in it, and was asked about {rows}.")
    return found


def _known(comparison: Comparison, members: Members) -> Known:
    return members.mask(Group(comparison)), members.mask(Group(Other(comparison)))


def _patterns(known: Sequence[Known]) -> Array:
    """A number for each row, the same for rows that are alike to all these comparisons."""
    numbers = np.zeros(len(known[0][0]), np.int64)
    for holds, fails in known:
        numbers = np.unique(numbers * 3 + np.where(holds, 1, np.where(fails, 0, 2)), return_inverse=True)[1]
    return numbers


def _firsts(patterns: Sequence[Array]) -> Array:
    """One row of each kind that there is."""
    numbers = np.zeros(len(patterns[0]), np.int64)
    for each in patterns:
        numbers = np.unique(numbers * (int(each.max(initial=0)) + 1) + each, return_inverse=True)[1]
    return np.asarray(np.unique(numbers, return_index=True)[1])


def _depends(condition: Condition, name: str, known: Mapping[Comparison, Known], where: tuple[Array, Array]) -> bool:
    rows, patterns = where
    here = {each: (holds[rows], fails[rows]) for each, (holds, fails) in known.items()}
    before: Array | None = None
    for first in np.unique(patterns, return_index=True)[1]:
        for each in known:
            if each.column == name:
                holds, fails = known[each]
                here[each] = (np.full(len(rows), holds[first]), np.full(len(rows), fails[first]))
        inside = _decided(condition, here)[0]
        if before is not None and (inside != before).any():
            return True
        before = inside
    return False


def _decided(condition: Condition, known: Mapping[Comparison, Known]) -> Known:
    match condition:
        case Both(parts):
            held, failed = zip(*(_decided(part, known) for part in parts), strict=True)
            return np.logical_and.reduce(held), np.logical_or.reduce(failed)
        case Either(parts):
            held, failed = zip(*(_decided(part, known) for part in parts), strict=True)
            return np.logical_or.reduce(held), np.logical_and.reduce(failed)
        case Other(part):
            holds, fails = _decided(part, known)
            return fails, holds
        case _:
            return known[condition]
