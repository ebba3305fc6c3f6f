"""Stores: monitors, counts, outcomes, reports, alerts and jobs in SQLite on one machine, or PostgreSQL for a team."""

from typing import TYPE_CHECKING

from evenhand.core.errors import MissingExtra

if TYPE_CHECKING:
    from evenhand.stores.database import Clock
    from evenhand.stores.store import SQLStore

__all__ = ["open_store"]


def open_store(url: str, *, clock: "Clock | None" = None) -> "SQLStore":
    """Open a store, made and brought up to date where need be: sqlite:///evenhand.db or postgresql://user@host/database.

    `clock` says what time it is, instead of the database. Raises UnreadableSource where the store cannot be opened or
    was written by a newer evenhand, and MissingExtra.
    """
    try:
        import alembic  # noqa: F401
        import sqlalchemy  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtra("A store", error.name or "sqlalchemy", "monitor") from None
    from evenhand.stores.opening import open_engine
    from evenhand.stores.store import SQLStore

    return SQLStore(open_engine(url), clock)
