"""Assembly: routes, security and pages become one application."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from evenhand.core.store import Store
from evenhand.server import pages
from evenhand.server.api import alerts, capture, health, jobs, keys, log, monitors, outcomes, reports, session, truth
from evenhand.server.captures import Captures
from evenhand.server.parsing import Parsers
from evenhand.server.problems import install
from evenhand.server.security import openid
from evenhand.server.security.doors import Doors
from evenhand.server.security.gate import Gate
from evenhand.server.security.keys import KeyRing
from evenhand.server.security.limits import Limiter
from evenhand.server.security.sessions import OneTimeTokens, Sessions, secret_of
from evenhand.server.services import Services
from evenhand.server.settings import Settings

_ROUTES = (monitors, capture, truth, outcomes, reports, alerts, jobs, keys, log, session, health)
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
    app.add_middleware(Gate, settings=settings, limiter=services.limiter)
    return app


def _services(store: Store, home: Path, settings: Settings) -> Services:
    return Services(
        store=store, home=home, settings=settings, captures=Captures(home), parsers=Parsers(settings),
        keys=KeyRing(store), sessions=Sessions(secret_of(home), settings.session), tokens=OneTimeTokens(),
        limiter=Limiter(settings.rates.burst),
    )  # fmt: skip


def _lifespan(services: Services) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        try:
            yield
        finally:
            services.parsers.close()

    return lifespan
