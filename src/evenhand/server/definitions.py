"""Definitions: those of monitors that records come for, remembered for a moment."""

import time

from evenhand.core.monitor import Monitor
from evenhand.core.store import Store

_FRESH = 1.0  # seconds; a definition that was changed elsewhere is seen after these
_MOST = 1_000


class Definitions:
    """The definitions of monitors by name; reading one from the store takes longer than most batches do."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[float, Monitor]] = {}

    def at_hand(self, name: str) -> Monitor | None:
        """The definition, where it was read a moment ago."""
        at, found = self._known.get(name, (0.0, None))
        return found if time.monotonic() - at < _FRESH else None

    def read(self, name: str) -> Monitor:
        """The definition, from the store; raises DataError naming those there are."""
        began = time.monotonic()
        found = self._store.monitor(name)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[name] = (began, found)
        return found

    def forget(self, name: str) -> None:
        """Read it anew: it was changed or removed."""
        self._known.pop(name, None)
