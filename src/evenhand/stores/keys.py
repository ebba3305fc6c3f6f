"""API keys, of which only a prefix and a SHA-256 are kept."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from evenhand.core.errors import SpecError
from evenhand.core.store import Key
from evenhand.stores.database import Database, require_row
from evenhand.stores.tables import keys

SCOPES = ("read", "submit", "hunt", "admin")
_MARK = "evenhand_"  # lets scanners find keys that were published by mistake
_PREFIX = len(_MARK) + 8
_LONGEST = 200


class Keys(Database):
    """The API keys that a store keeps."""

    def add_key(self, name: str, scopes: Sequence[str], expires: datetime | None) -> tuple[Key, str]:
        """A new API key, and its text, which is not kept; raises SpecError."""
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            given = ", ".join(map(repr, unknown)) or "none"
            raise SpecError(f"A key has one or more of the scopes {', '.join(SCOPES)}; not {given}.")
        text = _MARK + secrets.token_urlsafe(32)
        row = {"name": name, "prefix": text[:_PREFIX], "digest": _digest(text), "revoked": False}
        row["scopes"] = " ".join(dict.fromkeys(scopes))
        with self._writing() as connection:
            made = sa.insert(keys).values(**row, created=self._now(connection), expires=expires)
            return _key(connection.execute(made.returning(*keys.c)).one()), text

    def key_of(self, text: str) -> Key | None:
        """The valid key with this text, compared in constant time; None for unknown, expired and revoked ones."""
        if len(text) > _LONGEST or not text.isascii() or "\0" in text:
            return None
        digest = _digest(text)
        with self._reading() as connection:
            rows = connection.execute(sa.select(keys).where(keys.c.prefix == text[:_PREFIX])).all()
            now = self._now(connection)
        for row in rows:
            current = not row.revoked and (row.expires is None or row.expires > now)
            if hmac.compare_digest(row.digest, digest) and current:
                return _key(row)
        return None

    def keys(self) -> Sequence[Key]:
        """All keys."""
        with self._reading() as connection:
            return [_key(row) for row in connection.execute(sa.select(keys).order_by(keys.c.id))]

    def revoke(self, key: int) -> None:
        """A key that no longer opens anything; raises DataError."""
        with self._writing() as connection:
            require_row(connection, keys, key, "key")
            connection.execute(sa.update(keys).where(keys.c.id == key).values(revoked=True))


def _digest(text: str) -> str:
    # The text holds 256 random bits: nothing slower than one SHA-256 is needed against guessing.
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _key(row: sa.Row[Any]) -> Key:
    values = {name: value for name, value in row._mapping.items() if name != "digest"}
    return Key(**values | {"scopes": tuple(row.scopes.split())})
