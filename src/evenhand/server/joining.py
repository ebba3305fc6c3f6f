"""Joining: a team enters a bounty with its API key, or with the invitation for a new one."""

from typing import Protocol

from fastapi import Request

from evenhand.core.bounty import Team
from evenhand.core.errors import DataError
from evenhand.core.store import Store
from evenhand.server.problems import Refused
from evenhand.server.security.access import address_of, check_rate
from evenhand.server.services import Services, services_of
from evenhand.server.settings import Scope


class Joiner(Protocol):
    """Who joins: whoever has a key or a session."""

    @property
    def name(self) -> str:
        """For the log."""

    @property
    def key(self) -> int | None:
        """The number of their API key."""

    def may(self, scope: Scope, /) -> bool:
        """Whether this is allowed."""


def may_hunt(who: Joiner | None) -> bool:
    """Whether they have a key that may speak for a team of a bounty."""
    return who is not None and who.key is not None and (who.may("hunt") or who.may("submit"))


def joined(
    request: Request, name: str, team: str, invitation: str | None, caller: Joiner | None
) -> tuple[Team, str | None]:
    """The new team, and the text of its key where that is new; raises Refused.

    With an invitation there is always a new key, and the owner needs none for that.
    """
    services = services_of(request)
    services.bounties.rules(name)
    own = caller.key if invitation is None and caller is not None and may_hunt(caller) else None
    owner = caller is not None and caller.may("admin")
    if own is None and not owner:
        _check_invitation(request, services, name, invitation)
    if not owner:
        check_rate(services, f"joins {address_of(request)}", services.settings.rates.joins)
    why = services.bounties.over(name)
    if why is not None:
        raise Refused(409, why)
    _check_name(services, name, team)
    who = caller.name if caller is not None else f"team {team}"
    text: str | None = None
    if own is None:
        found, text = _with_new_key(services, name, team)
    else:
        found = _entered(services.store, name, team, own)
    services.store.note(who, "joined a bounty", f"{name} {team}")
    return found, text


def _check_invitation(request: Request, services: Services, name: str, invitation: str | None) -> None:
    """Raise Refused where a stranger has none, or another one; guesses are counted."""
    if invitation is None:
        raise Refused(401, "Joining needs an API key with the scope 'hunt', or the invitation of the bounty.")
    check_rate(services, f"guesses {address_of(request)}", services.settings.rates.refused)
    if not services.store.invited(name, invitation):
        raise Refused(403, f"This is not the invitation of the bounty {name!r}; ask its owner.")


def _check_name(services: Services, name: str, team: str) -> None:
    known = [each.name for each in services.store.teams(name)]
    if len(known) >= services.settings.hunting.teams:
        raise Refused(409, f"The bounty {name!r} has {len(known):,} teams, as many as it can have.")
    same = next((each for each in known if each.lower() == team.lower()), None)
    if same is not None:
        raise Refused(409, f"The team {same!r} is in {name!r} already; take another name.")


def _entered(store: Store, name: str, team: str, key: int | None) -> Team:
    try:
        return store.join(name, team, key)
    except DataError as error:
        raise Refused(409, str(error)) from None


def _with_new_key(services: Services, name: str, team: str) -> tuple[Team, str]:
    key, text = services.store.add_key(f"{name} {team}", ("hunt",), None)
    try:
        return _entered(services.store, name, team, key.id), text
    except Refused:
        services.store.revoke(key.id)
        raise
