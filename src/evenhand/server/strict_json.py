"""Strict JSON: routes whose bodies are read strictly; what is unfit is refused in one line."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from evenhand.core import json_text
from evenhand.server.problems import Refused


def strict_json(content: bytes, *, depth: int = 32) -> Any:
    """The value of JSON text; raises Refused (422)."""
    try:
        return json_text.strict_json(content, depth=depth)
    except json_text.UnfitJSON as error:
        raise Refused(422, str(error)) from None


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
