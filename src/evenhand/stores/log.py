"""The log of who did what."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from evenhand.stores.database import Database
from evenhand.stores.tables import log


class Log(Database):
    """What people and keys did; nothing is ever changed in it."""

    def note(self, who: str, what: str, about: str) -> None:
        """Write to the log of who did what."""
        with self._writing() as connection:
            row = {"at": self._now(connection), "who": who, "what": what, "about": about}
            connection.execute(sa.insert(log).values(**row))

    def log(self, most: int = 200) -> Sequence[tuple[datetime, str, str, str]]:
        """When, who, what, about; latest first."""
        query = sa.select(log.c.at, log.c.who, log.c.what, log.c.about).order_by(log.c.id.desc()).limit(most)
        with self._reading() as connection:
            return [tuple(row) for row in connection.execute(query)]
