"""Worker: what runs in each of the other processes — it is given parts of the rows, and writes what the work gives."""

import atexit
import os
import pickle
import signal
import threading
import traceback
from dataclasses import dataclass
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from evenhand.core.errors import EvenhandError
from evenhand.core.spread import ArrowSchema, ArrowTable, Work

# Libraries that are loaded later read these; those that are here already are told by threadpoolctl.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Errand:
    """What every worker is told once: the work as bytes, the schema of its tables, and the folder for them."""

    work: bytes
    gives: ArrowSchema
    folder: Path

    def file(self, number: int) -> Path:
        """Where the answer for a part goes; the names sort as the parts do."""
        return self.folder / f"part-{number:08d}.parquet"


@dataclass(frozen=True)
class Failure:
    """An exception of the work, in a form that always travels: those of a stranger may not unpickle."""

    kind: type[EvenhandError] | None
    message: str
    trace: str

    def error(self, where: str) -> EvenhandError:
        """The exception to raise in its place, with the same message where it was one of ours."""
        if self.kind is None:
            error = EvenhandError(f"The work failed at {where}: {self.message}")
            error.add_note(f"In a worker process:\n{self.trace}")
            return error
        ours = self.kind.__new__(self.kind)
        ours.args = (self.message,)
        return ours


class _Here:
    """What this process is for."""

    errand: Errand | None = None
    work: Work | None = None


def begin(errand: Errand) -> None:
    """Settle down in a new process: one thread, deaf to Ctrl-C, which the parent hears, and gone when it is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # All that counts is written; an interpreter that takes itself apart would have DuckDB complain about its order.
    atexit.register(os._exit, 0)
    _Here.errand = errand


def done(number: int, content: bytes) -> Failure | None:
    """Do the work for one part, given as Arrow's stream of bytes, and write its file whole."""
    errand = _Here.errand
    assert errand is not None  # noqa: S101 - `begin` ran first
    try:
        if _Here.work is None:
            _Here.work = pickle.loads(errand.work)  # noqa: S301 - packed by the process that started this one
        with threadpool_limits(1):
            _write(errand, number, _Here.work, _read(content))
    except Exception as error:
        ours = isinstance(error, EvenhandError)
        told = str(error) if ours else ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])
        return Failure(type(error) if isinstance(error, EvenhandError) else None, told, traceback.format_exc())
    return None


def _read(content: bytes) -> ArrowTable:
    import pyarrow

    pyarrow.set_cpu_count(1)
    return pyarrow.ipc.open_stream(content).read_all()


def _write(errand: Errand, number: int, work: Work, rows: ArrowTable) -> None:
    from pyarrow import parquet

    file = errand.file(number)
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    with parquet.ParquetWriter(unfinished, errand.gives) as writer:
        for table in work(iter([rows])):
            writer.write_table(_fitting(table, errand.gives))
    unfinished.replace(file)


def _fitting(table: ArrowTable, gives: ArrowSchema) -> ArrowTable:
    return table.select(gives.names).cast(gives)


def _end_with_parent() -> None:
    parent: Any = parent_process()
    parent.join()
    os._exit(1)
