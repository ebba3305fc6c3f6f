"""Settings — keys, channels, how long records are kept — and the log of who did what."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, get_args

from fastapi import APIRouter, Form, Request, Response

from evenhand.core.errors import SpecError
from evenhand.core.monitor import span
from evenhand.server.pages.shell import House, back, page
from evenhand.server.pages.visitors import Scope, Visitor, sender, visitor

LONGEST_NAME = 100
LIVES = (("30d", "30 days"), ("90d", "90 days"), ("52w", "a year"), ("", "never"))


def add(routes: APIRouter, house: House) -> None:
    """The page of settings, its forms, and the log."""

    @routes.get("/settings")
    def settings(request: Request) -> Response:
        return _settings(house, visitor(house.access, request, "admin"))

    @routes.post("/settings/keys")
    def make(
        request: Request,
        token: Annotated[str, Form()] = "",
        name: Annotated[str, Form()] = "",
        scopes: Annotated[list[str] | None, Form()] = None,
        life: Annotated[str, Form()] = "90d",
    ) -> Response:
        who = sender(house.access, request, "admin", token)
        key, text = house.store.add_key(_name(name), _scopes(scopes or []), _expiry(life))
        house.store.note(who.name, "made key", f"{key.prefix} {key.name}")
        # Not a redirect: the text is in this answer and nowhere else, ever.
        return _settings(house, who, made=text, made_name=key.name)

    @routes.post("/settings/keys/{number}/revoke")
    def revoke(request: Request, number: int, token: Annotated[str, Form()] = "") -> Response:
        who = sender(house.access, request, "admin", token)
        house.store.revoke(number)
        house.store.note(who.name, "revoked key", str(number))
        return back("/settings")

    @routes.post("/settings/keep/{monitor}")
    def keep(
        request: Request, monitor: str, token: Annotated[str, Form()] = "", keep: Annotated[str, Form()] = ""
    ) -> Response:
        who = sender(house.access, request, "admin", token)
        length = span(keep) if keep.strip() else None
        house.store.put_monitor(house.store.monitor(monitor).model_copy(update={"keep": length}))
        house.store.note(who.name, f"keeps records for {keep.strip() or 'ever'}", monitor)
        return back("/settings")

    @routes.get("/log")
    def log(request: Request) -> Response:
        who = visitor(house.access, request, "admin")
        return page("log.html", who, log=house.store.log())


def _settings(house: House, who: Visitor, made: str | None = None, made_name: str = "") -> Response:
    monitors = [house.store.monitor(name) for name in house.store.monitors()]
    return page(
        "settings.html",
        who,
        keys=house.store.keys(),
        monitors=monitors,
        made=made,
        made_name=made_name,
        scopes=get_args(Scope),
        lives=LIVES,
        now=datetime.now(UTC),
    )


def _name(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise SpecError(f"A key needs a name of 1 to {LONGEST_NAME} characters, so that people know whose it is.")
    return name


def _scopes(texts: list[str]) -> tuple[Scope, ...]:
    known: tuple[Scope, ...] = get_args(Scope)
    chosen = tuple(scope for scope in known if scope in texts)
    if not chosen or len(chosen) < len(set(texts)):
        raise SpecError(f"A key needs at least one scope of {', '.join(known)}, and no other.")
    return chosen


def _expiry(life: str) -> datetime | None:
    return datetime.now(UTC) + min(span(life), timedelta(days=3660)) if life else None
