"""Compacting: small files of counted records become few larger ones; each record is in one file that stands, always."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from evenhand.core.errors import EvenhandError
from evenhand.monitor.capture.columns import Columns, stored_name
from evenhand.monitor.capture.durable import written_durably
from evenhand.monitor.capture.folder import Folder, Sealed, opened, query, standing

FEWEST = 8
MOST_BYTES = 512 * 2**20
_ROWS = 250_000
_KINDS = ("predictions", "truth", "corrections")


def compact_counted(folder: Folder, columns: Columns, through: int) -> int:
    """Merge files up to a segment, all of which are counted; gives how many files were made. The lock is held.

    The new file is written whole, and from the moment it has its name it stands for those it was made of. These go
    when nobody can be reading them any more. What cannot be written now is merged another time.
    """
    made = 0
    for kind in _KINDS:
        for files in folder.by_place(kind, through + 1):
            _clear(files, folder.grace)
            for group in _groups(sorted(standing(files))):
                with suppress(EvenhandError):  # without space nothing is lost: what is there stands
                    _merge(group, columns)
                    made += 1
    return made


def _clear(files: Sequence[Sealed], grace: float) -> None:
    """Remove what has been part of another file for long, and what a write that died left."""
    until = time.time() - grace
    # Looked at before any goes: a merged file may be part of another one itself.
    merged = [file for file in files if file.first != file.number and file.path.stat().st_mtime <= until]
    for wide in merged:
        for file in files:
            if wide.covers(file):
                file.path.unlink(missing_ok=True)
    for folder in {file.path.parent for file in files}:
        for path in folder.glob(".*.new"):
            path.unlink()


def _groups(files: Sequence[Sealed]) -> Iterator[Sequence[Sealed]]:
    """The latest files back to one that is larger than twice what follows, so that a record moves rarely."""
    sizes = [file.path.stat().st_size for file in files]
    start, total = len(files), 0
    while start and sizes[start - 1] <= max(2 * total, MOST_BYTES // 64) and total + sizes[start - 1] <= MOST_BYTES:
        start -= 1
        total += sizes[start]
    if len(files) - start >= FEWEST:
        yield files[start:]


def _merge(files: Sequence[Sealed], columns: Columns) -> None:
    path = files[0].path.with_name(f"{files[0].first:08d}-{files[-1].number:08d}.parquet")
    columns.reread()
    with opened(files) as connection, written_durably(path) as beside:
        rows = connection.sql(query(connection, files, columns, _held(files, columns)))
        _write(beside, rows.to_arrow_reader(_ROWS))


def _held(files: Sequence[Sealed], columns: Columns) -> list[str]:
    """The columns that some of the files have."""
    import pyarrow.parquet

    there = {name for file in files for name in pyarrow.parquet.read_schema(file.path).names}
    return [name for place, name in enumerate(columns.kinds) if stored_name(place) in there]


def _write(path: Path, batches: Any) -> None:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetWriter(path, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
