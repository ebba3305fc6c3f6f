"""Tables: predictions for hidden ids, as Parquet or CSV from strangers, read in a process that may die of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.bounty.submissions.answering import fault_of, places_of
from evenhand.core.errors import DataError
from evenhand.core.loss import Loss
from evenhand.core.values import Value

Array = NDArray[Any]
PREDICTION = "prediction"
# A label column may hold strange values outside the group, but no more different ones than this.
_MOST_LABELS = 100_000
_LONGEST = 1000
_OTHERS = {
    b"\x80\x02": "a pickle, which runs code when it is read", b"\x80\x03": "a pickle, which runs code when it is read",
    b"\x80\x04": "a pickle, which runs code when it is read", b"\x80\x05": "a pickle, which runs code when it is read",
    b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zX": "xz",
    b"\x28\xb5\x2f\xfd": "zstd", b"ARROW1": "an Arrow file", b"\x89HDF": "HDF5", b"\x93NUMPY": "a NumPy file",
}  # fmt: skip


def predictions(path: Path, identity: str, loss: Loss, classes: Sequence[Value], ids: Array, mask: Array) -> Array:
    """The answers for the rows of the group, in their order; raises DataError, whose text a team may read.

    Ids outside the group may come too and are not looked at further, but every id is known and comes once.
    """
    values = _columns_of(loss, classes)
    table = _read(path, identity, values, len(ids), texts=loss.of_labels)
    places = _places(table[identity], ids)
    given = np.zeros(len(ids), np.bool_)
    given[places] = True
    missing = int((mask & ~given).sum())
    if missing:
        first = str(ids[int(np.argmax(mask & ~given))])[:60]
        raise DataError(f"{missing:,} ids of the group have no prediction, such as {first!r}; answer for all of them.")
    found = np.full((len(ids), len(values)), np.nan)
    found[places] = _numbers(table, values, loss, classes)
    inside = found[mask][:, 0] if len(values) == 1 and (loss.of_labels or loss.of_numbers) else found[mask]
    if loss.of_labels and (inside == -1).any():
        raise DataError(_unknown(table, places, mask, classes))
    why = fault_of(inside, loss, classes)
    if why is not None:
        raise DataError(f"The predictions cannot be judged: {why}")
    return np.asarray(inside)


def _columns_of(loss: Loss, classes: Sequence[Value]) -> tuple[str, ...]:
    return (PREDICTION,) if loss.of_labels or loss.of_numbers else tuple(str(each) for each in classes)


def _read(path: Path, identity: str, values: Sequence[str], most: int, *, texts: bool) -> Any:
    with path.open("rb") as file:
        head = file.read(8)
    kind = next((name for magic, name in _OTHERS.items() if head.startswith(magic)), None)
    if kind is not None:
        raise DataError(f"The file is {kind}; send predictions as Parquet or CSV.")
    if not head:
        raise DataError("The file is empty; send predictions as Parquet or CSV.")
    if head.startswith(b"PAR1"):
        return _parquet(path, identity, values, most)
    return _csv(path, identity, values, most, texts=texts)


def _parquet(path: Path, identity: str, values: Sequence[str], most: int) -> Any:
    import pyarrow
    from pyarrow import parquet

    with parquet.ParquetFile(path, memory_map=False) as file:
        _check_columns(file.schema_arrow.names, identity, values)
        for field in file.schema_arrow:
            if not _plain(field.type):
                raise DataError(
                    f"The column {field.name[:60]!r} is of type {str(field.type)[:60]}; send text or numbers."
                )
        _check_rows(file.metadata.num_rows, most)
        batches, rows = [], 0
        for batch in file.iter_batches(batch_size=16_384, use_threads=False):
            batch.validate(full=True)
            rows += batch.num_rows
            _check_rows(rows, most)
            batches.append(batch)
        return pyarrow.Table.from_batches(batches, schema=file.schema_arrow)


def _csv(path: Path, identity: str, values: Sequence[str], most: int, *, texts: bool) -> Any:
    import pyarrow
    from pyarrow import csv

    kinds = {name: pyarrow.string() if texts else pyarrow.float64() for name in values}
    reading = csv.ReadOptions(use_threads=False, block_size=2**22)
    converting = csv.ConvertOptions(column_types={identity: pyarrow.string()} | kinds, strings_can_be_null=False)
    batches, rows = [], 0
    with csv.open_csv(path, read_options=reading, convert_options=converting) as stream:
        _check_columns(stream.schema.names, identity, values)
        for batch in stream:
            rows += batch.num_rows
            _check_rows(rows, most)
            batches.append(batch)
        return pyarrow.Table.from_batches(batches, schema=stream.schema)


def _check_columns(names: Sequence[str], identity: str, values: Sequence[str]) -> None:
    wanted = (identity, *values)
    if len(names) != len(wanted) or set(names) != set(wanted):
        told = ", ".join(repr(name[:40]) for name in names[:10])
        listed = ", ".join(repr(name) for name in wanted[:20])
        raise DataError(f"The columns are {told}; predictions have the columns {listed}, each once, and no others.")


def _check_rows(rows: int, most: int) -> None:
    if rows > most:
        raise DataError(f"The file holds {rows:,} rows or more, and there are {most:,} ids; give each id once.")


def _plain(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        return _plain(kind.value_type)
    texts = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    return bool(texts or types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def _places(column: Any, ids: Array) -> Array:
    """The place of each row's id among the hidden ids; raises DataError for unknown ones and those that come twice."""
    import pyarrow
    from pyarrow import compute

    if column.type == pyarrow.bool_() or pyarrow.types.is_floating(column.type):
        raise DataError("Ids are texts or whole numbers, as in the file of hidden rows.")
    named = column.cast(pyarrow.string())
    found = compute.index_in(named, value_set=pyarrow.array(ids.astype(str)))
    if found.null_count:
        place = int(np.argmax(found.is_null().to_numpy()))
        first = str(named[place].as_py())[:60]
        raise DataError(f"{found.null_count:,} ids are none of the hidden rows', such as {first!r}; use their ids.")
    places = np.asarray(found.to_numpy(), np.int64)
    times = np.bincount(places, minlength=len(ids))
    if (times > 1).any():
        first = str(ids[int(np.argmax(times > 1))])[:60]
        raise DataError(f"{int((times > 1).sum()):,} ids come twice, such as {first!r}; answer for each id once.")
    return places


