"""JSON text of strangers: no duplicate keys, no NaN, no deep nesting, no half characters — each said in one line."""

import json
import math
import re
from collections import Counter
from typing import Any, NoReturn

_LARGEST = 2**63 - 1
_PAIRS = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))
# A string that never ends matches too, up to the end: else every quote within it would be tried as a beginning.
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


class UnfitJSON(ValueError):
    """Bytes that are no JSON, or JSON that is not read; its text says why."""


def strict_json(content: bytes, *, depth: int = 32, what: str = "body") -> Any:
    """The value of JSON text that is nested at most so deep; raises UnfitJSON, which calls the text `what`."""
    _check_depth(content, depth)
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_number,
        )
    except UnicodeDecodeError:
        raise UnfitJSON(f"The {what} is not UTF-8 text.") from None
    except json.JSONDecodeError as error:
        raise UnfitJSON(f"The {what} is not JSON: {error.msg} at character {error.pos}.") from None
    if b"\\u" in content:
        _check_characters(value)
    return value


def _check_depth(content: bytes, most: int) -> None:
    """Count brackets outside of strings: a parser that recurses must not see deep ones."""
    if _surely_flat(content, most):
        return
    depth = 0
    for found in _STRUCTURE.finditer(content):
        mark = found[0]
        if mark in b"[{":
            depth += 1
            if depth > most:
                raise UnfitJSON(f"The JSON is nested deeper than {most}.")
        elif mark in b"]}":
            depth -= 1


def _surely_flat(content: bytes, most: int) -> bool:
    """Whether brackets are gone after taking the innermost pairs away so many times: fast, as `replace` is.

    Each time takes away one level. What is no JSON may look flat only behind the place where the parser gives up.
    """
    if b"\\" in content:
        content = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    left = b"".join(content.split(b'"')[::2]).translate(_PAIRS, _OTHERS)
    for _ in range(most):
        if not left:
            return True
        left = left.replace(b"[]", b"")
    return not left


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = next(name for name, number in times.items() if number > 1)
        raise UnfitJSON(f"The key {twice[:100]!r} comes twice in one object.")
    return found


def _no_constant(name: str) -> NoReturn:
    raise UnfitJSON(f"{name} is no JSON; write null where there is no value.")


def _integer(digits: str) -> int:
    # Beyond 20 characters no integer fits 64 bits, and int() of very long text is slow.
    value = int(digits) if len(digits) <= 20 else _LARGEST + 1
    if abs(value) > _LARGEST:
        raise UnfitJSON(f"The integer {digits[:24]}… is beyond 64 bits; send it as text.")
    return value


def _number(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise UnfitJSON(f"The number {digits[:24]}… is larger than any that is kept; send it as text.")
    return value


def _check_characters(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise UnfitJSON("The JSON holds half of a surrogate pair, which is no character.") from None
