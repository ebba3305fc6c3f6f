"""Routes of hunters: join a bounty as a team, send files, hand in submissions, and hear how they ended."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from evenhand.core.bounty import State
from evenhand.core.store import Handed
from evenhand.server.api.types import BountyName, Most, Number, TeamName
from evenhand.server.joining import joined
from evenhand.server.payloads import TOO_LARGE, Payloads
from evenhand.server.problems import Refused, problems
from evenhand.server.receiving import Wanted, received
from evenhand.server.security.access import Caller, Hunter, Onlooker, Stranger
from evenhand.server.security.gate import too_large
from evenhand.server.services import Services, services_of
from evenhand.server.strict_json import StrictRoute
from evenhand.server.telling import Told, told

router = APIRouter(prefix="/api/bounties", tags=["hunting"], route_class=StrictRoute, responses=problems(404))
_BEAT = 0.5  # seconds between two looks of those who wait
_BODY = {"requestBody": {"required": True, "content": {
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
}}}  # fmt: skip


class NewTeam(BaseModel):
    """A team that joins."""

    model_config = ConfigDict(extra="forbid")
    team: TeamName
    invitation: str | None = Field(default=None, max_length=200, description="Of the bounty, for those without a key.")


class Joined(BaseModel):
    """A team of a bounty."""

    team: str
    joined: datetime
    key: str | None = Field(default=None, description="A new API key that speaks for the team, shown this once.")


class Sent(BaseModel):
    """A file that was received."""

    payload: str = Field(description="Its SHA-256, by which a submission names it.")
    bytes: int


@router.get("/{name}/teams", summary="The teams of a bounty")
def teams(request: Request, name: BountyName, caller: Onlooker) -> Sequence[Joined]:  # noqa: ARG001
    """In the order in which they joined."""
    bounties = services_of(request).bounties
    return [Joined(team=each.name, joined=each.joined) for each in bounties.store.teams(bounties.rules(name).name)]


@router.post("/{name}/teams", status_code=201, summary="Join as a team", responses=problems(409))
def join(request: Request, name: BountyName, wanted: NewTeam, caller: Stranger) -> Joined:
    """With an API key, which speaks for the team from then on; or with the invitation, for which there is a new one."""
    team, key = joined(request, name, wanted.team, wanted.invitation, caller)
    return Joined(team=team.name, joined=team.joined, key=key)


@router.put("/{name}/payloads", status_code=201, summary="Send a file", responses=problems(409), openapi_extra=_BODY)
async def send(request: Request, name: BountyName, caller: Hunter) -> Sent:
    """Predictions or a model, as it is; a file that no submission names is removed after a day."""
    services = services_of(request)
    keeper, most = await run_in_threadpool(_keeper, services, name, caller, request)
    payload, size = await keeper.keep(request.stream(), most)
    return Sent(payload=payload, bytes=size)


@router.post("/{name}/submissions", status_code=202, summary="Hand in a submission", responses=problems(409))
def submit(request: Request, name: BountyName, caller: Hunter, wanted: Wanted) -> Told:
    """It is judged in its turn. The same again is refused (409) with the number of the earlier one, so try again."""
    services = services_of(request)
    team = services.bounties.team(name, caller.key).name
    taken = received(services.bounties, services.settings.hunting, name, team, wanted)
    return told(Handed(taken, None))


@router.get("/{name}/submissions", summary="Submissions of one's team")
def submissions(
    request: Request,
    name: BountyName,
    caller: Onlooker,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="With a number above this.")] = 0,
    most: Annotated[Most, Query(description="At most so many.")] = 100,
    state: Annotated[list[State] | None, Query(description="In these states.", max_length=4)] = None,
) -> Sequence[Told]:
    """In their order; the owner sees those of all teams, and what was measured."""
    services = services_of(request)
    team = None if caller.may("admin") else services.bounties.team(name, caller.key).name
    known = services.store.handed_in(
        services.bounties.rules(name).name, team=team, states=tuple(state or ()), after=after, most=most
    )
    return [told(each, owner=team is None) for each in known]


@router.get("/{name}/submissions/{number}", summary="How a submission ended")
async def submission(
    request: Request,
    name: BountyName,
    number: Number,
    caller: Onlooker,
    wait: Annotated[float, Query(ge=0, le=30, allow_inf_nan=False, description="Seconds to wait for it.")] = 0.0,
) -> Told:
    """Of one's own team; answers when it has ended, or after `wait` seconds."""
    services, ends = services_of(request), time.monotonic() + wait
    while True:
        found = await run_in_threadpool(_own, services, name, number, caller)
        left = ends - time.monotonic()
        if found.state != "waiting" or left <= 0 or await request.is_disconnected():
            return found
        # Verdicts are told at beats of the clock.
        await asyncio.sleep(min(left, _BEAT - time.time() % _BEAT + 0.01))


def _own(services: Services, name: str, number: int, caller: Caller) -> Told:
    owner = caller.may("admin")
    team = None if owner else services.bounties.team(name, caller.key).name
    found = services.bounties.handed(services.bounties.rules(name).name, number)
    if found is None or (not owner and found.submission.team != team):
        whose = "" if owner else f" of the team {team!r}"
        raise Refused(404, f"There is no submission {number}{whose} in {name!r}.")
    return told(found, owner=owner)


def _keeper(services: Services, name: str, caller: Caller, request: Request) -> tuple[Payloads, int]:
    """Who keeps the files of a team, and how large one may be; raises Refused before anything is read."""
    bounties = services.bounties
    team, most = bounties.team(name, caller.key).name, bounties.rules(name).limits.bytes
    why = bounties.over(name)
    if why is not None:
        raise Refused(409, why)
    if int(request.headers.get("content-length", "0")) > most:
        raise too_large(most, TOO_LARGE)
    return Payloads(bounties.folder(name), team, services.settings.hunting), most
