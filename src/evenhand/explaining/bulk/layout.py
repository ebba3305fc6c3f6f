"""Layout: the columns in which workers write the attributions of rows, and what is read back from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.attributions import Attributions

Floats = NDArray[np.float64]

# Columns before and behind those of the players; a user's name that is one of these gets a star.
_FIRST, _LAST = ("row", "output", "base", "prediction"), ("evaluations", "design", "shared")


@dataclass(frozen=True)
class Layout:
    """One line for each row and output: row, output (where there are several), base, prediction, attributions, errors.

    Then each facet's group, the evaluations, the number of the row's design, and `shared`: the variance that the
    estimation adds to the sum of sizes, once for each run of rows of a design (see Attributions).
    """

    players: tuple[str, ...]
    outputs: tuple[str, ...]
    facets: tuple[str, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns; no two are the same, also where the case of letters counts for nothing."""
        first = [name for name in _FIRST if name != "output" or len(self.outputs) > 1]
        wanted = [*self.players, *(f"{player} (standard error)" for player in self.players), *self.facets]
        taken = {*_FIRST, *_LAST, "place"}
        free: list[str] = []
        for name in wanted:
            while name.lower() in taken:
                name = f"{name}*"
            taken.add(name.lower())
            free.append(name)
        return (*first, *free, *_LAST)

    @property
    def read(self) -> tuple[str, ...]:
        """The columns of single rows: all but those that only sums need."""
        return self.names[:-2]

    def schema(self, names: Sequence[str] | None = None) -> Any:
        """The PyArrow schema of these columns, or of all."""
        import pyarrow as pa

        kinds = dict.fromkeys(self.names, pa.float64())
        kinds |= {name: pa.int64() for name in ("row", "evaluations", "design")}
        kinds |= dict.fromkeys((*self._groups, *(["output"] if len(self.outputs) > 1 else [])), pa.string())
        kinds["shared"] = pa.list_(pa.float64())
        return pa.schema([(name, kinds[name]) for name in (self.names if names is None else names)])

    def table(self, rows: NDArray[np.int64], found: Attributions, groups: Sequence[Any], design: int) -> Any:
        """The PyArrow table of one run of rows of a design."""
        import pyarrow as pa

        count = len(self.outputs)
        columns: list[Any] = [np.repeat(rows, count)]
        if count > 1:
            columns.append(pa.array(list(self.outputs) * len(rows), pa.string()))
        columns += [found.base.ravel(), found.full.ravel()]
        columns += [found.values[:, place].ravel() for place in range(len(self.players))]
        columns += [found.errors[:, place].ravel() for place in range(len(self.players))]
        columns += [pa.array(np.repeat(labels, count), pa.string()) for labels in groups]
        lines = len(rows) * count
        columns += [np.repeat(found.evaluations, count), np.full(lines, design), self._shared(found.shared, lines)]
        return pa.table([pa.array(column) for column in columns], schema=self.schema())

    def _shared(self, shared: Floats, lines: int) -> Any:
        """The first line of each output has its variances, one for each player; the others have none."""
        import pyarrow as pa

        players, outputs = shared.shape
        places = np.full(lines + 1, players * outputs, np.int32)
        places[: outputs + 1] = np.arange(outputs + 1) * players
        without = np.arange(lines) >= outputs
        return pa.ListArray.from_arrays(pa.array(places), pa.array(shared.T.ravel()), mask=pa.array(without))

    @property
    def _groups(self) -> tuple[str, ...]:
        return self.names[len(self.names) - 3 - len(self.facets) : -3]

    def lines(self, columns: Sequence[Any]) -> "Lines":
        """Columns in the order of `read` as arrays; each is a PyArrow column, or has `to_numpy` and `to_list`."""
        named = dict(zip(self.read, columns, strict=True))
        places = {name: place for place, name in enumerate(self.outputs)}
        rows = np.asarray(named["row"].to_numpy(), np.int64)
        output = np.zeros(len(rows), np.int64)
        if len(self.outputs) > 1:
            output = np.array([places[name] for name in _texts(named["output"])], np.int64)
        first, count = len(self.read) - 1 - len(self.facets) - 2 * len(self.players), len(self.players)
        numbers = [np.asarray(column.to_numpy(), np.float64) for column in columns[first : first + 2 * count]]
        return Lines(
            rows=rows,
            output=output,
            base=np.asarray(named["base"].to_numpy(), np.float64),
            predictions=np.asarray(named["prediction"].to_numpy(), np.float64),
            values=np.column_stack(numbers[:count]),
            errors=np.column_stack(numbers[count:]),
            groups={facet: _texts(named[name]) for facet, name in zip(self.facets, self._groups, strict=True)},
            evaluations=np.asarray(named["evaluations"].to_numpy(), np.int64),
        )


@dataclass(frozen=True)
class Lines:
    """Lines of the written values as arrays: one for each row and output; values and errors are lines × players."""

    rows: NDArray[np.int64]
    output: NDArray[np.int64]
    base: Floats
    predictions: Floats
    values: Floats
    errors: Floats
    groups: dict[str, NDArray[np.object_]]
    evaluations: NDArray[np.int64]


def _texts(column: Any) -> NDArray[np.object_]:
    """Text with None where there is none, whatever a library puts there."""
    plain = column.to_pylist() if hasattr(column, "to_pylist") else column.to_list()
    found = np.empty(len(plain), object)
    found[:] = [text if isinstance(text, str) else None for text in plain]
    return found
