"""Sessions: signed cookies, the secret that signs them, and tokens that open one session."""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import time
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from evenhand.core.errors import EvenhandError
from evenhand.server.security.ended import Ended

COOKIE = "evenhand_session"
SECRET = "EVENHAND_SECRET"  # noqa: S105 - the name of a variable


def secret_of(home: Path) -> bytes:
    """The secret of a server: of the environment, or of a file that only its user reads; raises EvenhandError."""
    told = os.environ.get(SECRET, "")
    if told:
        if len(told) < 32:
            raise EvenhandError(
                f"{SECRET} is too short; give at least 32 characters, such as of `openssl rand -hex 32`."
            )
        return told.encode()
    home.mkdir(parents=True, exist_ok=True)
    file = home / ".secret"
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as made:
            made.write(secrets.token_hex(32).encode())
    except FileExistsError:
        pass
    content = file.read_bytes()
    if len(content) < 32:
        raise EvenhandError(f"The secret in {str(file)!r} is damaged; remove the file, which ends all sessions.")
    return content


class Sessions:
    """What a cookie says, signed; kept are only those that were ended early."""

    def __init__(self, secret: bytes, lasts: timedelta, ended: Ended) -> None:
        self._secret = secret
        self._ended = ended
        self.seconds = int(lasts.total_seconds())

    def signed(self, content: dict[str, Any], purpose: str = "session", seconds: int | None = None) -> str:
        """Content as text that nobody else can make, for one purpose and a time."""
        ends = int(time.time()) + (self.seconds if seconds is None else seconds)
        facts = {**content, "id": secrets.token_urlsafe(12), "ends": ends}
        body = _text(json.dumps(facts, separators=(",", ":")).encode())
        return f"{body}.{_text(self._seal(purpose, body))}"

    def content(self, text: str, purpose: str = "session") -> dict[str, Any] | None:
        """What signed text says; None where it was not made here for this purpose, or has ended.

        Raises EvenhandError where it cannot be known which were ended early.
        """
        body, _, seal = text.partition(".")
        try:
            genuine = hmac.compare_digest(self._seal(purpose, body), _bytes(seal))
            found = json.loads(_bytes(body)) if genuine else None
        except (ValueError, binascii.Error):
            return None
        if not isinstance(found, dict) or found["ends"] <= time.time() or found["id"] in self._ended:
            return None
        return found

    def end(self, text: str) -> dict[str, Any] | None:
        """End a session before its time, for everyone who has its cookie; what it said, None where it was none."""
        found = self.content(text)
        if found is not None:
            self._ended.add(found["id"], found["ends"])
        return found

    def form_token(self, tied: str) -> str:
        """The token of forms made for the browser with this cookie."""
        return _text(self._seal("form", tied))

    def _seal(self, purpose: str, body: str) -> bytes:
        return hmac.digest(self._secret, f"{purpose}|{body}".encode(), hashlib.sha256)


class OneTimeTokens:
    """Tokens that open one session each, such as the one in the address that a server prints when it starts."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._hashes: set[bytes] = set()

    def new(self) -> str:
        """A token."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._hashes.add(_hash(token))
        return token

    def used(self, token: str) -> bool:
        """Whether it was a token; it is none any more."""
        with self._lock:
            if _hash(token) not in self._hashes:
                return False
            self._hashes.remove(_hash(token))
            return True


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
