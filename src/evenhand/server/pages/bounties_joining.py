"""Joining from a browser: with the key of a session, or with an invitation, for which there is a new key."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from evenhand.core.bounty import NAME
from evenhand.server.joining import joined, may_hunt
from evenhand.server.pages.places import of_bounty
from evenhand.server.pages.shell import HEADERS, House, page
from evenhand.server.pages.visitors import NotAllowed
from evenhand.server.problems import Refused
from evenhand.server.services import services_of


def add(routes: APIRouter, house: House) -> None:
    """The page of those who join — strangers see a bounty's title here, and nothing else — and its form."""

    @routes.get("/bounties/{name}/join")
    def door(request: Request, name: str) -> Response:
        return _door(house, request, name)

    @routes.post("/bounties/{name}/join")
    def join(
        request: Request,
        name: str,
        token: Annotated[str, Form()] = "",
        team: Annotated[str, Form()] = "",
        invitation: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        if not house.access.genuine(request, token):
            raise NotAllowed("This form was not sent from our page, or it is too old; open the page anew.")
        who, team = house.access.visitor(request), team.strip()
        try:
            if not NAME.fullmatch(team):
                raise Refused(422, "A team's name has up to 64 letters, digits, dots and dashes.")
            _, key = joined(request, name, team, invitation.strip() or None, who)
        except Refused as error:
            return _door(house, request, name, wrong=error, team=team)
        return _entered(house, request, name, team, key)


def _door(house: House, request: Request, name: str, *, wrong: Refused | None = None, team: str = "") -> Response:
    rules = services_of(request).bounties.rules(name)
    who, cookies = house.access.visitor(request), Response()
    seal = who.token if who is not None else house.access.anonymous_token(request, cookies)
    shown = page(
        "bounty_join.html", who, wrong.status if wrong is not None else 200, rules=rules, seal=seal, team=team,
        wrong=wrong.detail if wrong is not None else None, own=may_hunt(who),
    )  # fmt: skip
    for cookie in cookies.headers.getlist("set-cookie"):
        shown.headers.append("set-cookie", cookie)
    return shown


def _entered(house: House, request: Request, name: str, team: str, key: str | None) -> Response:
    """The bounty's page; where there is a new key, it is shown once, and opens a session for strangers."""
    if key is None:
        return RedirectResponse(of_bounty(name) + "#mine", 303, headers=HEADERS)
    cookies = Response()
    who = house.access.visitor(request)
    if who is None:
        house.access.sign_in(request, cookies, key)
    rules = services_of(request).bounties.rules(name)
    shown = page("bounty_joined.html", who, rules=rules, team=team, key=key, signed_in=who is None)
    for cookie in cookies.headers.getlist("set-cookie"):
        shown.headers.append("set-cookie", cookie)
    return shown
