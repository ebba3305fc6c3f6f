"""Sources: a location or a table in memory becomes a Frame that can be counted."""

import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from evenhand.core.errors import DataError, MissingExtra, SpecError, UnreadableSource
from evenhand.core.frame import Frame
from evenhand.sources.connection import DEFAULT_MEMORY
from evenhand.sources.files import read_files
from evenhand.sources.frames import attach, read_frame
from evenhand.sources.joins import join_predictions

__all__ = ["attach", "join_predictions", "read"]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+]*://")
_WEB = ("http", "https", "ftp", "s3", "gs", "az", "file", "hdfs")


def read(
    source: Any,
    *,
    sheet: str | None = None,
    table: str | None = None,
    query: str | None = None,
    engine: str | None = None,
    memory_limit: str = DEFAULT_MEMORY,
    threads: int | None = None,
) -> Frame:
    """Open a file, folder, glob, database URL or table; rows stay there, only counts are fetched.

    `engine` says who counts: nobody but this process (None); "processes" or "processes:4", which also ask models and
    explain in that many processes; "spark", or the master of a Spark cluster such as "spark://host:7077" or
    "local[4]". Spark DataFrames and Ibis tables are counted where they are, without naming an engine.
    """
    if engine is not None:
        return _by_engine(source, engine, sheet=sheet, table=table, memory_limit=memory_limit, threads=threads)
    if _is_frame(source):
        return source  # type: ignore[no-any-return]
    library = type(source).__module__.partition(".")[0]
    if library == "pyspark":
        from evenhand.sources.spark import read_spark

        return read_spark(source)
    if library == "ibis":
        from evenhand.sources.warehouse import read_warehouse

        return read_warehouse(source)
    if isinstance(source, str) and _URL.match(source):
        return _from_url(source, table, query)
    if table is not None or query is not None:
        raise DataError("table= and query= belong to a database URL such as sqlite:///data.db; leave them out here.")
    if isinstance(source, (str, Path)):
        return read_files(str(source), sheet=sheet, memory_limit=memory_limit, threads=threads)
    frame = read_frame(source, memory_limit=memory_limit, threads=threads) or _from_plugins(source)
    if frame is None:
        raise DataError(
            f"A {type(source).__name__} is no table that evenhand reads; give a file, a folder, a database URL,"
            " a dataframe or a dict of columns."
        )
    return frame


def _by_engine(
    source: Any, engine: str, *, sheet: str | None, table: str | None, memory_limit: str, threads: int | None
) -> Frame:
    name, _, rest = engine.partition(":")
    if name == "processes":
        from evenhand.sources.processes import over_processes

        return over_processes(read(source, sheet=sheet, memory_limit=memory_limit, threads=threads), rest)
    if name not in ("spark", "yarn", "k8s") and not name.startswith("local"):
        raise SpecError(
            f"engine={engine!r} is unknown; give processes, spark, or the master of a Spark cluster, such as"
            " spark://host:7077 or local[4]."
        )
    from evenhand.sources.spark import read_spark

    return read_spark(table or source, master=None if engine == "spark" else engine)


def _is_frame(source: Any) -> bool:
    return all(hasattr(source, name) for name in ("kinds", "expressions", "cells", "location"))


def _from_url(url: str, table: str | None, query: str | None) -> Frame:
    plugged = _from_plugins(url)
    if plugged is not None:
        return plugged
    if url.split("://")[0].lower() in _WEB:
        raise UnreadableSource(
            f"evenhand fetches nothing from {url.split('://')[0]}://; copy the file here and give its path."
        )
    try:
        from evenhand.sources.sql_databases import read_database
    except ModuleNotFoundError as error:
        raise MissingExtra("Reading a database", "sqlalchemy", "sql") from error
    return read_database(url, table=table, query=query)


def _from_plugins(source: Any) -> Frame | None:
    """What a third party's reader makes of it; each is asked in turn, by name."""
    for entry in sorted(entry_points(group="evenhand.sources"), key=lambda entry: entry.name):
        frame = entry.load()(source)
        if frame is not None:
            return frame  # type: ignore[no-any-return]
    return None
