"""Mapping: what Spark's Python workers do with the rows of a part; it travels to them pickled."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from evenhand.core.errors import DataError, EvenhandError
from evenhand.core.spread import PLACE, ArrowSchema, ArrowTable, Work
from evenhand.sources.arrow_tables import exactly
from evenhand.sources.spark.errors import FromWorker
from evenhand.sources.spark.placing import unrepeatable

Batches = Iterator[Any]
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


# Rows a part where they are dealt anew: enough to outweigh starting a task, few enough for a worker to lose.
_FEWEST, _MOST, _PARTS = 4096, 65_536, 200
# Rows that the work is given at once.
_CALL = 65_536


@dataclass(frozen=True)
class Checked:
    """Record batches as tables, compared with the partitions that were counted: first place and number of rows."""

    location: str
    parts: tuple[tuple[int, int], ...] | None

    def __call__(self, batches: Batches) -> Iterator[ArrowTable]:
        """The rows as tables; raises DataError where they are not those that were counted."""
        import pyarrow

        first, count = _expected(self.parts)
        seen = 0
        for batch in batches:
            table = pyarrow.Table.from_batches([batch])
            if self.parts is not None and len(table) and table[PLACE][0].as_py() != first + seen:
                raise unrepeatable(self.location)
            seen += len(table)
            yield table
        if self.parts is not None and seen != count:
            raise unrepeatable(self.location)

    def unchanged(self, batches: Batches) -> Batches:
        """The same record batches; raises FromWorker."""
        with _raised():
            for table in self(batches):
                yield from table.to_batches()


@dataclass(frozen=True)
class Part:
    """Goes through the rows of one part, and gives what the work makes of them."""

    work: Work
    gives: ArrowSchema
    checked: Checked

    def __call__(self, batches: Batches) -> Batches:
        """Record batches with the columns c0, c1, … of the promised schema; raises FromWorker."""
        from threadpoolctl import threadpool_limits

        for name in _THREADS:
            os.environ[name] = "1"  # for what is loaded later
        with _raised(), threadpool_limits(limits=1):
            # Spark's batches are small; calls of a model cost by the call.
            for table in self.work(exactly(self.checked(batches), _CALL)):
                yield from self._promised(table).to_batches()

    def _promised(self, table: ArrowTable) -> ArrowTable:
        missing = [name for name in self.gives.names if name not in table.column_names]
        if missing:
            raise DataError(f"The work on the rows promised the column {missing[0]!r} and did not give it.")
        aliases = [f"c{place}" for place in range(len(self.gives))]
        return table.select(self.gives.names).cast(self.gives).rename_columns(aliases)


def dealt(rows: Any, checked: Checked, height: int, together: int) -> Any:
    """The rows in parts that hold all rows of the same place // `together`, in the order of places."""
    if checked.parts is not None:
        rows = rows.mapInArrow(as_function(checked.unchanged), rows.schema)
    a_part = min(max(height // _PARTS, _FEWEST), _MOST)
    parts = max(min(height // a_part, -(-height // together)), 1)
    return rows.repartitionByRange(parts, rows[PLACE] - rows[PLACE] % together).sortWithinPartitions(PLACE)


@contextmanager
def _raised() -> Iterator[None]:
    """Within it, an error of ours is raised in a form that reaches the user."""
    try:
        yield
    except EvenhandError as error:
        raise FromWorker.of(error) from error


def as_function(part: Callable[[Batches], Batches]) -> Callable[[Batches], Batches]:
    """The same as a plain function, which is what Spark takes."""

    def through(batches: Batches) -> Batches:
        return part(batches)

    return through


def packed(batches: Batches) -> Batches:
    """Each batch as one row: the bytes of its Arrow stream."""
    import pyarrow

    for batch in batches:
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, batch.schema) as out:
            out.write_batch(batch)
        yield pyarrow.RecordBatch.from_pydict({"piece": [sink.getvalue().to_pybytes()]})


def _expected(parts: tuple[tuple[int, int], ...] | None) -> tuple[int, int]:
    """The first place and the number of rows of the part that this worker has."""
    if parts is None:
        return 0, 0
    from pyspark import TaskContext

    context = TaskContext.get()
    number = context.partitionId() if context is not None else -1
    return parts[number] if 0 <= number < len(parts) else (0, 0)
