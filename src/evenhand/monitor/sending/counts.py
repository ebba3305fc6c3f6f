"""Counts: what became of every record that a service handed over."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """Records and labels of this process, by what became of them; nothing vanishes uncounted.

    `given` is the sum of `delivered` (the server has them), `rejected` (it refused them for good), `dropped` (queue or
    journal were full), `unreadable` (they could not be written as JSON), `kept` (they are in the journal) and `waiting`
    (they are in memory). `recovered` came from the journal of an earlier process and were delivered by this one.
    """

    given: int = 0
    delivered: int = 0
    rejected: int = 0
    dropped: int = 0
    unreadable: int = 0
    kept: int = 0
    recovered: int = 0

    @property
    def waiting(self) -> int:
        """Those in memory: in the queue or in hand."""
        return self.given - self.delivered - self.rejected - self.dropped - self.unreadable - self.kept


class Ledger:
    """Counts that several threads add to."""

    def __init__(self) -> None:
        self._numbers = dict.fromkeys(Counts.__dataclass_fields__, 0)
        self._lock = threading.Lock()

    def add(self, what: str, number: int = 1) -> None:
        """Add to one of the counts."""
        with self._lock:
            self._numbers[what] += number

    def move(self, number: int, *, of: str, to: str) -> None:
        """Take from one count and add to another, so that no reader sees a sum that is wrong."""
        with self._lock:
            self._numbers[of] -= number
            self._numbers[to] += number

    def read(self) -> Counts:
        """The counts now."""
        with self._lock:
            return Counts(**self._numbers)
