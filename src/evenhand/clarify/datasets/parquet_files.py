"""Parquet files: one table of one or many of them, in the types that CSV would have given."""

from collections.abc import Sequence
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from evenhand.clarify.datasets.files import Files, unreadable
from evenhand.clarify.datasets.table import Table, distinct, mismatch, pandas
from evenhand.core.errors import MissingExtra, UnreadableSource


def read_parquet(files: Files, headers: Sequence[str] | None, *, first: int | None = None) -> Table:
    """The rows of these files; `headers` rename the columns in order unless they are the same names.

    Raises DataError where `headers` has another length, UnreadableSource for files that do not fit together.
    """
    arrow, read = _packages()
    parts = [_read(path, read, first) for path in files.paths]
    try:
        whole = arrow.concat_tables(parts, promote_options="permissive")
    except arrow.ArrowException as error:
        raise UnreadableSource(
            f"The files of {files.location!r} have columns of different names or types; make them alike."
        ) from error
    rows = _plain(whole if first is None else whole.slice(0, first))
    names = tuple(map(str, rows.columns))
    if headers is not None:
        if len(headers) != len(names):
            raise mismatch(len(headers), len(names), files.location)
        names = names if sorted(headers) == sorted(names) else tuple(headers)
    rows.columns = list(distinct(names, files.location))
    return Table(rows, files.location, len(files.paths), notes=files.notes)


def _read(path: Path, read: Any, first: int | None) -> Any:
    arrow, _ = _packages()
    try:
        with read.ParquetFile(path) as file:
            if first is None:
                return file.read()
            batches = list(islice(file.iter_batches(batch_size=max(first, 1)), 1))
            return arrow.Table.from_batches(batches, file.schema_arrow)
    except (arrow.ArrowException, OSError) as error:
        raise unreadable(path, error) from error


def _plain(table: Any) -> Any:
    """As pandas, with categories as their values and decimals as floats."""
    pd, (arrow, _) = pandas(), _packages()
    rows = table.to_pandas(ignore_metadata=True)
    for field in table.schema:
        if arrow.types.is_dictionary(field.type):
            rows[field.name] = pd.Series(rows[field.name].tolist(), index=rows.index)
        elif arrow.types.is_decimal(field.type):
            rows[field.name] = rows[field.name].astype(float)
    return rows


def _packages() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingExtra("Reading Parquet", "pyarrow", "clarify") from error
