"""JSON files: an array of objects, or one object a line."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from evenhand.sources.connection import literal
from evenhand.sources.scan import Scan, aliases, listed
from evenhand.sources.whole_numbers import as_text_or_number, loosened, settled

_EVERY = -1
_FIRST = 20_480


def scan(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], _location: str) -> Scan:
    """How to read these files; types are guessed from the first objects and, where later ones differ, from all."""
    try:
        names, types = _guess(connection, files, _FIRST)
    except duckdb.BinderException:
        return _by_key(connection, files)
    if len({name.casefold() for name in names}) < len(names) or _renamed(names):
        return _by_key(connection, files)
    try:
        kinds, height = settled(connection, _query(files, names, loosened(types)), types)
    except duckdb.InvalidInputException:
        names, types = _guess(connection, files, _EVERY)
        kinds, height = settled(connection, _query(files, names, loosened(types)), types)
    return Scan(_query(files, names, kinds), tuple(names), height=height)


def _form(files: Sequence[Path]) -> str:
    return "newline_delimited" if {".jsonl", ".ndjson"} & set(files[0].suffixes) else "auto"


def _guess(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], sample: int
) -> tuple[list[str], list[str]]:
    # Without the threshold, objects with many keys would be read as one column of maps.
    options = f"format = '{_form(files)}', records = true, union_by_name = true, map_inference_threshold = -1"
    relation = connection.sql(f"FROM read_json({listed(files)}, {options}, sample_size = {sample})")
    return [str(name) for name in relation.columns], [as_text_or_number(str(kind)) for kind in relation.types]


def _query(files: Sequence[Path], names: Sequence[str], types: Sequence[str]) -> str:
    # With the types written into the query they are not guessed again for every question.
    columns = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in zip(names, types, strict=True))
    reader = f"read_json({listed(files)}, format = '{_form(files)}', records = true, columns = {{{columns}}})"
    return f"FROM {reader} AS source({', '.join(aliases(len(names)))})"


def _renamed(names: Sequence[str]) -> bool:
    """Whether DuckDB may have renamed a key because another differs from it only by case."""
    folded = {name.casefold() for name in names}
    return any(name.rpartition("_")[0].casefold() in folded and name.rpartition("_")[2].isdigit() for name in names)


def _by_key(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> Scan:
    """Slower, key by key, for keys that no column of DuckDB can be called: empty, or the same but for case."""
    reader = f"read_json_objects({listed(files)}, format = '{_form(files)}') AS source(object)"
    keys = f"SELECT unnest(json_keys(object)) AS key FROM {reader} LIMIT 1000000"  # noqa: S608 - see `listed`
    names = [str(key) for (key,) in connection.sql(f"SELECT key FROM ({keys}) GROUP BY key ORDER BY min(rowid)").fetchall()]  # noqa: S608
    return Scan(f"FROM {reader}", tuple(names))
