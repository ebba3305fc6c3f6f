"""Sources: a location or a table in memory becomes a Frame that can be counted."""

import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from evenhand.core.errors import DataError, MissingExtra, UnreadableSource
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
    memory_limit: str = DEFAULT_MEMORY,
    threads: int | None = None,
) -> Frame:
    """Open a file, folder, glob, database URL or table in memory; rows stay there, only counts are fetched."""
    if _is_frame(source):
        return source  # type: ignore[no-any-return]
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
