"""Pool: parts of the rows go out to worker processes, and out again where a worker dies."""

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from types import ModuleType

from evenhand.core.errors import EvenhandError
from evenhand.core.spread import PLACE, ArrowTable
from evenhand.sources.processes.worker import Errand, Failure, begin, done

_TRIES = 3


@dataclass
class _Part:
    """Rows on their way: kept until their file is written, to be sent again where a worker dies."""

    number: int
    where: str
    content: bytes
    tries: int = 0


class Pool:
    """Processes that all run one errand; few parts are under way at once, so memory does not grow with the table."""

    def __init__(self, errand: Errand, processes: int) -> None:
        self._errand, self._processes = errand, processes
        self._under_way: dict[Future[Failure | None], _Part] = {}
        self._workers = self._started()

    def run(self, tables: Iterable[ArrowTable]) -> None:
        """Have every part done; raises what the work raises, and EvenhandError where a part ends its worker thrice.

        However it ends, no process is left.
        """
        finished = False
        try:
            for number, table in enumerate(tables):
                self._send(_Part(number, _where(table), _bytes_of(table)))
                while len(self._under_way) > 2 * self._processes:
                    self._settle()
            while self._under_way:
                self._settle()
            finished = True
        finally:
            self._close(at_once=not finished)

    def _started(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._processes, mp_context=get_context("spawn"), initializer=begin, initargs=(self._errand,)
        )

    def _send(self, part: _Part) -> None:
        try:
            with _without_main():
                self._under_way[self._workers.submit(done, part.number, part.content)] = part
        except BrokenProcessPool:
            self._start_again()
            self._send(part)

    def _settle(self) -> None:
        """Wait for a part or more; start again where a worker died."""
        finished, _ = wait(self._under_way, return_when=FIRST_COMPLETED)
        if not self._taken(finished):
            self._start_again()

    def _taken(self, finished: Iterable[Future[Failure | None]]) -> bool:
        """Forget the parts that are done; False where one is not because a worker died."""
        whole = True
        for future in finished:
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                whole = False
            elif error is not None:
                raise error
            else:
                part = self._under_way.pop(future)
                if (failure := future.result()) is not None:
                    raise failure.error(part.where)
        return whole

    def _start_again(self) -> None:
        """New processes for the parts that were under way; one that was so twice before goes alone, to be named."""
        self._taken(wait(self._under_way).done)
        lost = list(self._under_way.values())
        self._under_way.clear()
        self._close(at_once=True)
        self._workers = self._started()
        for part in sorted(lost, key=lambda part: part.number):
            part.tries += 1
            self._send(part)
            if part.tries == _TRIES - 1:
                self._alone(part)

    def _alone(self, part: _Part) -> None:
        if not self._taken(wait(self._under_way).done):
            raise EvenhandError(
                f"A worker process was ended {_TRIES} times while it did {part.where}, most likely for want of memory;"
                " give fewer processes, such as engine='processes:1', or free some memory."
            )

    def _close(self, *, at_once: bool) -> None:
        if at_once:
            for process in list((self._workers._processes or {}).values()):
                process.kill()
        self._workers.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _without_main() -> Iterator[None]:
    """Keeps new processes from running the user's script again: they are given all they need as bytes."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _where(table: ArrowTable) -> str:
    places = table[PLACE]
    return f"rows {places[0].as_py():,} to {places[-1].as_py():,}"


def _bytes_of(table: ArrowTable) -> bytes:
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]
