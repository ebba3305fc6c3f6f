"""Division: one facet or crossing of a tally as dense arrays, group by group, ready to compare."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from itertools import product
from operator import and_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.audit import Audit
from evenhand.core.cube import Cube
from evenhand.core.plan import facet_axis
from evenhand.core.sides import NEGATIVE, POSITIVE, UNKNOWN
from evenhand.core.tally import Tally
from evenhand.core.values import Level, order, written

Array = NDArray[Any]

# Blocks beyond this many are joined at random: the bootstrap of the joined blocks has the same expected variance.
MOST_BLOCKS = 1000


@dataclass(frozen=True)
class Slice:
    """One group of a division: its text, its rows, and whether it is a missing value or several groups merged."""

    text: str
    levels: tuple[Level, ...]
    rows: int
    missing: bool = False
    merged: int = 0


@dataclass(frozen=True, eq=False)
class Division:
    """The groups of one facet or crossing, and what was counted in each; arrays have the groups first.

    With several classes, `positive` picks one of them to stand against the others.
    """

    tally: Tally
    facets: tuple[str, ...]
    slices: tuple[Slice, ...]
    place: dict[tuple[Level, ...], int]
    positive: Level = None

    @classmethod
    def of(cls, tally: Tally, facets: Sequence[str]) -> "Division":
        """The division of a tally by one facet, or by several crossed."""
        cube = tally.over([facet_axis(facet) for facet in facets])
        rows = {_levels(cube, codes): int(count) for codes, count in zip(cube.codes, cube.count, strict=True)}
        rows = {levels: count for levels, count in rows.items() if not _dropped(tally.audit, tally, facets, levels)}
        if len(facets) > 1:
            rows = {levels: rows.get(levels, 0) for levels in product(*_known_levels(tally, facets, rows))}
        merged = _merged(tally.audit, rows)
        slices = [
            Slice(_text(tally, facets, levels), levels, count, None in levels)
            for levels, count in rows.items()
            if levels not in merged
        ]
        place = {piece.levels: index for index, piece in enumerate(slices)}
        if merged:
            place |= dict.fromkeys(merged, len(slices))
            total = sum(rows[levels] for levels in merged)
            slices.append(Slice(f"other ({len(merged)} groups)", (), total, merged=len(merged)))
        return cls(tally, tuple(facets), tuple(slices), place)

    @cached_property
    def one_against_others(self) -> tuple["Division", ...]:
        """This division once for each class, with that class as positive."""
        return tuple(replace(self, positive=level) for level in self.classes)

    @property
    def name(self) -> str:
        """The facet's text form; crossed facets are joined by ×."""
        return " × ".join(self.facets)

    @cached_property
    def _gathered(self) -> tuple[Cube, Array]:
        """The decisions cube over facets and everything else, and each cell's group (-1: dropped)."""
        axes = [axis for axis in ("stratum", "block", "label", "prediction") if axis in self.tally.axes]
        return self._over(axes)

    def _over(self, axes: Sequence[str]) -> tuple[Cube, Array]:
        names = [facet_axis(facet) for facet in self.facets]
        cube = self.tally.over([*names, *axes])
        distinct, inverse = np.unique(cube.codes[:, : len(names)], axis=0, return_inverse=True)
        places = np.array([self.place.get(_levels(cube, codes), -1) for codes in distinct], dtype=np.int64)
        groups = places[inverse]
        keep = (groups >= 0) & ~self._dropped_cells(cube)
        kept = Cube(
            tuple(axes),
            cube.levels,
            cube.codes[keep, len(names) :],
            cube.count[keep],
            {name: values[keep] for name, values in cube.sums.items()},
        )
        return kept, groups[keep]

    def _dropped_cells(self, cube: Cube) -> Array:
        """Cells whose label, prediction or stratum is missing where the audit says to drop such rows."""
        audit = self.tally.audit
        columns = {"label": audit.label, "prediction": audit.predicted_label, "stratum": audit.stratum}
        dropped = np.zeros(len(cube.count), bool)
        for axis, column in columns.items():
            if axis in cube.axes and column is not None and audit.missing.get(column) == "drop":
                absent = np.array([level is None for level in cube.levels[axis]], bool)
                dropped |= absent[cube.codes[:, cube.axes.index(axis)]]
        return dropped

    @property
    def size(self) -> int:
        """How many groups there are."""
        return len(self.slices)

    def _values(self, cube: Cube) -> Array:
        return np.asarray(cube.sums.get("weight", cube.count), np.float64)

    @cached_property
    def effective(self) -> Array:
        """Independent rows per unit of weight in each group: Kish's for weights, less for dependent blocks."""
        cube, groups = self._gathered
        worth = np.ones(self.size)
        if "weight" in cube.sums:
            weight = np.bincount(groups, cube.sums["weight"], self.size)
            squared = np.bincount(groups, cube.sums["weight_squared"], self.size)
            worth = np.divide(weight, squared, out=worth, where=squared > 0)
        if self.blocks is None or self.tally.outcome != "binary":
            return np.asarray(worth)
        return np.asarray(worth / [_design(blocks.sum(axis=1)) for blocks in self.blocks])

    @cached_property
    def classes(self) -> tuple[Level, ...]:
        """The classes of label and prediction: (False, True) where one is positive and the others negative."""
        if self.tally.outcome != "multiclass" or self.positive is not None:
            return (False, True)
        cube, _ = self._gathered
        axes = [axis for axis in ("label", "prediction") if axis in cube.axes]
        levels = {level for axis in axes for level in cube.levels[axis] if level is not None}
        return tuple(sorted(levels, key=order))

    @cached_property
    def _cells(self) -> tuple[tuple[Array, ...], tuple[int, ...]]:
        """Each cell's place by group, stratum, label class and predicted class, and the shape of that array."""
        cube, groups = self._gathered
        outcomes = [self._class_codes(cube, axis) for axis in ("label", "prediction")]
        classes = len(self.classes) + 1
        shape = (self.size, _size(cube, "stratum"), classes, classes)
        return (groups, _codes(cube, "stratum"), *outcomes), shape

    def _class_codes(self, cube: Cube, axis: str) -> Array:
        """Each cell's class on an axis; the last code is unknown."""
        unknown = len(self.classes)
        if axis not in cube.axes:
            return np.full(len(cube.count), unknown)
        table = [unknown if level is None else self._class(level) for level in cube.levels[axis]]
        return np.array(table, np.int64)[_codes(cube, axis)]

    def _class(self, level: Level) -> int:
        if self.tally.outcome != "multiclass":
            return int(bool(level))
        return int(level == self.positive) if self.positive is not None else self.classes.index(level)

    @cached_property
    def decisions(self) -> Array:
        """Rows (or weight) by group, stratum, label and prediction, shape (groups, strata, classes+1, classes+1).

        The last class is unknown; with two classes they are negative and positive.
        """
        place, shape = self._cells
        return _added(shape, place, self._values(self._gathered[0]))

    @cached_property
    def counts(self) -> tuple[Array, Array]:
        """Row counts, and the variance of the weights, in the cells of `decisions`."""
        cube, _ = self._gathered
        place, shape = self._cells
        counts = _added(shape, place, cube.count)
        if "weight" not in cube.sums:
            return counts, np.zeros(shape)
        squares = _added(shape, place, cube.sums["weight_squared"])
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = squares / counts - (self.decisions / counts) ** 2
        return counts, np.maximum(np.nan_to_num(variance), 0.0)

    @cached_property
    def blocks(self) -> Array | None:
        """`decisions` by block, shape (groups, blocks, strata, classes+1, classes+1); None without a block column."""
        cube, groups = self._gathered
        if "block" not in cube.axes:
            return None
        number = len(cube.levels["block"])
        joined = np.arange(number)
        if number > MOST_BLOCKS:
            joined = np.random.default_rng(self.tally.audit.seed).permutation(number) % MOST_BLOCKS
        place, shape = self._cells
        blocked = (self.size, min(number, MOST_BLOCKS), *shape[1:])
        return _added(blocked, (groups, joined[_codes(cube, "block")], *place[1:]), self._values(cube))

    @cached_property
    def scores(self) -> Array:
        """Rows (or weight) by group, score bin and label, shape (groups, bins, 3); rows without a score left out."""
        axes = [axis for axis in ("score", "label") if axis in self.tally.axes]
        cube, groups = self._over(axes)
        bins = np.array([-1 if level is None else int(level) for level in cube.levels["score"]], np.int64)
        scored = bins[_codes(cube, "score")]
        label = _ternary(cube, "label")
        known = scored >= 0
        shape = (self.size, self.tally.audit.score_bins, 3)
        return _added(shape, (groups[known], scored[known], label[known]), self._values(cube)[known])

    @cached_property
    def errors(self) -> dict[str, Array]:
        """What the errors of a regression add up to by group; see `Errors`."""
        axes = [axis for axis in ("incomplete", "error", "covered") if axis in self.tally.axes]
        cube, groups = self._over(axes)
        bins = _codes(cube, "error")
        complete = np.array([not level for level in cube.levels["incomplete"]], bool)[_codes(cube, "incomplete")]
        weight = np.where(complete, self._values(cube), 0.0)
        shape = (self.size, max(_size(cube, "error"), 1))
        found = {"count": _added(shape, (groups, bins), weight)}
        for name, total in (("error", "total"), ("error_squared", "squares")):
            values = np.where(complete, cube.sums.get(name, np.zeros(len(groups))), 0.0)
            found[total] = _added(shape, (groups, bins), values)
        for name in ("label", "prediction"):
            sums = [cube.sums.get(name, np.zeros(len(groups))), cube.sums.get(f"{name}_squared", np.zeros(len(groups)))]
            by_group = [np.bincount(groups, np.where(complete, values, 0.0), self.size) for values in sums]
            found[f"{name}s"] = np.stack([*by_group, np.bincount(groups, weight, self.size)], axis=1)
        inside = [
            np.array([level is wanted for level in cube.levels.get("covered", (None,))], bool)
            for wanted in (True, False)
        ]
        covered = _codes(cube, "covered")
        found["covered"] = np.stack([np.bincount(groups, weight * side[covered], self.size) for side in inside], axis=1)
        return found


