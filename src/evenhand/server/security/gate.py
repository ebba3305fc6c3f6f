"""Gate: the outermost layer — host names, sizes, rates, foreign pages, and headers on every answer."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evenhand.server.problems import Refused
from evenhand.server.security.limits import Limiter
from evenhand.server.security.origins import foreign
from evenhand.server.settings import Settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_LONG_PATH = 2_000

# The answer to a request that is turned away: a page for browsers, JSON for programs.
Refuse = Callable[[Scope, Refused], ASGIApp]


class Gate:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp, settings: Settings, limiter: Limiter, refuse: Refuse) -> None:
        self._app = app
        self._refuse = refuse
        self._settings = settings
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it here."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return None  # no websockets here
        guarded = _guarded(send)
        try:
            self._check(HTTPConnection(scope))
            limited = _Limited(receive, self._most(scope), self._settings.sizes.seconds)
            await self._app(scope, limited, guarded)
        except Refused as error:
            await self._refuse(scope, error)(scope, receive, guarded)

    def _check(self, request: HTTPConnection) -> None:
        if _name(request.headers.get("host", "")) not in self._settings.hosts:
            raise Refused(HTTPStatus.BAD_REQUEST, "This server does not go by that name (Host); see its setting hosts.")
        if len(request.scope.get("raw_path") or b"") > _LONG_PATH:
            raise Refused(HTTPStatus.REQUEST_URI_TOO_LONG, "The path is too long.")
        if foreign(request):
            raise Refused(403, "Pages of other sites may not send requests here (Origin).")
        address = request.client.host if request.client is not None else "unknown"
        wait = self._limiter.wait(f"address {address}", self._settings.rates.address)
        if wait > 0:
            raise Refused(429, "Too many requests; wait and try again.", {"Retry-After": str(int(wait) + 1)})
        length = request.headers.get("content-length", "0")
        most = self._most(request.scope)
        if not length.isdecimal() or len(length) > 15:
            raise Refused(400, "Content-Length is no number.")
        if int(length) > most:
            raise too_large(most)

    def _most(self, scope: Scope) -> int:
        path, sizes = scope["path"], self._settings.sizes
        if (
            scope["method"] == "POST"
            and path.startswith("/api/monitors/")
            and path.endswith(("/predictions", "/truth"))
        ):
            return sizes.upload
        if scope["method"] == "PUT" and path.startswith("/api/bounties/") and path.endswith("/payloads"):
            return sizes.payload
        if scope["method"] == "POST" and path.startswith("/bounties/") and path.endswith("/submissions"):
            return sizes.payload
        return sizes.report if path.startswith("/api/reports") or path.endswith("/baseline") else sizes.body


def too_large(most: int, do: str = "send it in parts") -> Refused:
    """The refusal of a body larger than this."""
    # Else a server reads on, and drops, whatever is still sent.
    return Refused(413, f"The body is larger than {most:,} bytes; {do}.", {"Connection": "close"})


class _Limited:
    """Receives a body, up to a size and within a time."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive = receive
        self._left = self._most = most
        self._seconds = seconds
        self._ends: float | None = None
        self._whole = False

    async def __call__(self) -> Message:
        """The next part; raises Refused."""
        if self._whole:
            return await self._receive()
        loop = asyncio.get_running_loop()
        self._ends = self._ends or loop.time() + self._seconds
        try:
            async with asyncio.timeout_at(self._ends):
                message = await self._receive()
        except TimeoutError:
            raise Refused(408, f"The body took longer than {self._seconds:g} seconds to arrive.") from None
        self._left -= len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._left < 0:
            raise too_large(self._most)
        return message


def _guarded(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: Any = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return guarded


def _name(host: str) -> str:
    """The name in a Host header, without the port."""
    host = host.lower()
    if host.startswith("["):
        return host[: host.find("]") + 1]
    return host.partition(":")[0]
