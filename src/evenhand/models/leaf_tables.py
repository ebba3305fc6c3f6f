"""Leaf tables: answers for known ids in a parquet file — the column `id`, and `answer` or one of it for each class."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.errors import MissingExtra, ModelError
from evenhand.core.values import normalised
from evenhand.models.answering import AnsweringName

Array = NDArray[Any]

ID = "id"
MOST_BYTES = 2**28
MOST_CELLS = 10**8


def identity_texts(values: Array) -> list[str]:
    """Ids as tables know them: 7, 7.0 and "7" are the same id."""
    if values.dtype.kind in "iu":
        return [str(value) for value in values.tolist()]
    return [value if type(value) is str else str(normalised(value)) for value in values.tolist()]


def answers_table(ids: Sequence[str], answers: Array) -> bytes:
    """The file of a leaf that knows these rows: places of classes, numbers, or probabilities; raises MissingExtra."""
    arrow = _arrow()
    columns = answers.reshape(len(ids), -1)
    kept = columns.astype(np.int32 if answers.dtype.kind in "iu" else np.float64)
    table = {ID: arrow.array(list(ids), arrow.string())}
    table |= {name: arrow.array(kept[:, place]) for place, name in enumerate(_names(kept.shape[1]))}
    held = io.BytesIO()
    _parquet().write_table(arrow.table(table), held, compression="zstd")
    return held.getvalue()


def read_answers(path: Path, answering: AnsweringName, classes: int) -> tuple[Any, Array]:
    """The ids of a table, as Arrow texts, and what it answers for them; raises ModelError, MissingExtra."""
    names = _names(classes if answering == "probabilities" else 1)
    arrow, parquet = _arrow(), _parquet()
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ModelError(f"{path.name!r} is larger than {MOST_BYTES // 2**20} MiB, which no table of answers is.")
        with parquet.ParquetFile(path) as file:
            if file.metadata.num_rows * (len(names) + 1) > MOST_CELLS:
                raise ModelError(f"{path.name!r} has more than {MOST_CELLS:,} cells, which no table of answers has.")
            table = file.read([ID, *names])
        ids = table[ID].cast(arrow.large_string()).combine_chunks()
        held = np.column_stack([table[name].cast(arrow.float64()).to_numpy() for name in names])
    except (OSError, ValueError, KeyError, NotImplementedError) as error:
        told = str(error).strip().splitlines() or ["no message"]
        raise ModelError(f"{path.name!r} is no table of answers: {told[0]}") from None
    return ids, _checked(path.name, ids, held, answering, classes)


def numbered(columns: Sequence[Any]) -> tuple[list[Array], dict[str, int]]:
    """The number of each id in several columns of ids, and the numbers of all ids."""
    if not columns:
        return [], {}
    coded = _arrow().concat_arrays(columns).dictionary_encode()
    ends = np.cumsum([len(column) for column in columns])
    known = {text: place for place, text in enumerate(coded.dictionary.to_pylist())}
    return np.split(coded.indices.to_numpy(), ends[:-1]), known


def _checked(name: str, ids: Any, held: Array, answering: AnsweringName, classes: int) -> Array:
    if ids.null_count:
        raise ModelError(f"{name!r} is no table of answers: an id is missing.")
    if len(ids.unique()) != len(ids):
        raise ModelError(f"{name!r} is no table of answers: an id is in it twice.")
    if not np.isfinite(held).all():
        raise ModelError(f"{name!r} is no table of answers: it holds NaN or infinity.")
    if answering == "probabilities":
        return held
    if answering == "numbers":
        return held[:, 0]
    if len(held) and (held.min() < 0 or held.max() >= classes or (held != np.floor(held)).any()):
        raise ModelError(f"{name!r} is no table of answers: places of classes are 0 to {classes - 1}.")
    return held[:, 0].astype(np.int32)


def _names(width: int) -> list[str]:
    return ["answer"] if width == 1 else [f"answer {place}" for place in range(width)]


def _arrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtra("Recorded answers of a decision list", "pyarrow", "arrow") from error
    return pyarrow


def _parquet() -> Any:
    import pyarrow.parquet

    return pyarrow.parquet
