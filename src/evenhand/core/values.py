"""Values of columns: their kinds, how they are written in text forms, and how text becomes a value of a column."""

import json
import math
import re
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from evenhand.core.errors import DataError

Value = bool | int | float | str
Level = Value | None  # a value of a key column; None: missing
Kind = Literal["number", "text", "boolean", "other"]

_SPECIAL = re.compile(r'[=<>!&|~(),"@\x00-\x1f\x7f]')
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def quoted(name: str) -> str:
    """A column name as a text form writes it: bare where that reads back, else in double quotes."""
    plain = name.strip() == name != "" and not _SPECIAL.search(name) and not name.isspace()
    plain = plain and " is " not in f"{name} " and not isinstance(bare(name), (bool, int, float))
    return name if plain else json.dumps(name, ensure_ascii=False)


def written(value: Level) -> str:
    """A value as a text form writes it; `bare` and the quotes read it back."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return quoted(value)


def bare(word: str) -> Value:
    """What an unquoted word means: true, false, a number, or text."""
    if word in ("true", "false"):
        return word == "true"
    if _NUMBER.fullmatch(word):
        number = float(word)
        if re.fullmatch(r"[+-]?\d+", word):
            return int(word)
        return number if math.isfinite(number) else word
    return word


def normalised(value: Any) -> Level:
    """A cell of any engine as a plain value, so that every source gives the same levels: 25.0 is 25, NaN is missing."""
    if value is None or value is np.ma.masked:
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, str):
        return str(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None if str(value) == "NaT" else str(value)
    if math.isnan(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def order(level: Level) -> tuple[int, float, str]:
    """A key that sorts levels of mixed types: numbers, then text, then missing."""
    if level is None:
        return (2, 0.0, "")
    if isinstance(level, str):
        return (1, 0.0, level)
    return (0, float(level), str(level))


def coerced(column: str, kind: Kind, values: Sequence[Value]) -> list[Value]:
    """The values in the type of the column, so that `1` also finds the text "1"; raises DataError."""
    return [_coerced_one(column, kind, value) for value in values]


def _coerced_one(column: str, kind: Kind, value: Value) -> Value:
    if kind in ("text", "other"):
        return value if isinstance(value, str) else written(value)
    if kind == "boolean":
        as_boolean = _as_boolean(value)
        if as_boolean is None:
            raise DataError(f"Column {column!r} is true or false, so {value!r} cannot occur in it; use true or false.")
        return as_boolean
    if isinstance(value, bool):
        return int(value)
    number = bare(value.strip()) if isinstance(value, str) else value
    if isinstance(number, str):
        raise DataError(f"Column {column!r} holds numbers, so {value!r} cannot occur in it; give a number.")
    return number


def _as_boolean(value: Value) -> bool | None:
    text = str(value).strip().lower()
    return {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}.get(text)
