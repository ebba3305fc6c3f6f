"""Whole numbers: a column that looks whole in its first rows is checked to the last, for the engine would round."""

from collections.abc import Sequence

import duckdb

from evenhand.sources.scan import aliases

_WHOLE = ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "INTEGER", "SMALLINT", "TINYINT")


def as_text_or_number(kind: str) -> str:
    """The type to read a guessed type as: dates and the like stay the text they are."""
    if kind in _WHOLE:
        return "BIGINT"
    kept = kind in ("DOUBLE", "BOOLEAN", "JSON", "VARCHAR") or kind.startswith(("STRUCT", "MAP")) or "[" in kind
    return kind if kept else "VARCHAR"


def loosened(types: Sequence[str]) -> list[str]:
    """The types with whole numbers as floats, which hold whatever number comes."""
    return ["DOUBLE" if kind == "BIGINT" else kind for kind in types]


def settled(connection: duckdb.DuckDBPyConnection, query: str, types: Sequence[str]) -> tuple[list[str], int]:
    """The types that hold every row of a query read with `loosened` types, and the number of rows.

    Reading every value once also brings to light what does not fit its type, or is no text at all.
    """
    tests = [
        f"bool_or(NOT isfinite({alias}) OR {alias} <> trunc({alias}) OR abs({alias}) > 9e18)"
        if kind == "BIGINT"
        else f"count({alias}) = 0"
        for alias, kind in zip(aliases(len(types)), types, strict=True)
    ]
    ((rows, *broken),) = connection.sql(f"SELECT count(*), {', '.join(tests)} FROM ({query})").fetchall()  # noqa: S608 - our own query
    kinds = ["DOUBLE" if kind == "BIGINT" and odd else kind for kind, odd in zip(types, broken, strict=True)]
    return kinds, int(rows)
