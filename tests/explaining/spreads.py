"""A frame whose rows are worked on in parts: cut anywhere, each part with its own copy of the work, in any order."""

import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from evenhand.core.spread import PLACE, Work
from evenhand.sources import read
from evenhand.sources.native import native_of_arrow


class Parts:
    """A Parquet file in `parts` pieces of uneven lengths, given to the work in tables of `size` rows.

    With `shuffled`, no piece has neighbouring rows.
    """

    def __init__(self, path: Path, parts: int, *, size: int = 97, shuffled: bool = False) -> None:
        self._path, self._parts, self._size, self._shuffled = path, parts, size, shuffled
        self._frame = read(path)
        self.asked: list[int] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._frame, name)

    def schema(self, columns: Sequence[str]) -> Any:
        """The types of these columns."""
        return self._table().select(list(columns)).schema

    def at(self, places: NDArray[np.int64], columns: Sequence[str]) -> Any:
        """The rows at these places."""
        self.asked.append(len(places))
        return native_of_arrow(self._table().select(list(columns)).take(pa.array(places)), columns)

    def batches(self, columns: Sequence[str], size: int) -> Iterator[Any]:
        """The rows, which only small tables may be read by."""
        return self._frame.batches(columns, size)

    def mapped(
        self, work: Work, columns: Sequence[str], gives: Any, *, out: Path | str | None = None, together: int = 1
    ) -> "Parts":
        # It cuts where it likes, as an engine does that deals chosen rows.
        del together
        """What the work gives, written to a folder."""
        folder = (
            Path(out) if out is not None else self._path.parent / f"mapped {np.random.default_rng().integers(10**9)}"
        )
        folder.mkdir()
        table = self._table().select(list(columns)).rename_columns([f"c{at}" for at in range(len(columns))])
        table = table.append_column(PLACE, pa.array(np.arange(len(table))))
        sent = pickle.dumps(work)
        for number, rows in enumerate(self._pieces(len(table))):
            part = table.take(pa.array(rows))
            given = [part.slice(start, self._size) for start in range(0, len(part), self._size)]
            found = list(pickle.loads(sent)(iter(given)))  # noqa: S301 - dumped above
            whole = pa.concat_tables(found) if found else gives.empty_table()
            assert whole.schema == gives
            pq.write_table(whole, folder / f"part-{number:03}.parquet", row_group_size=333)
        return Parts(folder, self._parts, size=self._size, shuffled=self._shuffled)

    def _table(self) -> Any:
        return pq.read_table(self._path)

    def _pieces(self, height: int) -> list[NDArray[np.int64]]:
        random = np.random.default_rng(self._parts)
        rows = random.permutation(height) if self._shuffled else np.arange(height)
        return np.split(rows, np.sort(random.choice(height, self._parts - 1, replace=False)))


def written(rows: pd.DataFrame, folder: Path) -> Path:
    """The table as a Parquet file."""
    path = folder / "rows.parquet"
    pq.write_table(pa.Table.from_pandas(rows.assign(job=rows["job"].astype(object)), preserve_index=False), path)
    return path


def values_in(folder: str) -> pd.DataFrame:
    """All lines of written values, in the order of rows and outputs."""
    lines: pd.DataFrame = pq.read_table(folder).to_pandas()
    return lines.sort_values([name for name in ("row", "output") if name in lines], ignore_index=True)
