"""A database that several processes use at once: transactions, its clock, and its errors in one line."""

import sqlite3
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import BaseModel, ValidationError
from sqlalchemy.dialects import postgresql, sqlite

from evenhand.core.errors import DataError, EvenhandError, UnreadableSource, suggestion
from evenhand.stores.tables import monitors

Clock = Callable[[], datetime]
WRITES = "evenhand_writes"
Kept = TypeVar("Kept", bound=BaseModel)
_ATTEMPTS = 20


class Database:
    """Transactions over one engine; every part of the store builds on it."""

    def __init__(self, engine: sa.Engine, clock: Clock | None = None) -> None:
        self._engine = engine
        self._clock = clock
        self._disposal = weakref.finalize(self, engine.dispose)
        self.shown = shown_url(engine.url)

    def close(self) -> None:
        """Give all connections back; a later call opens new ones."""
        self._engine.dispose()

    @contextmanager
    def _reading(self, *, whole: bool = False) -> Iterator[sa.Connection]:
        """One transaction; with `whole`, all its statements see the same moment, as in SQLite they always do."""
        with said_plainly(self.shown), self._engine.connect() as connection:
            if whole and connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """One transaction that writes: all of it is kept, or nothing."""
        with (
            said_plainly(self.shown),
            self._engine.connect().execution_options(**{WRITES: True}) as connection,
            connection.begin(),
        ):
            yield connection

    def _now(self, connection: sa.Connection) -> datetime:
        """The time that leases are measured by: the given clock, or else the database's."""
        if self._clock is not None:
            return self._clock()
        if connection.dialect.name == "postgresql":
            found: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
            return found.astimezone(UTC)
        return datetime.now(UTC)


@contextmanager
def said_plainly(shown: str) -> Iterator[None]:
    """Turn errors of the database into one line; raises UnreadableSource."""
    try:
        yield
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
        cause = getattr(error, "orig", None)
        if isinstance(cause, EvenhandError):
            raise cause from None
        raise UnreadableSource(f"The store {shown} cannot be used: {first_line(cause or error)}.") from error


def shown_url(url: sa.URL) -> str:
    """A URL without its secrets, which may also stand among its options."""
    return url.set(query={}).render_as_string(hide_password=True)


def read_back(model: type[Kept], text: str) -> Kept:
    """What was kept as JSON; raises UnreadableSource where this version cannot read it."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        noun = model.__name__.lower()
        raise UnreadableSource(f"The store holds a {noun} that cannot be read: {first_problem(error)}.") from None


def first_problem(error: ValidationError) -> str:
    """Where a record is wrong first, and why."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def first_line(error: BaseException) -> str:
    """What a database's error says first."""
    return next((line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()), type(error).__name__)


def inserting(connection: sa.Connection, table: sa.Table) -> Any:
    """An INSERT that knows ON CONFLICT."""
    return (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table)


def made_or_found(connection: sa.Connection, make: Any, find: sa.Select[Any]) -> tuple[sa.Row[Any], bool]:
    """The row that was inserted, and True; or, where that conflicts, the one that is there."""
    for _ in range(_ATTEMPTS):
        made = connection.execute(make).first()
        if made is not None:
            return made, True
        found = connection.execute(find).first()
        if found is not None:  # else it was finished in between
            return found, False
    raise UnreadableSource("The store changes faster than it can be read; try again.")


def require_monitor(connection: sa.Connection, name: str) -> None:
    """Raise DataError where no monitor has this name; while the transaction lasts, it is not removed."""
    found = sa.select(monitors.c.name).where(monitors.c.name == name).with_for_update(read=True, key_share=True)
    if connection.execute(found).first() is None:
        known = sorted(connection.execute(sa.select(monitors.c.name)).scalars())
        raise DataError(f"No monitor {name!r}.{suggestion(name, known) or ' There are none yet.'}")


def require_row(connection: sa.Connection, table: sa.Table, number: int, noun: str) -> sa.Row[Any]:
    """The row of this number, locked; raises DataError."""
    # Numbers beyond 64 bits are no row's, and no database takes them.
    known = abs(number) < 2**63
    query = sa.select(table).where(table.c.id == number).with_for_update()
    found = connection.execute(query).first() if known else None
    if found is None:
        raise DataError(f"No {noun} {number} in the store.")
    return found
