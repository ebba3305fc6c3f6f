"""Sums: a second pass over written attributions, of which only sums come back; and one that fetches a sample."""

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from evenhand.core.moments import Moments, Slice, added
from evenhand.core.spread import PLACE, Spread
from evenhand.explaining.bulk.layout import Layout, Lines
from evenhand.explaining.importances import moments_of, without_dust

Floats = NDArray[np.float64]
_COLUMN = "sums"


@dataclass
class Sums:
    """Sums over lines: the moments of each slice, evaluations, the largest gap, and the noise that designs share.

    `deviations` (designs × players × outputs) are sums over each design's runs of the square root of what its rows
    share.
    """

    moments: dict[Slice, Moments] = field(default_factory=dict)
    evaluations: int = 0
    gap: float = 0.0
    designs: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    deviations: Floats = field(default_factory=lambda: np.zeros((0, 0, 0)))

    def __add__(self, other: "Sums") -> "Sums":
        if not other.moments:
            return self
        if not self.moments:
            return other
        designs, at = np.unique(np.concatenate([self.designs, other.designs]), return_inverse=True)
        deviations = np.zeros((len(designs), *self.deviations.shape[1:]))
        np.add.at(deviations, at, np.concatenate([self.deviations, other.deviations]))
        return Sums(
            added([self.moments, other.moments]), self.evaluations + other.evaluations, max(self.gap, other.gap),
            designs, deviations,
        )  # fmt: skip

    @property
    def shared(self) -> Floats:
        """The variance of the sum of sizes that the estimation adds; runs of one design are taken to err together."""
        variance: Floats = np.square(self.deviations).sum(axis=0)
        return variance

    def written(self) -> str:
        """The sums as text, which every engine hands on unchanged."""
        file = io.BytesIO()
        np.savez(
            file,
            keys=np.array(json.dumps(list(self.moments))),
            counts=np.stack([each.counts for each in self.moments.values()]),
            sums=np.stack([each.sums for each in self.moments.values()]),
            whole=np.array([self.evaluations]), gap=np.array([self.gap]),
            designs=self.designs, deviations=self.deviations,
        )  # fmt: skip
        return base64.b64encode(file.getvalue()).decode("ascii")

    @classmethod
    def read(cls, text: str) -> "Sums":
        """The sums that were written."""
        with np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False) as kept:
            keys = [(facet, group) for facet, group in json.loads(str(kept["keys"]))]
            counts, sums = kept["counts"], kept["sums"]
            moments = {key: Moments(counts[place], sums[place]) for place, key in enumerate(keys)}
            whole, gap = int(kept["whole"][0]), float(kept["gap"][0])
            return cls(moments, whole, gap, kept["designs"], kept["deviations"])


@dataclass(frozen=True)
class Summing:
    """The work that gives one text for each part of the lines: its sums. `scale` is what dust is dust beside."""

    layout: Layout
    scale: Floats
    pooled: bool

    def __call__(self, rows: Iterator[Any]) -> Iterator[Any]:
        """Tables of the layout's columns as c0, c1, … and `place`; gives a table of one column of text."""
        import pyarrow as pa

        whole = Sums()
        for table in rows:
            if len(table):
                whole = whole + self._sums(table)
        if whole.moments:
            yield pa.table({_COLUMN: pa.array([whole.written()], pa.string())})

    def _sums(self, table: Any) -> Sums:
        columns = [table[f"c{place}"] for place in range(len(self.layout.names))]
        lines = self.layout.lines(columns[:-2])
        parts = [self._moments(lines, output) for output in range(len(self.layout.outputs))]
        designs, deviations = self._deviations(lines, columns[-2], columns[-1])
        return Sums(
            added(parts), int(lines.evaluations[lines.output == 0].sum()), _largest_gap(lines), designs, deviations
        )

    def _moments(self, lines: Lines, output: int) -> dict[Slice, Moments]:
        """The moments of one output's lines; engines may part the lines of a row."""
        here = lines.output == output
        size = self.scale[output]
        values, errors = (without_dust(each[here], size)[:, :, None] for each in (lines.values, lines.errors))
        groups = {facet: labels[here] for facet, labels in lines.groups.items()}
        found = moments_of(values, errors, groups, pooled=self.pooled)
        return {key: self._widened(moments, output) for key, moments in found.items()}

    def _widened(self, moments: Moments, output: int) -> Moments:
        whole = Moments.none(len(self.layout.players), len(self.layout.outputs))
        whole.counts[output] = moments.counts[0]
        whole.sums[:, :, output] = moments.sums[:, :, 0]
        return whole

    def _deviations(self, lines: Lines, design: Any, shared: Any) -> tuple[NDArray[np.int64], Floats]:
        known = np.asarray(shared.is_valid().to_numpy(), bool)
        variances = np.array(shared.filter(shared.is_valid()).to_pylist(), float).reshape(
            known.sum(), len(self.layout.players)
        )
        designs, at = np.unique(np.asarray(design.to_numpy(), np.int64)[known], return_inverse=True)
        found = np.zeros((len(designs), len(self.layout.players), len(self.layout.outputs)))
        for output in range(len(self.layout.outputs)):
            here = lines.output[known] == output
            np.add.at(found[:, :, output], at[here], np.sqrt(variances[here]))
        return designs, found


@dataclass(frozen=True)
class Picking:
    """The work that gives the lines of some rows as they are."""

    layout: Layout
    rows: NDArray[np.int64]

    def __call__(self, rows: Iterator[Any]) -> Iterator[Any]:
        """Tables of the layout's `read` columns as c0, c1, … and `place`; gives them under their names."""
        import pyarrow as pa

        for table in rows:
            numbers = np.asarray(table["c0"].to_numpy(), np.int64)
            at = np.minimum(np.searchsorted(self.rows, numbers), len(self.rows) - 1)
            chosen = table.drop_columns([PLACE]).filter(pa.array(self.rows[at] == numbers))
            if len(chosen):
                yield chosen.rename_columns(list(self.layout.read)).cast(self.layout.schema(self.layout.read))


def summed(values: Spread, work: Summing) -> Sums:
    """The sums of all lines; only sums come to this process."""
    import pyarrow as pa

    whole = Sums()
    parts = values.mapped(work, work.layout.names, pa.schema([(_COLUMN, pa.string())]))
    for batch in parts.batches([_COLUMN], 64):
        for text in nw.from_native(batch, eager_only=True)[_COLUMN].to_list():
            whole = whole + Sums.read(text)
    return whole


def picked(values: Spread, work: Picking) -> Lines:
    """The lines of these rows, in the order of rows and outputs."""
    layout = work.layout
    found = values.mapped(work, layout.read, layout.schema(layout.read))
    parts = [nw.from_native(batch, eager_only=True) for batch in found.batches(layout.read, 65_536)]
    whole = nw.concat(parts, how="vertical") if len(parts) > 1 else parts[0]
    return layout.lines([whole[name] for name in layout.read])


def _largest_gap(lines: Lines) -> float:
    """The largest |Σ attributions − (prediction − base)|, relative to the larger of prediction and base in size."""
    gap = np.abs(lines.values.sum(axis=1) - (lines.predictions - lines.base))
    size = np.maximum(np.maximum(np.abs(lines.base), np.abs(lines.predictions)), np.finfo(float).tiny)
    return float((gap / size).max())
