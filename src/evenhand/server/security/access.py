"""Access: who sends a request, and whether they may."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from evenhand.core.store import Key
from evenhand.server.problems import Refused
from evenhand.server.security.origins import check_origin
from evenhand.server.security.sessions import COOKIE
from evenhand.server.services import Services, services_of
from evenhand.server.settings import Scope

_header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="key", description="An API key.")
_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="An API key.")
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, scheme_name="session", description="A session of a browser.")


@dataclass(frozen=True)
class Caller:
    """Who asks: the holder of a key, or a person with a session."""

    name: str
    scopes: frozenset[Scope]
    key: int | None = None

    def may(self, scope: Scope) -> bool:
        """Whether this is allowed; those who may administer may do everything."""
        return scope in self.scopes or "admin" in self.scopes


async def caller_of(
    request: Request,
    header: Annotated[str | None, Security(_header)] = None,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None,
    cookie: Annotated[str | None, Security(_cookie)] = None,
) -> Caller | None:
    """Who asks; None for strangers; raises Refused for a wrong key and for too many requests."""
    services = services_of(request)
    text = header if header is not None else bearer.credentials if bearer is not None else None
    if text is not None:
        key = services.keys.at_hand(text)
        caller: Caller | None = (
            _holder(key) if key is not None else await run_in_threadpool(by_key, services, text, address_of(request))
        )
    else:
        caller = await run_in_threadpool(by_session, services, cookie) if cookie else None
        if caller is not None:
            check_origin(request)
    if caller is not None:
        check_rate(services, f"caller {caller.name} {caller.key}", services.settings.rates.key)
    return caller


def needs(*scopes: Scope) -> Callable[..., Coroutine[Any, Any, Caller]]:
    """A dependency that lets only callers pass who may do one of these."""
    wanted = " or ".join(map(repr, scopes))

    async def passing(caller: Annotated[Caller | None, Depends(caller_of)]) -> Caller:
        if caller is None:
            raise Refused(401, "This needs an API key in the header X-API-Key, or a session.", _CHALLENGE)
        if not any(caller.may(scope) for scope in scopes):
            held = ", ".join(sorted(caller.scopes)) or "nothing"
            raise Refused(403, f"This needs the scope {wanted}; yours is: {held}.")
        return caller

    return passing


def address_of(request: HTTPConnection) -> str:
    """Where a request comes from."""
    return request.client.host if request.client is not None else "unknown"


_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="evenhand"'}


def by_key(services: Services, text: str, address: str) -> Caller:
    """The holder of a key; raises Refused (401, or 429 after many wrong ones)."""
    key = services.keys.key(text)
    if key is None:
        check_rate(services, f"refused {address}", services.settings.rates.refused)
        raise Refused(401, "The API key is unknown, expired or revoked; ask an administrator for one.", _CHALLENGE)
    return _holder(key)


def _holder(key: Key) -> Caller:
    return Caller(f"key {key.name}", frozenset(key.scopes), key.id)


def by_session(services: Services, cookie: str) -> Caller | None:
    """Who has a session; None where the cookie is not ours, has ended, or its key was revoked."""
    content = services.sessions.content(cookie)
    if content is None:
        return None
    key = content.get("key")
    if key is not None and not services.keys.opens(key):
        return None
    return Caller(str(content["who"]), frozenset(content["scopes"]), key)


def check_rate(services: Services, name: str, rate: float) -> None:
    """Count a request; raises Refused (429) where there were too many."""
    wait = services.limiter.wait(name, rate)
    if wait > 0:
        raise Refused(429, "Too many requests; wait and try again.", {"Retry-After": str(int(wait) + 1)})


Reader = Annotated[Caller, Depends(needs("read"))]
Submitter = Annotated[Caller, Depends(needs("submit"))]
Onlooker = Annotated[Caller, Depends(needs("read", "submit", "hunt"))]
Hunter = Annotated[Caller, Depends(needs("hunt", "submit"))]
Stranger = Annotated[Caller | None, Depends(caller_of)]
Admin = Annotated[Caller, Depends(needs("admin"))]
