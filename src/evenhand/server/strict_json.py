"""Strict JSON: no duplicate keys, no NaN, no deep nesting, no half characters — each refused in one line."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from evenhand.server.problems import Refused

LARGEST = 2**63 - 1
_PAIRS = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))
# A string that never ends matches too, up to the end: else every quote within it would be tried as a beginning.
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def strict_json(content: bytes, *, depth: int = 32) -> Any:
    """The value of JSON text; raises Refused (422)."""
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
        raise Refused(422, "The body is not UTF-8 text.") from None
    except json.JSONDecodeError as error:
        raise Refused(422, f"The body is not JSON: {error.msg} at character {error.pos}.") from None
    if b"\\u" in content:
        _check_characters(value)
    return value


class StrictRequest(Request):
    """A request whose JSON is read strictly."""

    async def json(self) -> Any:
        """The body's value; raises HTTPException, the one that the framework passes on as it is."""
        try:
            return strict_json(await self.body())
        except Refused as error:
            raise HTTPException(error.status, error.detail, error.headers) from None


class StrictRoute(APIRoute):
    """A route that reads JSON strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, given a StrictRequest."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return strict


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
                raise Refused(422, f"The JSON is nested deeper than {most}.")
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
        raise Refused(422, f"The key {twice[:100]!r} comes twice in one object.")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Refused(422, f"{name} is no JSON; write null where there is no value.")


def _integer(digits: str) -> int:
    # Beyond 20 characters no integer fits 64 bits, and int() of very long text is slow.
    value = int(digits) if len(digits) <= 20 else LARGEST + 1
    if abs(value) > LARGEST:
        raise Refused(422, f"The integer {digits[:24]}… is beyond 64 bits; send it as text.")
    return value


def _number(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise Refused(422, f"The number {digits[:24]}… is larger than any that is kept; send it as text.")
    return value


def _check_characters(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Refused(422, "The JSON holds half of a surrogate pair, which is no character.") from None