def _numbers(table: Any, values: Sequence[str], loss: Loss, classes: Sequence[Value]) -> Array:
    """The predictions as numbers, one column each: NaN where there are none, -1 for an unknown label."""
    import pyarrow

    if loss.of_labels:
        return _label_places(table[PREDICTION], classes)[:, None]
    columns = []
    for name in values:
        if not (pyarrow.types.is_integer(table[name].type) or pyarrow.types.is_floating(table[name].type)):
            raise DataError(f"The column {name[:60]!r} holds {table[name].type}; it holds numbers.")
        columns.append(np.asarray(table[name].cast(pyarrow.float64()).to_numpy(), np.float64))
    return np.column_stack(columns)


def _label_places(column: Any, classes: Sequence[Value]) -> Array:
    import pyarrow

    if pyarrow.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pyarrow.ChunkedArray):
        coded = coded.combine_chunks()
    if len(coded.dictionary) > _MOST_LABELS:
        raise DataError(f"The predictions hold more than {_MOST_LABELS:,} different labels; use the bounty's.")
    known = [value[:_LONGEST] if isinstance(value, str) else value for value in coded.dictionary.to_pylist()]
    places = np.array([*places_of(known, classes), np.nan], np.float64)
    return np.asarray(places[coded.indices.fill_null(len(known)).to_numpy()])


def _unknown(table: Any, places: Array, mask: Array, classes: Sequence[Value]) -> str:
    """The complaint about a label that is none, which names one of them and what there is."""
    inside = np.flatnonzero(mask[places])
    labels = table[PREDICTION].take(inside).to_pylist()
    strange = next(value for value in labels if places_of([value], classes) == [-1] and value is not None)
    listed = ", ".join(repr(each) for each in list(classes)[:12])
    return f"The label {str(strange)[:60]!r} is none of the bounty's: {listed}."
