"""Works that tests send to worker processes; what they need is all that a worker loads."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from evenhand.core.spread import ArrowTable

Rows = Iterator[ArrowTable]
IDENTITY = pa.schema([("id", pa.int64()), ("x", pa.float64()), ("word", pa.string()), ("place", pa.int64())])
NAMES = ["id", "x", "word"]
KINDS = pa.schema([("kind", pa.string()), ("place", pa.int64())])
TOLD = pa.schema([("process", pa.int64()), ("threads", pa.int64()), ("main", pa.string()), ("place", pa.int64())])


def identity(rows: Rows) -> Rows:
    for table in rows:
        yield table.rename_columns([*NAMES, "place"])


def kinds(rows: Rows) -> Rows:
    """What pandas calls the first column."""
    for part in rows:
        dtype = str(part["c0"].to_pandas().dtype)
        yield pa.table({"kind": [dtype] * len(part), "place": part["place"]})


def telling(rows: Rows) -> Rows:
    """The process, its threads at most, and the script that it runs."""
    import sklearn.ensemble  # noqa: F401 - brings an OpenMP of its own
    import threadpoolctl

    for table in rows:
        most = max(pool["num_threads"] for pool in threadpoolctl.threadpool_info())
        here = [os.getpid(), max(most, pa.cpu_count()), str(getattr(sys.modules["__main__"], "__file__", ""))]
        yield pa.table([*([value] * len(table) for value in here), table["place"]], schema=TOLD)


def ending(folder: Path, at: int, times: int) -> Any:
    """`identity` that ends its process by SIGKILL at the part of this place, so many times."""

    def work(rows: Rows) -> Rows:
        for table in identity(rows):
            marks = list(folder.glob("mark-*"))
            if table["place"][0].as_py() == at and len(marks) < times:
                (folder / f"mark-{len(marks)}").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            yield table

    return work


def failing(folder: Path, error: Callable[[], Exception]) -> Any:
    """`identity` that raises this at row 3,000."""

    def work(rows: Rows) -> Rows:
        for table in identity(rows):
            if table["place"][0].as_py() == 3000:
                (folder / f"tried-{time.time_ns()}").touch()
                raise error()
            yield table

    return work
