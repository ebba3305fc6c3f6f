"""Settled types: a guess from the first rows is checked to the last, for the engine bends what comes late."""

from collections.abc import Sequence

import duckdb

from evenhand.sources.scan import aliases

_WHOLE = ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "INTEGER", "SMALLINT", "TINYINT")
# What a column may be read as at first, so that nothing is bent: 0.5 would be rounded, and yes be read as true.
_LOOSE = {"BIGINT": "DOUBLE", "BOOLEAN": "VARCHAR"}
_ODD = {
    "BIGINT": "bool_or(NOT isfinite({0}) OR {0} <> trunc({0}) OR abs({0}) > 9e18)",
    "BOOLEAN": "bool_or(lower({0}) NOT IN ('true', 'false'))",
}


def as_text_or_number(kind: str) -> str:
    """The type to read a guessed type as: dates and the like stay the text they are."""
    if kind in _WHOLE:
        return "BIGINT"
    kept = kind in ("DOUBLE", "BOOLEAN", "JSON", "VARCHAR") or kind.startswith(("STRUCT", "MAP")) or "[" in kind
    return kind if kept else "VARCHAR"


def loosened(types: Sequence[str]) -> list[str]:
    """The types to read with at first."""
    return [_LOOSE.get(kind, kind) for kind in types]


def settled(connection: duckdb.DuckDBPyConnection, query: str, types: Sequence[str]) -> tuple[list[str], int]:
    """The types that hold every row of a query read with `loosened` types, and the number of rows.

    Reading every value once also brings to light what does not fit its type, or is no text at all.
    """
    tests = [
        _ODD.get(kind, "count({0}) < 0").format(alias) for alias, kind in zip(aliases(len(types)), types, strict=True)
    ]
    ((rows, *odd),) = connection.sql(f"SELECT count(*), {', '.join(tests)} FROM ({query})").fetchall()  # noqa: S608 - our own query
    return [_LOOSE[kind] if bent else kind for kind, bent in zip(types, odd, strict=True)], int(rows)
