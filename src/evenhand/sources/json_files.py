"""JSON files: an array of objects, or one object a line."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from evenhand.core.errors import UnreadableSource
from evenhand.sources.connection import literal
from evenhand.sources.scan import Scan, aliases, listed
from evenhand.sources.settled_types import as_text_or_number, loosened, settled

_EVERY = -1
_FIRST = 20_480
_FORMS: dict[str, set[str | None]] = {
    "BIGINT": {"BIGINT", "UBIGINT"},
    "DOUBLE": {"BIGINT", "UBIGINT", "DOUBLE"},
    "BOOLEAN": {"BOOLEAN"},
}


def scan(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], location: str) -> Scan:
    """How to read these files; types are guessed from the first objects and, where later ones differ, from all."""
    try:
        names, types = _guess(connection, files, _FIRST)
    except duckdb.BinderException:
        return _by_key(connection, files, location)
    if len({name.casefold() for name in names}) < len(names) or _renamed(names):
        return _by_key(connection, files, location)
    try:
        kinds, height = settled(connection, _query(files, names, loosened(types)), types)
    except duckdb.InvalidInputException:
        names, types = _guess(connection, files, _EVERY)
        kinds, height = settled(connection, _query(files, names, loosened(types)), types)
    return Scan(_query(files, names, kinds), tuple(names), height=height)


def _form(files: Sequence[Path]) -> str:
    return "newline_delimited" if {".jsonl", ".ndjson"} & set(files[0].suffixes) else "auto"


def _guess(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], sample: int) -> tuple[list[str], list[str]]:
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


def _by_key(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], location: str) -> Scan:
    """Slower, key by key, for keys that no column of DuckDB can be called: empty, or the same but for case."""
    reader = f"read_json_objects({listed(files)}, format = '{_form(files)}') AS source(object)"
    placed = f"SELECT json_keys(object) AS keys, row_number() OVER () AS place FROM {reader}"  # noqa: S608 - see `listed`
    found = connection.sql(f"SELECT keys FROM ({placed}) GROUP BY keys ORDER BY min(place)").fetchall()  # noqa: S608 - as above
    names = list(dict.fromkeys(str(key) for (keys,) in found for key in keys or ()))
    if not names:
        raise UnreadableSource(
            f"{location} does not hold objects; write one object a line (.jsonl) or an array of objects (.json)."
        )
    kinds = ", ".join(f"list(DISTINCT json_type(object, {_pointer(name)}))" for name in names)
    (forms,) = connection.sql(f"SELECT {kinds} FROM {reader}").fetchall()  # noqa: S608 - as above
    columns = [
        f"{_value(name, set(form or ()))} AS c{place}"
        for place, (name, form) in enumerate(zip(names, forms, strict=True))
    ]
    return Scan(f"SELECT {', '.join(columns)} FROM {reader}", tuple(names))  # noqa: S608 - as above


def _value(name: str, forms: set[str | None]) -> str:
    """The SQL for the value of a key that takes these forms of JSON."""
    forms -= {None, "NULL"}
    text = f"(object ->> {_pointer(name)})"
    for kind, held in {
        "BIGINT": {"BIGINT", "UBIGINT"},
        "DOUBLE": {"BIGINT", "UBIGINT", "DOUBLE"},
        "BOOLEAN": {"BOOLEAN"},
    }.items():
        if forms and forms <= held:
            return f"{text}::{kind}"
    return text


def _pointer(name: str) -> str:
    return literal("/" + name.replace("~", "~0").replace("/", "~1"))
