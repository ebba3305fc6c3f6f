"""Plain JSON: text of strangers becomes a value, without duplicate keys, NaN, numbers out of range or deep nesting."""

import json
import math
import re
from typing import Any, NoReturn

from evenhand.core.errors import GroupSyntaxError

_LARGEST = 2**63 - 1
# A text that never ends matches up to the end; else every quote within it would be tried as a beginning.
_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def plain_json(content: bytes, *, depth: int) -> Any:
    """The value of JSON text that is nested at most so deep; raises GroupSyntaxError."""
    _check_depth(content, depth)
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_float,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise GroupSyntaxError(f"The group is not JSON: {error.msg} at character {error.pos}.") from None
    except UnicodeError:
        raise GroupSyntaxError("The group is not UTF-8 text, or holds half a character.") from None
    return value


def _check_depth(content: bytes, most: int) -> None:
    depth = 0
    for found in _MARKS.finditer(content):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(found[0], 0)
        if depth > most:
            raise GroupSyntaxError(f"The JSON is nested deeper than {most}; write the group flatter.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise GroupSyntaxError(f"The key {key[:100]!r} comes twice in one object of the group.")
        seen.add(key)
    return dict(pairs)


def _no_constant(name: str) -> NoReturn:
    raise GroupSyntaxError(f"{name} is no JSON; use 'isnull' for rows without a value.")


def _integer(digits: str) -> int:
    value = int(digits) if len(digits) <= 20 else _LARGEST + 1
    if abs(value) > _LARGEST:
        raise GroupSyntaxError(f"The integer {digits[:24]}… is beyond 64 bits.")
    return value


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise GroupSyntaxError(f"The number {digits[:24]}… is larger than any that is kept.")
    return value
