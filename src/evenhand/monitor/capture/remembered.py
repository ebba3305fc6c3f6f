"""Remembered: the ids and batches that were accepted and not yet sealed, to tell duplicates at once."""

from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Any

import numpy as np

# Beyond, memory is freed; sealing finds every duplicate anyway.
MOST = 500_000

Recall = Callable[[], Iterable[tuple[bytes, Any]]]


class Remembered:
    """Ids by kind of frame. What is in here is on the disk."""

    def __init__(self, recall: Recall) -> None:
        """`recall` gives what an earlier process accepted; it is asked when that is first needed."""
        self._ids: dict[bytes, set[str]] = {}
        self._batches: set[tuple[bytes, str]] = set()
        self._recall: Recall | None = recall
        self._lock = Lock()

    def recall(self) -> None:
        """Know what was accepted before this process began."""
        with self._lock:
            if self._recall is not None:
                for kind, table in self._recall():
                    self.note(kind, table)
                self._recall = None

    def note(self, kind: bytes, table: Any, batch_id: str | None = None) -> None:
        """Remember what a frame holds."""
        held = self._ids.setdefault(kind, set())
        if len(held) > MOST:
            held.clear()
            self._batches.clear()
        held.update(table.column("id").to_pylist())
        metadata = table.schema.metadata or {}
        batch_id = batch_id or (metadata[b"batch"].decode() if b"batch" in metadata else None)
        if batch_id is not None:
            self._batches.add((kind, batch_id))

    def has_batch(self, kind: bytes, batch_id: str | None) -> bool:
        """Whether this batch was accepted."""
        self.recall()
        return batch_id is not None and (kind, batch_id) in self._batches

    def new_places(self, kind: bytes, keys: Sequence[str]) -> Any:
        """The places of ids that are new, each once."""
        held = self._ids.get(kind, set())
        first = {key: place for place, key in reversed(list(enumerate(keys))) if key not in held}
        return np.array(sorted(first.values()), dtype=np.int64)

    def forget(self) -> None:
        """What was sealed needs no memory."""
        with self._lock:
            self._recall = None
            self._ids.clear()
            self._batches.clear()
