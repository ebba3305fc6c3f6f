"""The way in and out: signing in with a key, or elsewhere with OpenID Connect; signing out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from evenhand.server.pages.shell import HEADERS, House, page
from evenhand.server.pages.visitors import NotAllowed, local, sender


def add(routes: APIRouter, house: House) -> None:
    """The page that signs in, and the two forms."""

    @routes.get("/sign-in")
    def door(request: Request, next: str = "/") -> Response:  # noqa: A002
        return _door(house, request, local(next))

    @routes.post("/sign-in")
    def enter(
        request: Request,
        token: Annotated[str, Form()] = "",
        key: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "/",  # noqa: A002
    ) -> Response:
        if not house.access.genuine(request, token):
            raise NotAllowed("This form was not sent from our page, or it is too old; open the page anew.")
        answer = RedirectResponse(local(next), 303, headers=HEADERS)
        if house.access.sign_in(request, answer, key.strip()):
            return answer
        return _door(house, request, local(next), wrong=True)

    @routes.post("/sign-out")
    def leave(request: Request, token: Annotated[str, Form()] = "") -> Response:
        sender(house.access, request, ("read", "submit", "hunt"), token)
        answer = RedirectResponse("/sign-in", 303, headers=HEADERS)
        house.access.sign_out(request, answer)
        return answer


def _door(house: House, request: Request, goal: str, wrong: bool = False) -> Response:
    cookies = Response()
    token = house.access.anonymous_token(request, cookies)
    status = 401 if wrong else 200
    shown = page("sign_in.html", None, status, goal=goal, wrong=wrong, seal=token, elsewhere=house.access.elsewhere)
    for cookie in cookies.headers.getlist("set-cookie"):
        shown.headers.append("set-cookie", cookie)
    return shown
