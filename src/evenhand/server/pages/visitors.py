"""Visitors: who looks at a page and what they may do; pages ask the server's security through this door."""

from dataclasses import dataclass
from typing import Literal, Protocol

from fastapi import Request, Response

Scope = Literal["read", "submit", "admin", "hunt"]


@dataclass(frozen=True)
class Visitor:
    """Who is signed in, what they may do, the token that their forms carry, and the number of their API key."""

    name: str
    scopes: frozenset[Scope]
    token: str
    key: int | None = None

    def may(self, *scopes: Scope) -> bool:
        """Whether one of these scopes is theirs; who may administer may do everything."""
        return "admin" in self.scopes or not self.scopes.isdisjoint(scopes)


class Access(Protocol):
    """What pages need of the server's security."""

    def visitor(self, request: Request) -> Visitor | None:
        """Who this is; None for somebody who has to sign in."""

    def genuine(self, request: Request, token: str) -> bool:
        """Whether a form with this token is from one of our pages, compared in constant time."""

    def sign_in(self, request: Request, response: Response, key: str) -> bool:
        """Open a session by an API key and set its cookie on the response; False where the key opens nothing."""

    def sign_out(self, request: Request, response: Response) -> None:
        """End the session and take back its cookie."""

    def anonymous_token(self, request: Request, response: Response) -> str:
        """A token for the form that signs in, tied to a cookie set on the response."""

    @property
    def elsewhere(self) -> str | None:
        """Where to sign in with OpenID Connect, if that is set up."""


class SignInNeeded(Exception):
    """Nobody is signed in."""


class NotAllowed(Exception):
    """Who is signed in may not do this, or the form is not from one of our pages."""


def visitor(access: Access, request: Request, *scopes: Scope) -> Visitor:
    """Who this is; raises SignInNeeded, or NotAllowed where none of the scopes is theirs."""
    found = access.visitor(request)
    if found is None:
        raise SignInNeeded
    if not found.may(*scopes):
        wanted = " or ".join(map(repr, scopes))
        raise NotAllowed(f"This needs the scope {wanted}; {found.name!r} has {', '.join(sorted(found.scopes))}.")
    return found


def sender(access: Access, request: Request, scope: Scope | tuple[Scope, ...], token: str) -> Visitor:
    """Who sends a form; raises as `visitor` does, and NotAllowed where the token is not that of a page of ours."""
    found = visitor(access, request, *((scope,) if isinstance(scope, str) else scope))
    if not access.genuine(request, token):
        raise NotAllowed("This form was not sent from one of our pages, or the session has ended; open the page anew.")
    return found


def local(place: str) -> str:
    """A place on this server to go to after signing in; the front page where it is none."""
    plain = place.isascii() and place.isprintable() and "\\" not in place
    return place if plain and place.startswith("/") and not place.startswith("//") else "/"
