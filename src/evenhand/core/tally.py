"""Tally: what the rows of a table add up to, in a few cubes; tallies of parts add up to the tally of the whole."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from evenhand.core.audit import Audit, Outcome
from evenhand.core.cube import Cube
from evenhand.core.errors import DataError, UnreadableSource
from evenhand.core.facet import Facet
from evenhand.core.frame import Frame
from evenhand.core.plan import Plan, plan
from evenhand.core.tally_text import Contents, read_tally, written_tally
from evenhand.core.values import Value
from evenhand.core.writing import write_whole


@dataclass(frozen=True, eq=False)
class Tally:
    """The counts an audit needs, and what they count.

    Adding the tallies of two parts of a table gives the tally of the whole: `tally(a) + tally(b) == tally(a ++ b)`.
    `unweighted` rows had no weight and are in no cube.
    """

    audit: Audit
    outcome: Outcome
    facets: Mapping[str, Facet]
    cubes: tuple[Cube, ...]
    positive: tuple[Value, ...] = ()
    notes: tuple[str, ...] = ()
    unweighted: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        if (self.audit, self.outcome) != (other.audit, other.outcome):
            raise ValueError("Only tallies of the same audit add up.")
        cubes = tuple(mine + theirs for mine, theirs in zip(self.cubes, other.cubes, strict=True))
        notes = tuple(dict.fromkeys((*self.notes, *other.notes)))
        return replace(self, cubes=cubes, notes=notes, unweighted=self.unweighted + other.unweighted)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and self.fingerprint == other.fingerprint

    __hash__ = None  # type: ignore[assignment]  # a tally is a value that may be large

    @cached_property
    def fingerprint(self) -> str:
        """A SHA-256 of all cells: the same table gives the same fingerprint from any source."""
        content = hashlib.sha256()
        for cube in self.cubes:
            content.update(cube.digest())
        return content.hexdigest()

    @property
    def rows(self) -> int:
        """The rows counted."""
        return self.cubes[0].rows

    @property
    def axes(self) -> frozenset[str]:
        """Everything that rows are counted by."""
        return frozenset(axis for cube in self.cubes for axis in cube.axes)

    def over(self, axes: Sequence[str]) -> Cube:
        """The smallest cube over the given axes."""
        holding = [cube for cube in self.cubes if set(axes) <= set(cube.axes)]
        if not holding:
            raise DataError(f"Nothing was counted by {', '.join(axes)} together.")
        return min(holding, key=lambda cube: len(cube.count)).marginal(axes)

    def to_json(self) -> str:
        """The tally as one line of JSON; `Tally.from_json` reads it back, to the last bit."""
        content = Contents(
            self.audit, self.outcome, self.facets, self.cubes, self.positive, self.notes, self.unweighted
        )
        return written_tally(content) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "Tally":
        """Read a tally written by `to_json`; raises UnreadableSource."""
        return cls(*read_tally(text))

    def save(self, path: str | Path) -> None:
        """Write the tally to a file, whole or not at all."""
        write_whole(path, self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> "Tally":
        """Read a tally written by `save`; raises UnreadableSource."""
        try:
            return cls.from_json(Path(path).read_bytes())
        except OSError as error:
            raise UnreadableSource(f"Cannot read the tally {str(path)!r}: {error.strerror}.") from None


def tally(frame: Frame, audit: Audit) -> Tally:
    """Count the rows of a frame for an audit, in one pass; raises DataError or SpecError."""
    return count(frame, plan(audit, frame))


def count(frame: Frame, bound: Plan) -> Tally:
    """Count the rows of a frame for a plan that was made for it."""
    found = frame.cells(bound.keys, bound.sums, bound.cubes, bound.audit.most_cells)
    cubes = [Cube.of(axes, columns, tuple(bound.sums)) for axes, columns in zip(bound.cubes, found, strict=True)]
    for cube in cubes:
        _check(cube, bound.audit)
    weighted = tuple(_without_missing_weights(cube) for cube in cubes)
    unweighted = cubes[0].rows - weighted[0].rows
    return Tally(bound.audit, bound.outcome, bound.facets, weighted, bound.positive, bound.notes, unweighted)


def _check(cube: Cube, audit: Audit) -> None:
    """Raise DataError for what only the counts can show: weights below zero, scores out of range."""
    if cube.rows == 0:
        raise DataError("The data has no rows.")
    if "weight sign" in cube.axes and 0 in cube.levels["weight sign"]:
        raise DataError(f"Weights must not be negative; {audit.weight!r} has values below 0.")
    if "score" in cube.axes and ({-1, audit.score_bins} & set(cube.levels["score"])):
        low, high = audit.score_range
        raise DataError(f"Scores in {audit.score!r} lie outside {low:g} to {high:g}; give score_range.")


def _without_missing_weights(cube: Cube) -> Cube:
    """Rows without a weight cannot be counted by weight; they are left out of every sum and count."""
    if "weight sign" not in cube.axes:
        return cube
    place = cube.axes.index("weight sign")
    keep = np.array([level is not None for level in cube.levels["weight sign"]], bool)[cube.codes[:, place]]
    kept = Cube(cube.axes, cube.levels, cube.codes[keep], cube.count[keep], {k: v[keep] for k, v in cube.sums.items()})
    return kept.marginal([axis for axis in cube.axes if axis != "weight sign"])
