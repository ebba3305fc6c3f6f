"""Assembly: routes, security and pages become one application."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from evenhand.core.errors import SpecError
from evenhand.core.store import Store
from evenhand.server import pages
from evenhand.server.api import (
    alerts,
    bounties,
    capture,
    health,
    hunting,
    jobs,
    keys,
    log,
    monitors,
    outcomes,
    reports,
    session,
    truth,
)
from evenhand.server.bounties import Bounties
from evenhand.server.captures import Captures
from evenhand.server.definitions import Definitions
from evenhand.server.pages.errors import sorry, wants_page
from evenhand.server.parsing import Parsers
from evenhand.server.problems import Refused, answer, install
from evenhand.server.security import openid
from evenhand.server.security.doors import Doors
from evenhand.server.security.ended import Ended
from evenhand.server.security.gate import Gate
from evenhand.server.security.keys import KeyRing
from evenhand.server.security.limits import Limiter
from evenhand.server.security.sessions import OneTimeTokens, Sessions, secret_of
from evenhand.server.services import Services
from evenhand.server.settings import Settings

_ROUTES = (monitors, capture, truth, outcomes, reports, bounties, hunting, alerts, jobs, keys, log, session, health)
_SAID = (
    "Capture predictions and their truth, and read what drifted. Send an API key in the header `X-API-Key`, or as"
    " `Authorization: Bearer`. Every error is a status and one line `detail`."
)


def assembled(store: Store, home: Path, settings: Settings | None = None) -> FastAPI:
    """The application over a store, with records below `home`."""
    settings = settings or Settings()
    services = _services(store, home, settings)
    app = FastAPI(
        title="evenhand", description=_SAID, version=version("evenhand"), lifespan=_lifespan(services),
        openapi_url="/api/openapi.json", docs_url=None, redoc_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.state.services = services
    install(app)
    for family in _ROUTES:
        app.include_router(family.router)
    app.include_router(openid.router)
    app.include_router(pages.router(store, Doors(services)))
    app.add_middleware(Gate, settings=settings, limiter=services.limiter, refuse=_turned_away)
    if settings.proxies:  # outermost: all that is within sees the address and the scheme that the proxy tells
        _check_proxies(settings.proxies)
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.proxies))
    return app


def _turned_away(scope: Scope, error: Refused) -> ASGIApp:
    """The answer of the gate: a page for people, JSON for programs."""
    if not wants_page(scope):
        return answer(error.status, error.detail, error.headers)
    shown = sorry(error.status, error.detail)
    shown.headers.update(error.headers)
    return shown


def _check_proxies(proxies: Sequence[str]) -> None:
    for each in proxies:
        try:
            ip_network(each)
        except ValueError:
            raise SpecError(
                f"{each!r} is no address of a proxy; give an address or a network, such as 10.0.0.7 or 10.0.0.0/24."
            ) from None


def _services(store: Store, home: Path, settings: Settings) -> Services:
    return Services(
        store=store, home=home, settings=settings, captures=Captures(home), parsers=Parsers(settings),
        keys=KeyRing(store), sessions=Sessions(secret_of(home), settings.session, Ended(home)),
        tokens=OneTimeTokens(), limiter=Limiter(settings.rates.burst), definitions=Definitions(store),
        bounties=Bounties(store, home),
    )  # fmt: skip


def _lifespan(services: Services) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        try:
            yield
        finally:
            services.parsers.close()
            services.bounties.close()

    return lifespan
