"""Posting batches of lines to a server's API over one connection that is kept open."""

import http.client
import os
from typing import Literal
from urllib.parse import quote, urlsplit

from evenhand.core.errors import SpecError

Kind = Literal["predictions", "truth"]
Answer = Literal["taken", "later", "refused"]

# What a server says of the records themselves; anything else may be mended, so it is tried again.
_REFUSALS = frozenset({400, 409, 413, 415, 422})
_MOST_READ = 65_536


class Post:
    """Where batches go. Redirects are not followed, so that the key stays with the server it is for."""

    def __init__(self, url: str, key: str, monitor: str, timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise SpecError(f"{url!r} is no address of a server; write https://host:8787, and the key as the key.")
        self._host, self._port, self._secure = parts.hostname, parts.port, parts.scheme == "https"
        self._path = f"{parts.path.rstrip('/')}/api/monitors/{quote(monitor, safe='')}/"
        self._key, self._timeout = key, timeout
        self._connection: http.client.HTTPConnection | None = None
        self.said = ""

    def __call__(self, kind: Kind, lines: list[bytes], batch: str) -> Answer:
        """Post one batch; `batch` names it, so that the server takes it once however often it arrives."""
        try:
            status = self._post(kind, b"[" + b",".join(lines) + b"]", batch)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            self.said = f"{type(error).__name__}: {error}"
            return "later"
        if 200 <= status < 300:
            return "taken"
        return "refused" if status in _REFUSALS else "later"

    def _post(self, kind: Kind, body: bytes, batch: str) -> int:
        fresh = self._connection is None
        try:
            return self._once(kind, body, batch)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.close()
            if fresh:
                raise
            return self._once(kind, body, batch)  # the server had closed a connection that was idle

    def _once(self, kind: Kind, body: bytes, batch: str) -> int:
        connection = self._connection or self._opened()
        self._connection = connection
        headers = {
            "Content-Type": "application/json", "Idempotency-Key": batch, "Authorization": f"Bearer {self._secret()}",
        }  # fmt: skip
        connection.request("POST", self._path + kind, body, headers)
        answer = connection.getresponse()
        self.said = f"{answer.status} {answer.read(_MOST_READ)[:200].decode(errors='replace')}"
        if not answer.isclosed():
            self.close()  # an answer longer than any of ours; what is left of it must not be taken for the next
        return answer.status

    def _opened(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=self._timeout)

    def _secret(self) -> str:
        """The key; `env:NAME` reads the environment each time, so that keys can be changed."""
        if not self._key.startswith("env:"):
            return self._key
        return os.environ.get(self._key.removeprefix("env:"), "")

    def close(self) -> None:
        """Close the connection; the next batch opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
