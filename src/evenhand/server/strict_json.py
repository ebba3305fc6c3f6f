"""Strict JSON: no duplicate keys, no NaN, no deep nesting, no half characters — each refused in one line."""

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute

from evenhand.server.problems import Refused

LARGEST = 2**63 - 1
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


def strict_json(content: bytes, *, depth: int = 32) -> Any:
    """The value of JSON text; raises Refused (422)."""
    _check_depth(content, depth)
    try:
        value = json.loads(
            content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant, parse_int=_integer
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
        """The body's value; raises Refused."""
        return strict_json(await self.body())


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
    depth = 0
    for found in _STRUCTURE.finditer(content):
        mark = found[0]
        if mark in b"[{":
            depth += 1
            if depth > most:
                raise Refused(422, f"The JSON is nested deeper than {most}.")
        elif mark in b"]}":
            depth -= 1


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
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


def _check_characters(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Refused(422, "The JSON holds half of a surrogate pair, which is no character.") from None
