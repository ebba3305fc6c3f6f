"""Tables of PyArrow: the same rows, cut into tables of one size wherever an engine has cut them."""

from collections.abc import Iterable, Iterator
from typing import Any


def exactly(pieces: Iterable[Any], size: int) -> Iterator[Any]:
    """The rows of record batches or tables, in tables of this size; the last may be smaller."""
    import pyarrow

    held: list[Any] = []
    missing = size
    for piece in pieces:
        table = pyarrow.Table.from_batches([piece]) if isinstance(piece, pyarrow.RecordBatch) else piece
        start = 0
        while start < len(table):
            held.append(table.slice(start, missing))
            start += len(held[-1])
            missing -= len(held[-1])
            if not missing:
                yield pyarrow.concat_tables(held).combine_chunks()
                held, missing = [], size
    if held:
        yield pyarrow.concat_tables(held).combine_chunks()
