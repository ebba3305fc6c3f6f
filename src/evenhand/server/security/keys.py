"""Key ring: looks API keys up in the store, and remembers valid ones for a few seconds."""

import hashlib
import re
import time
from threading import Lock

from evenhand.core.store import Key, Store

_SHAPE = re.compile(r"[A-Za-z0-9_.~-]{8,200}")
_FRESH = 5.0  # seconds; a key revoked by another server opens nothing after these
_MOST = 1_000


class KeyRing:
    """Valid keys by their text; the text itself is never kept."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._known: dict[bytes, tuple[float, Key]] = {}
        self._revoked: tuple[float, frozenset[int]] = (0.0, frozenset())

    def at_hand(self, text: str) -> Key | None:
        """The valid key with this text, where it was looked up a few seconds ago."""
        if _SHAPE.fullmatch(text) is None:
            return None
        with self._lock:
            at, known = self._known.get(_digest(text), (0.0, None))
        return known if known is not None and time.monotonic() - at < _FRESH else None

    def key(self, text: str) -> Key | None:
        """The key with this text; None where it opens nothing."""
        known = self.at_hand(text)
        if known is not None or _SHAPE.fullmatch(text) is None:
            return known
        digest = _digest(text)
        found = self._store.key_of(text)
        with self._lock:
            if len(self._known) >= _MOST:
                self._known.clear()
            if found is None:
                self._known.pop(digest, None)
            else:
                self._known[digest] = (time.monotonic(), found)
        return found

    def opens(self, number: int) -> bool:
        """Whether a key, from which a session came, is still valid."""
        at, valid = self._revoked
        if time.monotonic() - at >= _FRESH or at == 0.0:
            known = self._store.keys()
            valid = frozenset(key.id for key in known if not key.revoked)
            self._revoked = (time.monotonic(), valid)
        return number in valid

    def forget(self) -> None:
        """Look everything up again: a key was made or revoked."""
        with self._lock:
            self._known.clear()
            self._revoked = (0.0, frozenset())


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
