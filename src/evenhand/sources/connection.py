"""The DuckDB connection every file and in-memory table is counted with: opened locked down, closed to the outside."""

import os
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

import duckdb

from evenhand.core.errors import SpecError

DEFAULT_MEMORY = "1GB"


def connect(
    paths: Sequence[Path] = (), *, memory_limit: str = DEFAULT_MEMORY, threads: int | None = None
) -> duckdb.DuckDBPyConnection:
    """An in-memory database that may read these files and nothing else, with no way to widen that later."""
    if threads is not None and threads < 1:
        raise SpecError(f"threads is {threads!r}; give a whole number of at least 1, or leave it out for all cores.")
    connection = duckdb.connect(":memory:", config={"python_enable_replacements": False})
    try:
        connection.execute(f"SET memory_limit = {literal(memory_limit)}")
    except duckdb.Error as error:
        connection.close()
        raise SpecError(f"memory_limit is {memory_limit!r}; give a size such as '1GB' or '500MB'.") from error
    # The order matters: each line is refused after the ones below it.
    for setting in (
        f"threads = {threads or os.cpu_count() or 1}",
        f"temp_directory = {literal(_spill_directory())}",
        f"allowed_paths = [{', '.join(_allowed(paths))}]",
        "enable_progress_bar = false",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")
    return connection


def exactly(path: Path) -> str:
    """The path as DuckDB must be given it, with the signs of a glob in a name meaning themselves."""
    return "".join(f"[{sign}]" if sign in "[*?" else sign for sign in str(path))


def _allowed(paths: Sequence[Path]) -> list[str]:
    # DuckDB checks the path before and after it looks for matches of a glob.
    return [literal(form) for path in paths for form in dict.fromkeys((str(path), exactly(path)))]


def literal(text: str) -> str:
    """The text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def _spill_directory() -> str:
    # DuckDB makes the folder when a query first spills and removes it when the connection closes.
    return str(Path(tempfile.gettempdir()) / f"evenhand-spill-{uuid.uuid4().hex}")
