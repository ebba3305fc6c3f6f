"""Ended: sessions that were signed out, whose cookies open nothing any more, on any server with this home."""

import json
import os
import time
from pathlib import Path
from threading import Lock

from evenhand.core.errors import EvenhandError
from evenhand.monitor.capture.durable import locked, write_durable

_Seen = tuple[int, int, int]


class Ended:
    """The ids of such sessions, in a file, until their cookies would have ended by themselves."""

    def __init__(self, home: Path) -> None:
        self._path = home / ".ended-sessions"
        self._guard = Lock()
        self._seen: _Seen | None = None
        self._ids: frozenset[str] = frozenset()

    def add(self, session: str, ends: int) -> None:
        """Have a session open nothing, durably; `ends` is when it would have ended. Raises EvenhandError."""
        with locked(self._path.with_name(f"{self._path.name}.lock")):
            now = time.time()
            kept = {known: at for known, at in self._read().items() if at > now}
            write_durable(self._path, json.dumps({**kept, session: ends}).encode())

    def __contains__(self, session: object) -> bool:
        """Whether a session was signed out, here or by another server; raises EvenhandError."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - asked with every request
        except FileNotFoundError:
            return False
        seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        with self._guard:
            if seen != self._seen:
                self._ids, self._seen = frozenset(self._read()), seen
            return session in self._ids

    def _read(self) -> dict[str, int]:
        try:
            found: dict[str, int] = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError:
            raise EvenhandError(
                f"{str(self._path)!r} is damaged; remove it, and the secret beside it, which ends all sessions."
            ) from None
        return found
