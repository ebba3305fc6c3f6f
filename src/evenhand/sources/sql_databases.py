"""Opening SQL databases: from a URL and a table or query to a frame, with the columns' kinds found out."""

import math
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool
from sqlalchemy.sql import quoted_name

from evenhand.core.errors import DataError, MissingExtra, UnreadableSource, suggestion
from evenhand.sources.sql import SQLFrame, reading, reason
from evenhand.sources.sql_expressions import LOG2
from evenhand.sources.sql_kinds import typed

_PREFERRED = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_EXTRAS = {"psycopg": "postgres", "sqlalchemy": "sql"}


def read_database(location: str, *, table: str | None, query: str | None) -> SQLFrame:
    """The table or query of this database; rows stay there."""
    engine = _engine(location)
    shown = engine.url.render_as_string(hide_password=True)
    if (table is None) == (query is None):
        with reading(engine, shown) as connection:
            names = sa.inspect(connection).get_table_names()
        raise DataError(
            f"{shown} needs either table= or query=; its tables are: {', '.join(map(repr, names)) or 'none'}."
        )
    with reading(engine, shown) as connection:
        selection = _from_table(connection, table, shown) if table is not None else _from_query(connection, str(query))
        columns = list(selection.selected_columns)
        names = [str(column.name) for column in columns]
        aliased = selection.with_only_columns(*(column.label(f"c{place}") for place, column in enumerate(columns)))
        kinds, tidy = typed(connection, aliased.subquery("given"))
    frame = SQLFrame(
        engine,
        tidy,
        dict(zip(names, kinds, strict=True)),
        f"{shown}, {'table ' + repr(table) if table is not None else 'a query'}",
    )
    if frame.height == 0:
        raise DataError(f"{frame.location} holds no rows.")
    return frame


def _engine(location: str) -> sa.Engine:
    try:
        url = sa.make_url(location)
    except sa.exc.ArgumentError as error:
        raise UnreadableSource(
            "The database URL cannot be understood; write it as postgresql://user@host/database."
        ) from error
    url = url.set(drivername=_PREFERRED.get(url.drivername, url.drivername))
    shown = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_file():
        raise _no_sqlite(Path(url.database))
    try:
        engine = sa.create_engine(url, poolclass=NullPool)
    except ModuleNotFoundError as error:
        package = error.name or "its driver"
        raise MissingExtra(f"Reading {shown}", package, _EXTRAS.get(package, "sql")) from error
    except sa.exc.NoSuchModuleError as error:
        raise UnreadableSource(
            f"evenhand knows no database {url.drivername!r}; use sqlite:/// or postgresql://."
        ) from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
    try:
        engine.connect().close()
    except sa.exc.SQLAlchemyError as error:
        raise UnreadableSource(f"Cannot connect to {shown}: {reason(error, url)}.") from error
    return engine


def _no_sqlite(path: Path) -> UnreadableSource:
    # SQLite would make an empty database rather than say that there is none.
    beside = sorted(file.name for file in path.parent.iterdir() if file.is_file()) if path.parent.is_dir() else []
    return UnreadableSource(f"No file {str(path)!r}.{suggestion(path.name, beside)}")


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    connection.execute("PRAGMA query_only = ON").close()
    connection.create_function(LOG2, 1, _log2, deterministic=True)


def _log2(number: float | None) -> float | None:
    return math.log2(number) if number is not None and number > 0 else None


def _from_table(connection: sa.Connection, name: str, shown: str) -> sa.Select[Any]:
    inspector = sa.inspect(connection)
    schema, bare, known = None, name, _relations(inspector, None)
    if name not in known:
        schemas = inspector.get_schema_names() if "." in name else []
        dots = [place for place, letter in enumerate(name) if letter == "."]
        for dot in (dot for dot in dots if name[:dot] in schemas):
            schema, bare, known = name[:dot], name[dot + 1 :], _relations(inspector, name[:dot])
            if bare in known:
                break
    if bare not in known:
        raise UnreadableSource(f"No table {name!r} in {shown}.{suggestion(bare, known)}")
    found = inspector.get_columns(bare, schema)
    columns = [sa.column(quoted_name(str(column["name"]), True), column["type"]) for column in found]
    within = None if schema is None else quoted_name(schema, True)
    return sa.select(*columns).select_from(sa.table(quoted_name(bare, True), *columns, schema=within))


def _relations(inspector: sa.Inspector, schema: str | None) -> list[str]:
    """Everything with rows: tables, also partitioned ones, views, and where there are such, stored and foreign ones."""
    names = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
    for more in ("get_materialized_view_names", "get_foreign_table_names"):
        if hasattr(inspector.dialect, more) and inspector.dialect.name == "postgresql":
            names += getattr(inspector, more)(schema)
    return list(dict.fromkeys(names))


def _from_query(connection: sa.Connection, query: str) -> sa.Select[Any]:
    # A colon in the query is the user's own, never a value to bind.
    text = sa.text(query.strip().rstrip(";").replace(":", r"\:"))
    everything: sa.Select[Any] = sa.select(sa.literal_column("*")).select_from(text.columns().subquery("query"))
    result = connection.execute(everything.limit(0))
    names = [str(name) for name in result.keys()]  # noqa: SIM118 - a result, not a dict
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise DataError(f"The query gives two columns called {twice!r}; name them apart with AS.")
    columns: list[sa.ColumnClause[Any]] = [sa.column(quoted_name(name, True)) for name in names]
    return sa.select(*columns).select_from(text.columns(*columns).subquery("query"))
