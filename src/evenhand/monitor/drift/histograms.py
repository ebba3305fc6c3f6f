"""Histograms: how often each column takes which values, overall and in each group; they add up like tallies."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evenhand.core.cube import Cube
from evenhand.core.errors import ColumnNotFound, SpecError, UnreadableSource
from evenhand.core.facet import Facet
from evenhand.core.frame import Frame
from evenhand.core.group import Group
from evenhand.core.monitor import Monitor
from evenhand.core.plan import MOST_CROSSED, facet_axis, named_columns
from evenhand.monitor.drift.binning import MOST_CATEGORIES, Binning, Counts, of_categories, of_numbers

# The facet and the group; both None for everybody.
Slice = tuple[str | None, str | None]
EVERYBODY: Slice = (None, None)
# The rows that edges are estimated from: tenths of them lie within about a point of those of the table.
SAMPLE = 5_000
# Groups of a facet beyond this many are not looked into, the smallest first.
MOST_GROUPS = 50
# Columns whose bins, crossed, are no more than this are counted together.
MOST_TOGETHER = 500


@dataclass(frozen=True, eq=False)
class Histograms:
    """Counts by column, slice and bin. Adding those of two tables gives those of the one with both."""

    binnings: Mapping[str, Binning]
    counts: Mapping[str, Mapping[Slice, Counts]]

    def __add__(self, other: "Histograms") -> "Histograms":
        if dict(self.binnings) != dict(other.binnings):
            raise ValueError("Only histograms with the same bins add up.")
        return Histograms(self.binnings, {name: _sum(self.counts[name], other.counts[name]) for name in self.binnings})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histograms) and self._facts() == other._facts()

    __hash__ = None  # type: ignore[assignment]  # a value that may be large

    @property
    def rows(self) -> int:
        """The rows counted."""
        return max((int(slices[EVERYBODY].sum()) for slices in self.counts.values() if EVERYBODY in slices), default=0)

    def _facts(self) -> dict[str, Any]:
        columns = [
            {
                "column": name,
                **binning.to_facts(),
                "slices": [
                    [*key, counts.tolist()] for key, counts in sorted(self.counts[name].items(), key=_slice_order)
                ],
            }
            for name, binning in self.binnings.items()
        ]
        return {"schema_version": 1, "columns": columns}

    def to_json(self) -> str:
        """The histograms as one line of JSON; `from_json` reads them back."""
        return json.dumps(self._facts(), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Histograms":
        """Read histograms written by `to_json`; raises UnreadableSource."""
        try:
            columns = json.loads(text)["columns"]
            binnings = {str(facts["column"]): Binning.from_facts(facts) for facts in columns}
            counts = {str(facts["column"]): dict(_slices_read(facts)) for facts in columns}
            for name, slices in counts.items():
                if any(len(found) != binnings[name].size or (found < 0).any() for found in slices.values()):
                    raise ValueError(f"the counts of {name!r} do not fit its bins")
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UnreadableSource(f"These are not histograms of evenhand: {error}.") from None
        return cls(binnings, counts)


def histograms_of(
    frame: Frame, monitor: Monitor, binnings: Mapping[str, Binning] | None = None
) -> Histograms:  # fmt: skip
    """Count the watched columns of a frame, in one group-by; raises ColumnNotFound or DataError.

    `binnings` are those of the baseline's histograms; without them, the frame is the baseline and they are made here.
    A column of another kind than the baseline's, or without it, is missing everywhere.
    """
    frozen = dict(binnings) if binnings is not None else binnings_of(frame, monitor)
    facets = {text: Facet.parse(text, list(frame.kinds)) for text in monitor.audit.facets}
    expressions = frame.expressions
    keys = {facet_axis(text): facet.expression(expressions) for text, facet in facets.items()}
    there = [name for name, binning in frozen.items() if _fits(frame, name, binning)]
    for name in there:
        edges = frozen[name].edges
        key = expressions.cut(expressions.number(name), edges) if edges else expressions.column(name)
        keys[_axis(name)] = key
    crossed = [tuple(facets)] if len(facets) <= MOST_CROSSED else [(text,) for text in facets]
    asked = [(chosen, names) for names in _together(frozen, there) for chosen in crossed]
    cubes = [(*map(facet_axis, chosen), *map(_axis, names)) for chosen, names in asked]
    counts: dict[str, dict[Slice, Counts]] = {name: {} for name in frozen}
    cells = frame.cells(keys, {}, cubes, monitor.audit.most_cells)
    for (chosen, names), axes, columns in zip(asked, cubes, cells, strict=True):
        cube = Cube.of(axes, columns)
        for name in names:
            of_one = cube.marginal((*map(facet_axis, chosen), _axis(name)))
            counts[name] |= _slices(of_one, frozen[name], {text: facets[text] for text in chosen})
    return Histograms(frozen, counts)


def _together(binnings: Mapping[str, Binning], names: Sequence[str]) -> list[tuple[str, ...]]:
    """Columns that are counted in one cube, and added up afterwards: fewer cubes cost less than smaller ones."""
    found: list[tuple[str, ...]] = []
    cells = MOST_TOGETHER
    for name in names:
        cells *= binnings[name].size
        if cells <= MOST_TOGETHER:
            found[-1] = (*found[-1], name)
        else:
            found.append((name,))
            cells = binnings[name].size
    return found


def binnings_of(frame: Frame, monitor: Monitor) -> dict[str, Binning]:
    """The bins of each watched column, from a sample of the baseline and its most frequent values."""
    columns = watched(frame, monitor)
    expressions = frame.expressions
    numbers = [name for name in columns if frame.kinds[name] == "number"]
    sample: Mapping[str, Any] = {}
    if numbers:
        sample = frame.rows({name: expressions.number(name) for name in numbers}, SAMPLE, monitor.audit.seed)
    found: dict[str, Binning] = {}
    for name in columns:
        if name in sample:
            found[name] = of_numbers(sample[name])
        else:
            found[name] = of_categories(frame.distinct(name, MOST_CATEGORIES))
    return found


def watched(frame: Frame, monitor: Monitor) -> list[str]:
    """The columns watched: those named, or all inputs that are numbers, text or true and false."""
    for name in monitor.columns:
        if name not in frame.kinds:
            raise ColumnNotFound(name, frame.kinds)
        if frame.kinds[name] == "other":
            raise SpecError(f"Column {name!r} holds neither numbers nor text nor true and false; it cannot be watched.")
    if monitor.columns:
        return list(monitor.columns)
    audit = monitor.audit
    named = (*named_columns(audit.label, frame.kinds), *named_columns(audit.predicted_label, frame.kinds))
    apart = {monitor.id, monitor.time, audit.score, audit.weight, audit.block, *named}
    names = audit.features or [name for name in frame.kinds if name not in apart]
    return [name for name in names if frame.kinds[name] != "other"]


def _axis(column: str) -> str:
    return f"column {column}"


def _fits(frame: Frame, name: str, binning: Binning) -> bool:
    kind = frame.kinds.get(name)
    return kind == "number" if binning.numeric else kind is not None


def _slices(cube: Cube, binning: Binning, facets: Mapping[str, Facet]) -> dict[Slice, Counts]:
    """The counts of everybody and of each group, of one cube of facets and the column."""
    axis = cube.axes[-1]
    places = binning.places(cube.levels[axis])[cube.codes[:, -1]]
    found = {EVERYBODY: _counted(places, cube.count, binning.size)}
    for text, facet in facets.items():
        at = cube.axes.index(facet_axis(text))
        levels = cube.levels[facet_axis(text)]
        sizes = np.bincount(cube.codes[:, at], cube.count, len(levels))
        for code in np.argsort(-sizes, kind="stable")[:MOST_GROUPS]:
            inside = cube.codes[:, at] == code
            group: Group = facet.level_group(levels[code])
            found[text, str(group)] = _counted(places[inside], cube.count[inside], binning.size)
    return found


def _counted(places: Counts, count: Counts, size: int) -> Counts:
    total = np.zeros(size, np.int64)
    np.add.at(total, places, count)
    return total


def _sum(first: Mapping[Slice, Counts], second: Mapping[Slice, Counts]) -> dict[Slice, Counts]:
    found = dict(first)
    for key, counts in second.items():
        found[key] = found[key] + counts if key in found else counts
    return found


def _slice_order(pair: tuple[Slice, Counts]) -> tuple[str, str]:
    return pair[0][0] or "", pair[0][1] or ""


def _slices_read(facts: Mapping[str, Any]) -> Iterator[tuple[Slice, Counts]]:
    for facet, group, counts in facts["slices"]:
        yield (facet, group), np.array(counts, np.int64)
