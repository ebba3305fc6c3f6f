"""The shell of every page: what it is made from, and routes whose errors are pages too."""

import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from evenhand.core.errors import EvenhandError
from evenhand.core.store import Store
from evenhand.server.pages import errors
from evenhand.server.pages.templates_of import HEADERS, POLICY, back, brief, page, part, static
from evenhand.server.pages.visitors import Access, NotAllowed, SignInNeeded
from evenhand.server.problems import Refused

__all__ = ["HEADERS", "POLICY", "House", "PageRoute", "back", "brief", "page", "part", "static"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class House:
    """What every page is made from."""

    store: Store
    access: Access


class PageRoute(APIRoute):
    """A route whose errors are pages too: sign in, not allowed, not found, too much, broken."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with what it raises turned into an answer."""
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handle(request)
            except SignInNeeded:
                return errors.to_sign_in(request)
            except NotAllowed as error:
                return errors.sorry(403, str(error))
            except (Refused, RequestValidationError, EvenhandError) as error:
                return errors.answer(request, error)
            except Exception as error:
                _LOG.exception("The page %s could not be made", request.url.path)
                return errors.answer(request, error)

        return answered