def _added(shape: tuple[int, ...], place: tuple[Array, ...], values: Array) -> Array:
    """Values added up at their places in an array of zeros."""
    flat = np.ravel_multi_index(place, shape)
    return np.bincount(flat, np.asarray(values, np.float64), int(np.prod(shape))).reshape(shape)


def _levels(cube: Cube, codes: Array) -> tuple[Level, ...]:
    return tuple(cube.levels[axis][code] for axis, code in zip(cube.axes, codes, strict=False))


def _codes(cube: Cube, axis: str) -> Array:
    if axis not in cube.axes:
        return np.zeros(len(cube.count), np.int64)
    return cube.codes[:, cube.axes.index(axis)]


def _size(cube: Cube, axis: str) -> int:
    return len(cube.levels[axis]) if axis in cube.axes else 1


def _ternary(cube: Cube, axis: str) -> Array:
    """The codes negative, positive, unknown of a boolean axis; all unknown where the axis is not counted."""
    if axis not in cube.axes:
        return np.full(len(cube.count), UNKNOWN)
    meaning = {True: POSITIVE, False: NEGATIVE}
    table = np.array(
        [UNKNOWN if level is None else meaning.get(bool(level), UNKNOWN) for level in cube.levels[axis]], int
    )
    return table[_codes(cube, axis)]


