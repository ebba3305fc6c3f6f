"""Opening a store: from a URL to an engine whose tables are those of this version."""

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from evenhand.core.errors import MissingExtra, UnreadableSource
from evenhand.stores.database import WRITES, said_plainly, shown_url

VERSION_TABLE = "evenhand_schema"
OLDEST_POSTGRESQL = 15
_PATIENCE_SECONDS = 30
_MIGRATING = 4_019_731_862  # the number of the lock that migrations take in PostgreSQL
_ALLOWED = "use sqlite:///evenhand.db or postgresql://user@host/database"
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg",
            "postgresql+psycopg": "postgresql+psycopg"}  # fmt: skip


def open_engine(location: str) -> sa.Engine:
    """An engine for this URL, made and brought up to date where need be; raises UnreadableSource or MissingExtra."""
    url = _url(location)
    shown = shown_url(url)
    if url.get_backend_name() == "sqlite":
        _make_file(Path(str(url.database)), shown)
        engine = sa.create_engine(url)
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = _postgresql(url, shown)
    try:
        with said_plainly(shown):
            _bring_up(engine, shown)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _url(location: str) -> sa.URL:
    try:
        url = sa.make_url(location)
    except (sa.exc.ArgumentError, ValueError):
        raise UnreadableSource(f"The store's URL cannot be understood; {_ALLOWED}.") from None
    if url.drivername not in _DRIVERS:
        raise UnreadableSource(f"A store cannot be kept in {url.drivername!r}; {_ALLOWED}.")
    url = url.set(drivername=_DRIVERS[url.drivername])
    if url.drivername == "sqlite" and (url.database or ":memory:") == ":memory:":
        raise UnreadableSource("A store in memory would be lost; name a file, such as sqlite:///evenhand.db.")
    if url.drivername == "sqlite" and (url.query or str(url.database).startswith("file:")):
        raise UnreadableSource("The URL of a SQLite store takes no options; write sqlite:///evenhand.db.")
    return url


def _make_file(path: Path, shown: str) -> None:
    """An empty file that only its owner may read, unless there is one already."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            # Two processes may both come here: the second opens what the first made.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise UnreadableSource(f"The store {shown} cannot be made: {error.strerror}.") from None


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    for pragma in (f"busy_timeout = {_PATIENCE_SECONDS * 1000}", "foreign_keys = ON", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later could fail half-way: another may have written in between.
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(url: sa.URL, shown: str) -> sa.Engine:
    try:
        engine = sa.create_engine(
            url, pool_pre_ping=True, connect_args={"connect_timeout": url.query.get("connect_timeout", 10)}
        )
    except ModuleNotFoundError as error:
        raise MissingExtra(f"The store {shown}", error.name or "psycopg", "postgres") from None
    sa.event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_postgresql(connection: Any, _: Any) -> None:
    connection.execute(f"SET lock_timeout = '{_PATIENCE_SECONDS}s'")
    connection.commit()


def _bring_up(engine: sa.Engine, shown: str) -> None:
    if engine.dialect.name == "sqlite":
        _use_write_ahead_log(engine)
    scripts = ScriptDirectory.from_config(config())
    newest = scripts.get_current_head()
    with engine.connect() as connection:
        check_version(connection, shown)
        if _revision(connection, scripts, shown) == newest:
            return
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
        if _revision(connection, scripts, shown) != newest:  # another process may just have done it
            command.upgrade(config(connection), "head")


def check_version(connection: sa.Connection, shown: str) -> None:
    """Raise UnreadableSource where PostgreSQL is older than this store was tested with."""
    if connection.dialect.name == "postgresql":
        version = int((connection.dialect.server_version_info or (OLDEST_POSTGRESQL,))[0])
        if version < OLDEST_POSTGRESQL:
            raise UnreadableSource(f"{shown} is PostgreSQL {version}; a store needs {OLDEST_POSTGRESQL} or newer.")


def _revision(connection: sa.Connection, scripts: ScriptDirectory, shown: str) -> str | None:
    """The schema that the database has; raises UnreadableSource for one that this version does not know."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    found = context.get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if found is not None and found not in known:
        raise UnreadableSource(
            f"The store {shown} was written by a newer evenhand (schema {found!r}, and this one knows up to "
            f"{scripts.get_current_head()!r}); upgrade evenhand."
        )
    return found


def config(connection: sa.Connection | None = None) -> Config:
    """Alembic's settings for the migrations of this package."""
    made = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    made.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


def _use_write_ahead_log(engine: sa.Engine) -> None:
    """Readers go on while one writes. SQLite does not wait here while another process does the same: we do."""
    raw = engine.raw_connection()
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                raw.cursor().execute("PRAGMA journal_mode = WAL").close()
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
    finally:
        raw.close()
