"""Records from files: predictions and labels, read in batches and kept by a monitor's journal."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.core.errors import MissingExtra

if TYPE_CHECKING:
    from evenhand.core.frame import Frame
    from evenhand.core.monitor import Monitor

_BATCH = 20_000


def take(monitor: "Monitor", home: Path, files: Sequence[str], *, truth: bool) -> str:
    """Keep the rows of files; says how many were new, and how many were there before."""
    from evenhand.monitor.capture import Capture
    from evenhand.sources import read

    accepted = duplicates = 0
    with closing(Capture(home / monitor.name, monitor)) as capture:
        accept = capture.accept_truth if truth else capture.accept
        for file in files:
            for batch in _tables(read(file)):
                receipt = accept(batch)
                accepted += receipt.accepted
                duplicates += receipt.duplicates
    known = f"; {duplicates:,} were there before" if duplicates else ""
    return f"Kept {accepted:,} {'labels' if truth else 'records'} of {monitor.name}{known}."


def _tables(frame: "Frame") -> "Iterator[Any]":
    """The rows as tables of PyArrow, in the types that the file has; raises MissingExtra."""
    try:
        import pyarrow
    except ModuleNotFoundError as error:
        raise MissingExtra("Keeping records", "pyarrow", "monitor") from error
    from evenhand.sources.duckdb_errors import told
    from evenhand.sources.duckdb_frame import DuckDBFrame

    names = list(frame.kinds)
    if not isinstance(frame, DuckDBFrame) or frame.origin is None:
        import narwhals as nw

        for batch in frame.batches(names, _BATCH):
            yield nw.from_native(batch, eager_only=True).to_arrow()
        return
    with frame.origin.connect() as connection, told(frame.location):
        rows = frame.reopened(connection, "source")
        for batch in rows.to_arrow_reader(_BATCH):
            yield pyarrow.Table.from_batches([batch]).rename_columns(names)
