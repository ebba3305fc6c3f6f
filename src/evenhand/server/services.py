"""Services: what every route of a server works with."""

from dataclasses import dataclass
from pathlib import Path

from fastapi import Request

from evenhand.core.store import Store
from evenhand.server.bounties import Bounties
from evenhand.server.captures import Captures
from evenhand.server.definitions import Definitions
from evenhand.server.parsing import Parsers
from evenhand.server.security.keys import KeyRing
from evenhand.server.security.limits import Limiter
from evenhand.server.security.sessions import OneTimeTokens, Sessions
from evenhand.server.settings import Settings


@dataclass(frozen=True)
class Services:
    """One of these belongs to each application, as `app.state.services`."""

    store: Store
    home: Path
    settings: Settings
    captures: Captures
    parsers: Parsers
    keys: KeyRing
    sessions: Sessions
    tokens: OneTimeTokens
    limiter: Limiter
    definitions: Definitions
    bounties: Bounties


def services_of(request: Request) -> Services:
    """The services of the application that a request came to."""
    found = request.app.state.services
    assert isinstance(found, Services)  # noqa: S101 - set when the application was built
    return found
