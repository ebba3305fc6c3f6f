"""Captures: one journal for each monitor, opened when first needed."""

from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from evenhand.core.monitor import Monitor
from evenhand.monitor.capture import Capture


class Receipt(Protocol):
    """What became of a batch."""

    @property
    def accepted(self) -> int:
        """Records that are new."""

    @property
    def duplicates(self) -> int:
        """Records whose id was there before."""


class Journal(Protocol):
    """The journal of a monitor's records; what it acknowledges is on the disk."""

    def accept(self, batch: Any, *, batch_id: str | None = None) -> Receipt:
        """Keep a table of predictions."""

    def accept_truth(self, batch: Any, *, batch_id: str | None = None) -> Receipt:
        """Keep a table of ids and labels."""


class Captures:
    """The journals of a server's monitors, by name; a changed definition opens its journal anew."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = Lock()
        self._open: dict[str, tuple[Monitor, Journal]] = {}

    def accept(self, monitor: Monitor, table: Any, *, batch_id: str | None = None) -> Receipt:
        """Keep predictions; raises EvenhandError."""
        return self._journal(monitor).accept(table, batch_id=batch_id)

    def accept_truth(self, monitor: Monitor, table: Any, *, batch_id: str | None = None) -> Receipt:
        """Keep labels; raises EvenhandError."""
        return self._journal(monitor).accept_truth(table, batch_id=batch_id)

    def _journal(self, monitor: Monitor) -> Journal:
        known = self._open.get(monitor.name)
        if known is not None and known[0] == monitor:
            return known[1]
        with self._lock:  # one opens it, and the others wait for that
            known = self._open.get(monitor.name)
            if known is not None and known[0] == monitor:
                return known[1]
            # Whoever still writes to the earlier one holds it; it is closed once nobody does.
            # The name of a monitor is letters, digits, dots, dashes and underscores, and begins with a letter or digit.
            journal: Journal = Capture(self._home / monitor.name, monitor)
            self._open[monitor.name] = (monitor, journal)
            return journal
