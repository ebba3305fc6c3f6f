"""Parquet files: columns are taken by position, so that any name works."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from evenhand.core.errors import UnreadableSource
from evenhand.sources.connection import exactly, literal
from evenhand.sources.scan import Scan, listed


def scan(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], location: str) -> Scan:
    """How to read these files; hive-partitioned folders give their partition columns too."""
    partitions = _partitions(files, location)
    reader = f"read_parquet({listed(files)}, hive_partitioning = {'true' if partitions else 'false'})"
    names = [str(name) for name in connection.sql(f"FROM {reader}").columns]
    exact = _top_level(connection, files[0])
    for file in files[1:]:
        if _top_level(connection, file) != exact:
            raise UnreadableSource(f"{file.name} does not have the columns of {files[0].name}; read them one by one.")
    names[: len(exact)] = exact
    # DuckDB also takes folders above the location for partitions.
    kept = [place for place, name in enumerate(names) if place < len(exact) or name in partitions]
    chosen = ", ".join(f"f{place} AS c{number}" for number, place in enumerate(kept))
    fields = ", ".join(f"f{place}" for place in range(len(names)))
    query = f"SELECT {chosen} FROM {reader} AS source({fields})"  # noqa: S608 - our own names
    return Scan(query, tuple(names[place] for place in kept))


def _partitions(files: Sequence[Path], location: str) -> set[str]:
    """The names of the folders `name=value` below the location, down to the files."""
    if len(files) == 1 and Path(location).expanduser().is_file():
        return set()
    root = Path(location.split("*", 1)[0]).expanduser()
    root = (root if root.is_dir() else root.parent).resolve()
    folders = {part for file in files if file.is_relative_to(root) for part in file.relative_to(root).parts[:-1]}
    return {folder.split("=", 1)[0] for folder in folders if "=" in folder}


def _top_level(connection: duckdb.DuckDBPyConnection, file: Path) -> list[str]:
    """The names of the columns as the file has them; DuckDB's own differ where two differ only by case."""
    query = f"SELECT name, num_children FROM parquet_schema({literal(exactly(file))})"  # noqa: S608 - an SQL string
    (_, children), *rest = connection.sql(query).fetchall()
    names, place = [], 0
    for _ in range(int(children)):
        names.append(str(rest[place][0]))
        place = _after(rest, place)
    return names


def _after(nodes: Sequence[tuple[str, int | None]], place: int) -> int:
    children = int(nodes[place][1] or 0)
    place += 1
    for _ in range(children):
        place = _after(nodes, place)
    return place
