"""Local files: each row's Shapley values in out.csv, and in out.parquet where pyarrow is there; whole or not at all."""

import csv
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np

from evenhand.clarify.explanations.table_labels import Labels
from evenhand.core.errors import EvenhandError
from evenhand.core.explanation import Explanation

# Rows that are written at once.
CHUNK = 4_096


def headers(features: tuple[str, ...], labels: tuple[str, ...]) -> list[str]:
    """`<Feature>_<Label>`; features vary first, then labels: F1_L1, F2_L1, F1_L2, F2_L2."""
    return [f"{feature}_{label}" for label in labels for feature in features]


def write_local(explanation: Explanation, labels: Labels, folder: Path, join: Any = None) -> tuple[Path, ...]:
    """Write the rows' values to out.csv and out.parquet of a folder; `join` is the join column, which comes last.

    Raises EvenhandError where the folder cannot be written to.
    """
    written = [folder / "out.csv"]
    with replaced(written[0]) as path, path.open("w", newline="", encoding="utf-8") as file:
        _write_csv(explanation, labels, file, join)
    if find_spec("pyarrow") is not None:
        written.append(folder / "out.parquet")
        with replaced(written[1]) as path:
            _write_parquet(explanation, labels, path, join)
    return tuple(written)


@contextmanager
def replaced(place: Path) -> Iterator[Path]:
    """A file beside a place, which takes the place when all went well and is gone otherwise."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    except OSError as error:
        raise EvenhandError(f"Cannot write {str(place)!r}: {error.strerror}.") from None
    os.close(descriptor)
    made = Path(name)
    try:
        yield made
        made.chmod(0o644)
        made.replace(place)
    except OSError as error:
        raise EvenhandError(f"Cannot write {str(place)!r}: {error.strerror}.") from None
    finally:
        made.unlink(missing_ok=True)


def _tables(explanation: Explanation, labels: Labels) -> Iterator[tuple[slice, Any]]:
    """Rows × (labels · features), as the headers say, some rows at a time."""
    for start in range(0, len(explanation), CHUNK):
        part = slice(start, min(start + CHUNK, len(explanation)))
        values = labels.signed(explanation.attributions[part])
        yield part, values.transpose(0, 2, 1).reshape(len(values), -1)


def _write_csv(explanation: Explanation, labels: Labels, file: IO[str], join: Any) -> None:
    writer = csv.writer(file)
    writer.writerow(headers(explanation.players, labels.names) + ([str(join.name)] if join is not None else []))
    for part, table in _tables(explanation, labels):
        rows = table.tolist()
        if join is not None:
            rows = [[*row, key] for row, key in zip(rows, join.iloc[part].tolist(), strict=True)]
        writer.writerows(rows)


def _write_parquet(explanation: Explanation, labels: Labels, path: Path, join: Any) -> None:
    import pyarrow
    import pyarrow.parquet

    names = headers(explanation.players, labels.names)
    keys = None if join is None else _keys(pyarrow, join)
    fields = [pyarrow.field(name, pyarrow.float64()) for name in names]
    fields += [] if keys is None else [pyarrow.field(str(join.name), keys.type)]
    schema = pyarrow.schema(fields)
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        for part, table in _tables(explanation, labels):
            columns = [np.ascontiguousarray(column) for column in table.T]
            more = [] if keys is None else [keys[part.start : part.stop]]
            writer.write_table(pyarrow.Table.from_arrays([*columns, *more], schema=schema))


def _keys(pyarrow: Any, join: Any) -> Any:
    make: Callable[[Any], Any] = lambda values: pyarrow.array(values, from_pandas=True)  # noqa: E731
    try:
        return make(join)
    except pyarrow.ArrowException:  # values of several types
        return make([None if key is None else str(key) for key in join.tolist()])
