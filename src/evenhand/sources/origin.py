"""Origin: how to get at the same rows again, from a connection of one's own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from evenhand.sources.connection import DEFAULT_MEMORY, connect


@dataclass(frozen=True)
class Origin:
    """The files that must be readable, and what makes the relation in a connection under a name of its own."""

    relation: Callable[[duckdb.DuckDBPyConnection, str], duckdb.DuckDBPyRelation]
    paths: tuple[Path, ...] = ()
    memory_limit: str = DEFAULT_MEMORY
    threads: int | None = None

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A new locked-down connection that may read the files."""
        return connect(self.paths, memory_limit=self.memory_limit, threads=self.threads)
