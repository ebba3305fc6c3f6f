"""A record as one line of JSON, whatever a service puts into it: dates, NumPy's numbers, NaN."""

import json
import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

LONGEST = 1_000_000


def line_of(record: Mapping[str, Any]) -> bytes:
    """The record as JSON without line breaks; NaN and infinities become null, which means missing.

    Raises ValueError or TypeError for what cannot be written, and for more than a megabyte.
    """
    try:
        text = json.dumps(record, default=_plain, allow_nan=False, separators=(",", ":"))
    except ValueError:
        text = json.dumps(_finite(record), allow_nan=False, separators=(",", ":"))
    line = text.encode("ascii")
    if len(line) > LONGEST:
        raise ValueError(f"A record of {len(line):,} bytes; at most {LONGEST:,} are sent.")
    return line


def _plain(value: Any) -> Any:
    """A value of another library as Python's own; NumPy's scalars and arrays have `tolist`."""
    if isinstance(value, date):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, UUID):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"A {type(value).__name__} cannot be written as JSON.")


def _finite(value: Any) -> Any:
    """The value with null for every number that JSON does not have."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    if value is None or isinstance(value, (str, int)):
        return value
    return _finite(_plain(value))
