"""Spread: a frame whose rows many workers go through, each a part of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evenhand.core.frame import Frame

# Tables and schemas of PyArrow, which is an extra.
ArrowTable = Any
ArrowSchema = Any

# The column that says where in the whole table a row is, from 0 on.
PLACE = "place"


class Work(Protocol):
    """What a worker does with the rows of one part; it travels to the workers pickled, and may be done more than once.

    What it gives for a row must depend on the row and its place alone: which rows come together is the engine's choice,
    and a part whose worker died is done again by another.
    """

    def __call__(self, rows: Iterator[ArrowTable]) -> Iterator[ArrowTable]:
        """Tables of the columns asked for, called c0, c1, …, and `place`; gives tables of the promised schema."""


class Spread(Frame, Protocol):
    """A frame that can also be worked on where its rows are. Rows have places: 0 … height - 1, always the same."""

    def schema(self, columns: Sequence[str]) -> ArrowSchema:
        """The PyArrow types of these columns, under their own names; raises ColumnNotFound."""

    def at(self, places: NDArray[np.int64], columns: Sequence[str]) -> Any:
        """The rows at these ascending places, in that order, as an eager native dataframe, as `batches` gives them."""

    def mapped(
        self,
        work: Work,
        columns: Sequence[str],
        gives: ArrowSchema,
        *,
        out: Path | str | None = None,
        together: int = 1,
    ) -> "Spread":
        """What `work` gives for all rows, as a frame with the columns of `gives`.

        Rows with the same place // `together` come in one part, and the rows of a part then in the order of places.

        With `out`, it is written there first as a folder of Parquet files, whole or not at all, and read from there:
        each part of the work then counts once, whatever happens to the workers. Without, the engine may ask for the
        work each time that the frame is counted.
        """


def as_spread(frame: Frame) -> Spread | None:
    """The frame, where workers can go through its rows."""
    return frame if hasattr(frame, "mapped") else None  # type: ignore[return-value]
