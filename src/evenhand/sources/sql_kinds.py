"""Kinds of columns in a database, and the columns tidied so that all databases give the same values."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from evenhand.core.values import Kind

_PAGE = 300  # columns asked about in one query; SQLite takes at most 2,000 results
_INTEGERS, _FLOATS = ("int2", "int4", "int8"), ("float4", "float8", "numeric")
_CATEGORIES: dict[str, Kind] = {"N": "number", "S": "text", "E": "text", "B": "boolean"}


def typed(connection: sa.Connection, given: sa.Subquery) -> tuple[list[Kind], sa.Subquery]:
    """The kind of each column, and the columns again: NaN as missing, decimals as floats, categories as text."""
    find = {"postgresql": _postgresql, "sqlite": _sqlite}.get(connection.dialect.name, _declared)
    kinds: list[Kind] = []
    columns: list[sa.Label[Any]] = []
    for start in range(0, len(given.c), _PAGE):
        for kind, column in find(connection, given, list(given.c)[start : start + _PAGE]):
            columns.append(column.label(f"c{len(kinds)}"))
            kinds.append(kind)
    return kinds, sa.select(*columns).subquery("source")


Columns = Sequence[sa.ColumnElement[Any]]
Typed = list[tuple[Kind, sa.ColumnElement[Any]]]


def _postgresql(connection: sa.Connection, given: sa.Subquery, columns: Columns) -> Typed:
    types = sa.table("pg_type", sa.column("oid"), sa.column("typcategory"), sa.column("typname"), schema="pg_catalog")
    asked = []
    for column in columns:
        for answer in (types.c.typcategory, types.c.typname):
            mine = sa.select(sa.cast(answer, sa.Text)).where(types.c.oid == sa.func.pg_typeof(column))
            asked.append(mine.correlate(given).scalar_subquery())
    row = connection.execute(sa.select(*asked).select_from(given).limit(1)).first()
    answers = list(row) if row is not None else ["", ""] * len(columns)
    return [
        _tidy_postgresql(column, answers[2 * place], answers[2 * place + 1]) for place, column in enumerate(columns)
    ]


def _tidy_postgresql(column: sa.ColumnElement[Any], category: str, name: str) -> tuple[Kind, sa.ColumnElement[Any]]:
    kind = _CATEGORIES.get(category, "other")
    if kind == "number" and name not in _INTEGERS + _FLOATS:
        kind = "other"  # money and object ids do not turn into floats
    if kind == "text":
        return kind, sa.cast(column, sa.Text)
    if kind == "number" and name not in _INTEGERS:
        number = sa.cast(column, sa.Double)
        return kind, sa.func.nullif(number, sa.cast("NaN", sa.Double), type_=sa.Double)
    if kind == "other":
        return kind, column
    return kind, sa.type_coerce(column, sa.BigInteger() if kind == "number" else sa.Boolean())


def _sqlite(connection: sa.Connection, given: sa.Subquery, columns: Columns) -> Typed:
    # A column of SQLite may hold anything whatever its declared type, so the values are looked at.
    asked = []
    for column in columns:
        form = sa.func.typeof(column)
        asked += [sa.func.sum(sa.case((form == name, 1), else_=0)) for name in ("integer", "real", "text", "blob")]
        asked += [sa.func.sum(sa.case((sa.type_coerce(column, sa.Integer).in_([0, 1]), 1), else_=0))]
    row = [int(number or 0) for number in connection.execute(sa.select(*asked).select_from(given)).one()]
    return [_tidy_sqlite(column, *row[5 * place : 5 * place + 5]) for place, column in enumerate(columns)]


def _tidy_sqlite(
    column: sa.ColumnElement[Any], whole: int, real: int, text: int, blob: int, binary: int
) -> tuple[Kind, sa.ColumnElement[Any]]:
    if isinstance(column.type, sa.Boolean) and binary == whole and not real + text + blob:
        return "boolean", sa.type_coerce(column, sa.Boolean)
    if text:
        return "text", sa.cast(column, sa.Text)
    if blob:
        return "other", sa.func.hex(column, type_=sa.Text)
    if whole + real:
        return "number", sa.type_coerce(column, sa.types.NullType())
    declared = _kind(column.type)
    return declared, sa.type_coerce(column, sa.types.NullType())


def _declared(connection: sa.Connection, given: sa.Subquery, columns: Columns) -> Typed:
    first = connection.execute(sa.select(*columns).select_from(given).limit(1000)).all()
    found: Typed = []
    for place, column in enumerate(columns):
        values = [row[place] for row in first if row[place] is not None]
        kind = _kind(column.type) if not isinstance(column.type, sa.types.NullType) else _kind_of_values(values)
        exact = kind == "number" and not isinstance(column.type, sa.Integer)
        found.append((kind, sa.cast(column, sa.Double) if exact else column))
    return found


def _kind(declared: sa.types.TypeEngine[Any]) -> Kind:
    if isinstance(declared, sa.Boolean):
        return "boolean"
    if isinstance(declared, (sa.Numeric, sa.Integer)):
        return "number"
    return "text" if isinstance(declared, sa.String) else "other"


def _kind_of_values(values: list[Any]) -> Kind:
    if values and all(isinstance(value, bool) for value in values):
        return "boolean"
    if values and all(hasattr(value, "__float__") for value in values):
        return "number"
    return "text" if values and all(isinstance(value, str) for value in values) else "other"
