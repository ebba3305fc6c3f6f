"""Sender: takes records from a running service at once, and delivers them in the background."""

import atexit
import logging
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.core.errors import SpecError
from evenhand.monitor.sending.counts import Counts, Ledger
from evenhand.monitor.sending.delivering import Delivering
from evenhand.monitor.sending.journal import Journal
from evenhand.monitor.sending.lines import line_of
from evenhand.monitor.sending.posting import Kind, Post

if TYPE_CHECKING:
    from evenhand.core.monitor import Monitor

Record = Mapping[str, Any]
Make = Callable[[], Record | Iterable[Record] | None]
_LOG = logging.getLogger("evenhand.monitor.sending")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much a Sender may hold, in memory, in a batch and on disk, and how many seconds it may wait."""

    queue: int = 10_000
    batch: int = 500
    seconds: float = 1.0
    timeout: float = 10.0
    journal_bytes: int = 100_000_000

    def __post_init__(self) -> None:
        if self.queue < 1 or self.batch < 1 or self.seconds <= 0 or self.timeout <= 0 or self.journal_bytes < 0:
            raise SpecError("The bounds of a Sender must be above 0; journal_bytes may be 0.")


class Sender:
    """Hands records to a server from a thread of its own.

    `send` and `send_truth` take microseconds, wait for nothing and never raise. Where the server is slow or down,
    records wait in a bounded queue and, with `journal`, in a bounded folder that the next process takes up as well;
    what fits in neither is dropped and counted. Every record arrives at least once; the server counts it once, by its
    id. `key` may be `env:NAME`. Raises SpecError for an address, a key or bounds that make no sense, when it is made
    and never later.
    """

    def __init__(
        self, url: str, key: str, monitor: "Monitor | str", *, journal: str | Path | None = None,
        bounds: Bounds | None = None,
    ) -> None:  # fmt: skip
        self._bounds = bounds or Bounds()
        named = monitor if isinstance(monitor, str) else monitor.name
        self._id = "id" if isinstance(monitor, str) else monitor.id
        self._time = "time" if isinstance(monitor, str) else monitor.time
        if not key or not key.isascii() or not key.isprintable():
            raise SpecError("The key of a Sender is empty or holds signs that no key has; create one on the server.")
        self._address = (url, key, named, self._bounds.timeout)
        self._journal = Path(journal) if journal is not None else None
        self._closed = False
        self._begin()
        atexit.register(self.close)

    def _begin(self) -> None:
        """Everything that belongs to one process; called again in a child after a fork, where threads are gone."""
        self._process, self._post = os.getpid(), Post(*self._address)
        self._queue: deque[tuple[Kind, Record] | Make] = deque()
        self._ledger, self._wake, self._stop = Ledger(), threading.Event(), threading.Event()
        kept = Journal(self._journal, self._bounds.journal_bytes) if self._journal is not None else None
        self._delivering = Delivering(self._post, kept, self._ledger, self._bounds.batch)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    # --- what the service calls

    def send(self, record: Record) -> str | None:
        """Take one prediction and return its id, by which its truth is told later; a missing id or time is added.

        Never raises; returns None where the record was dropped or is none.
        """
        try:
            copied = dict(record)
            if copied.get(self._id) is None:
                copied[self._id] = uuid.uuid4().hex
            if copied.get(self._time) is None:
                copied[self._time] = datetime.now(UTC).isoformat()
            return str(copied[self._id]) if self._put(("predictions", copied)) else None
        except Exception:
            self.unreadable()
            return None

    def send_truth(self, id: Any, label: Any) -> None:  # noqa: A002
        """Take the true outcome of an earlier prediction, or a mapping of columns that hold it. Never raises."""
        try:
            columns = label if isinstance(label, Mapping) else {"label": label}
            self._put(("truth", {**columns, self._id: id}))
        except Exception:
            self.unreadable()

    def send_later(self, make: Make) -> None:
        """Take a function that makes one or many predictions, to be called in the background. Never raises."""
        try:
            self._put(make)
        except Exception:
            self.unreadable()

    @property
    def counts(self) -> Counts:
        """What became of all records so far."""
        return self._ledger.read()

    @property
    def last_answer(self) -> str:
        """What the server said last, or why it could not be reached."""
        return self._post.said

    def _put(self, item: tuple[Kind, Record] | Make) -> bool:
        if self._process != os.getpid():
            self._begin()
        if self._thread is None:
            self._start()
        self._ledger.add("given")
        if self._closed or len(self._queue) >= self._bounds.queue:
            self._ledger.add("dropped")
            return False
        self._queue.append(item)
        if len(self._queue) >= self._bounds.batch and not self._wake.is_set():
            self._wake.set()
        return True

    def unreadable(self) -> None:
        """Count something that should have become a record. Never raises."""
        with suppress(Exception):
            self._ledger.add("given")
            self._ledger.add("unreadable")

    # --- the thread

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="evenhand-sender", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(self._bounds.seconds)
            self._wake.clear()
            self._turn()
        self._turn()
        self._delivering.give_up()
        self._post.close()

    def _turn(self) -> None:
        """Deliver what waits; a mistake of ours is logged and never ends the thread."""
        try:
            while self._queue and self._delivering.takes_more:
                self._delivering.take(self._batch())
            self._delivering.catch_up(stop=self._stop)
        except Exception:  # pragma: no cover - the last line of defence
            _LOG.exception("The sender had to leave a batch.")
            time.sleep(0.1)

    def _batch(self) -> list[tuple[Kind, bytes]]:
        """The next records as lines; what cannot be written is counted and left."""
        found: list[tuple[Kind, bytes]] = []
        while self._queue and len(found) < self._bounds.batch:
            found.extend(self._lines(self._queue.popleft()))
        return found

    def _lines(self, item: tuple[Kind, Record] | Make) -> list[tuple[Kind, bytes]]:
        try:
            if isinstance(item, tuple):
                return [(item[0], line_of(item[1]))]
            made = self._made(item)
            found: list[tuple[Kind, bytes]] = [("predictions", line_of(record)) for record in made]
            self._ledger.add("given", len(found) - 1)  # the item itself was counted as one
            return found
        except Exception as error:
            self._ledger.add("unreadable")
            _LOG.debug("A record could not be written: %s", error)
            return []

    def _made(self, make: Make) -> list[Record]:
        given = make()
        records = [given] if isinstance(given, Mapping) else list(given or ())
        now = datetime.now(UTC).isoformat()
        defaults = ({self._id: uuid.uuid4().hex, self._time: now} for _ in records)
        return [{**added, **record} for added, record in zip(defaults, records, strict=True)]

    def close(self, timeout: float = 5.0) -> Counts:
        """Deliver what can be delivered in so many seconds and keep the rest in the journal; returns the counts."""
        atexit.unregister(self.close)
        if self._process != os.getpid():
            return self.counts
        self._closed = True
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)
        while self._queue:
            self._delivering.keep(self._batch())
        self._delivering.give_up()
        return self.counts
