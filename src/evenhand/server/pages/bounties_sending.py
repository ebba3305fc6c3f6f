"""The form that hands in a submission from a browser: a group as text, and a file that is streamed to the disk."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from evenhand.core.bounty import Bounty
from evenhand.server.pages.bounties_shown import Boards
from evenhand.server.pages.places import of_bounty
from evenhand.server.pages.shell import House, back
from evenhand.server.pages.visitors import Visitor, sender, visitor
from evenhand.server.payloads import Payloads
from evenhand.server.problems import Refused
from evenhand.server.receiving import Wanted, received
from evenhand.server.services import Services, services_of

_AROUND = 1 << 17  # bytes of a form besides its file
_BLOCK = 1 << 20


def add(routes: APIRouter, house: House, boards: Boards) -> None:
    """The form's answer."""

    @routes.post("/bounties/{name}/submissions")
    async def submit(request: Request, name: str) -> Response:
        # Who sends, and how much, is looked at before anything is read.
        rules, team = await run_in_threadpool(_allowed, house, request, name)
        async with request.form(max_files=1, max_fields=8, max_part_size=_AROUND) as form:
            await run_in_threadpool(sender, house.access, request, ("submit", "hunt"), _text(form, "token"))
            await _handed_in(services_of(request), (rules, team), form)
        boards.forget(name)
        return back(of_bounty(name) + "#mine")


def _allowed(house: House, request: Request, name: str) -> tuple[Bounty, str]:
    """The rules, and the team that the session's key speaks for; raises Refused and as `visitor` does."""
    who: Visitor = visitor(house.access, request, "submit", "hunt")
    bounties = services_of(request).bounties
    rules, team = bounties.rules(name), bounties.team(name, who.key).name
    why = bounties.over(name)
    if why is not None:
        raise Refused(409, why)
    if int(request.headers.get("content-length", "0")) > rules.limits.bytes + _AROUND:
        raise Refused(413, f"The file is larger than {rules.limits.bytes:,} bytes, the most that this bounty takes.")
    return rules, team


async def _handed_in(services: Services, place: tuple[Bounty, str], form: FormData) -> None:
    rules, team = place
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise Refused(422, "There is no file; choose one with predictions or a model.")
    group = _text(form, "group").strip()
    if not group:
        raise Refused(422, "There is no group; write one such as age<30 & sex=female.")
    limits = services.settings.hunting
    keeper = Payloads(services.bounties.folder(rules.name), team, limits)
    payload, _ = await keeper.keep(_blocks(file), rules.limits.bytes)
    try:
        wanted = Wanted.model_validate(
            {"group": group, "kind": _text(form, "kind"), "payload": payload, "name": file.filename}
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise Refused(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    await run_in_threadpool(received, services.bounties, limits, rules.name, team, wanted)


async def _blocks(file: UploadFile) -> AsyncIterator[bytes]:
    while block := await file.read(_BLOCK):
        yield block


def _text(form: FormData, name: str) -> str:
    found = form.get(name)
    return found if isinstance(found, str) else ""