def _text(tally: Tally, facets: Sequence[str], levels: tuple[Level, ...]) -> str:
    groups = [tally.facets[facet].level_group(level) for facet, level in zip(facets, levels, strict=True)]
    return str(reduce(and_, groups) if len(groups) > 1 else groups[0])


def _dropped(audit: Audit, tally: Tally, facets: Sequence[str], levels: tuple[Level, ...]) -> bool:
    return any(
        level is None and any(audit.missing.get(column) == "drop" for column in tally.facets[facet].columns)
        for facet, level in zip(facets, levels, strict=True)
    )


def _known_levels(tally: Tally, facets: Sequence[str], rows: dict[tuple[Level, ...], int]) -> list[list[Level]]:
    """Each facet's levels in order, so that a crossing shows its empty cells too."""
    occurring = [{levels[place] for levels in rows} for place in range(len(facets))]
    ordered = [tally.over([facet_axis(facet)]).levels[facet_axis(facet)] for facet in facets]
    return [[level for level in levels if level in held] for levels, held in zip(ordered, occurring, strict=True)]


def _merged(audit: Audit, rows: dict[tuple[Level, ...], int]) -> set[tuple[Level, ...]]:
    """The smallest groups beyond the most that an audit may have."""
    if len(rows) <= audit.most_groups:
        return set()
    by_size = sorted(rows, key=lambda levels: -rows[levels])
    return set(by_size[audit.most_groups - 1 :])


def class_name(level: Level) -> str:
    """A label class as findings write it."""
    return level if isinstance(level, str) else written(level)


def _design(blocks: Array) -> float:
    """How many times dependence within blocks widens the variance of a group's rates (Kish's design effect)."""
    return max(_design_effect(blocks.sum(axis=axis)) for axis in (1, 2))


def _design_effect(outcomes: Array) -> float:
    hits, trials = outcomes[:, 1], outcomes[:, 0] + outcomes[:, 1]
    total = trials.sum()
    if total == 0 or (rate := hits.sum() / total) in (0, 1):
        return 1.0
    clustered = ((hits - rate * trials) ** 2).sum() / total**2
    return max(1.0, float(clustered / (rate * (1 - rate) / total)))
