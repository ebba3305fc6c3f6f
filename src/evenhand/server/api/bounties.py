"""Routes of bounties: their rules and what everybody may see, and what their owners do."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from shutil import rmtree
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask

from evenhand.bounty.contest.facts import Contest
from evenhand.core.bounty import Bounty
from evenhand.server.api.types import BountyName
from evenhand.server.archives import archived
from evenhand.server.bounties import Bounties
from evenhand.server.problems import Refused, problems
from evenhand.server.security.access import Admin, Caller, Onlooker
from evenhand.server.services import services_of
from evenhand.server.strict_json import StrictRoute

router = APIRouter(prefix="/api/bounties", tags=["bounties"], route_class=StrictRoute, responses=problems())
_PARQUET = "application/vnd.apache.parquet"
_ZIP = "application/zip"
_NDJSON = "application/x-ndjson"
_AT_ONCE = 200


class Rules(Bounty):
    """The rules as hunters see them: the seed would tell which rows prove."""

    seed: int = Field(default=0, exclude=True)


class Left(BaseModel):
    """What was used of what the hold-out can answer."""

    scored: int
    budget: int
    accepted: int
    accept_at_most: int
    waiting: int


class Shown(BaseModel):
    """A bounty: its rules, and how far it is."""

    rules: Rules
    opened: datetime
    ended: datetime | None
    over: str | None = Field(description="Why it takes no more submissions; null while it does.")
    version: int = Field(description="Of the model; 0 is the one that the bounty began with.")
    left: Left
    teams: int


@router.get("", summary="The names of all bounties")
def names(request: Request, caller: Onlooker) -> Sequence[str]:  # noqa: ARG001
    """Sorted; those that have ended too."""
    return list(services_of(request).store.bounties())


@router.get("/{name}", summary="The rules of a bounty, and what remains", responses=problems(404))
def bounty(request: Request, name: BountyName, caller: Onlooker) -> Shown:  # noqa: ARG001
    """Nothing in it tells which hidden rows prove, or what any ruling measured."""
    bounties = services_of(request).bounties
    rules, standing = bounties.rules(name), bounties.standing(name)
    opened, ended = bounties.store.bounty_times(name)
    left = Left(
        scored=standing.scored, budget=rules.budget, accepted=standing.accepted, accept_at_most=rules.accept_at_most,
        waiting=len(standing.waiting),
    )  # fmt: skip
    return Shown(
        rules=Rules.model_validate(rules.model_dump()), opened=opened, ended=ended, over=bounties.over(name),
        version=standing.version, left=left, teams=len(bounties.store.teams(name)),
    )  # fmt: skip


@router.get(
    "/{name}/files/{which}", summary="The rows that hunters work with", response_class=FileResponse,
    responses={**problems(404), 200: {"content": {_PARQUET: {}}, "description": "A Parquet file."}},
)  # fmt: skip
def file(request: Request, name: BountyName, which: Literal["public", "hidden"], caller: Onlooker) -> FileResponse:
    """`public`: a sample with labels. `hidden`: ids and features of the hold-out, whose labels nobody gets."""
    from evenhand.bounty.proving.holdout import HIDDEN, PUBLIC

    bounties = services_of(request).bounties
    if not caller.may("admin"):
        bounties.team(name, caller.key)
    path = bounties.folder(name) / (PUBLIC if which == "public" else HIDDEN)
    if not path.is_file():
        raise Refused(404, f"The bounty {name!r} hands out no {which} rows.")
    return FileResponse(path, media_type=_PARQUET, filename=f"{name}-{which}.parquet")


@router.get("/{name}/contest", summary="The contest now", response_model=Contest, responses=problems(404))
def contest(request: Request, name: BountyName, caller: Onlooker) -> Response:
    """Teams, finds, the model's error and the table of groups; for the owner also what the rulings measured."""
    owner = caller.may("admin")
    bounties = services_of(request).bounties
    found = bounties.scoreboard(name).contest(owner=owner)
    if not owner:
        # Why a submission was refused may quote its group, which is its team's until it is accepted.
        own = _team_of(bounties, name, caller)
        feed = (each if each.team == own else each.model_copy(update={"told": ""}) for each in found.feed)
        found = found.model_copy(update={"feed": tuple(feed)})
    return Response(found.model_dump_json(), media_type="application/json")


@router.post("/{name}/end", summary="Take no more submissions", responses=problems(404))
def end(request: Request, name: BountyName, caller: Admin) -> Shown:
    """Those that wait are still judged."""
    services = services_of(request)
    services.bounties.rules(name)
    services.store.end_bounty(name)
    services.store.note(caller.name, "ended a bounty", name)
    return bounty(request, name, caller)


@router.get(
    "/{name}/model", summary="The model of a bounty", response_class=FileResponse,
    responses={**problems(404), 200: {"content": {_ZIP: {}}, "description": "A zip archive of its folder."}},
)  # fmt: skip
def model(
    request: Request,
    name: BountyName,
    caller: Admin,
    version: Annotated[int | None, Query(ge=0, le=2**31 - 1, description="By default the newest.")] = None,
) -> FileResponse:
    """With its history and card; unpacked, it is a model like any other."""
    services = services_of(request)
    file, folder = archived(services.bounties, name, version)
    services.store.note(caller.name, "took the model of a bounty", name)
    return FileResponse(
        file, media_type=_ZIP, filename=f"{name}.zip", background=BackgroundTask(rmtree, folder, ignore_errors=True)
    )


@router.get(
    "/{name}/export", summary="The whole log of a bounty", response_class=StreamingResponse,
    responses={**problems(404), 200: {"content": {_NDJSON: {}}, "description": "A line of JSON for each record."}},
)  # fmt: skip
def export(request: Request, name: BountyName, caller: Admin) -> StreamingResponse:
    """Rules, teams, submissions with their verdicts, and the contest, as `kind` and `content`."""
    services = services_of(request)
    contest = services.bounties.scoreboard(name).contest(owner=True).model_dump_json()
    services.store.note(caller.name, "exported a bounty", name)
    disposition = {"Content-Disposition": f'attachment; filename="{name}.jsonl"'}
    return StreamingResponse(_lines(services.bounties, name, contest), media_type=_NDJSON, headers=disposition)


def _lines(bounties: Bounties, name: str, contest: str) -> Iterator[str]:
    yield _line("bounty", bounties.rules(name).model_dump_json())
    for team in bounties.store.teams(name):
        yield _line("team", team.model_dump_json())
    after = 0
    while page := bounties.store.handed_in(name, after=after, most=_AT_ONCE):
        after = page[-1].submission.number
        for each in page:
            verdict = "null" if each.verdict is None else each.verdict.model_dump_json()
            yield _line("submission", f'{{"submission": {each.submission.model_dump_json()}, "verdict": {verdict}}}')
    yield _line("contest", contest)


def _line(kind: str, content: str) -> str:
    return f'{{"kind": {json.dumps(kind)}, "content": {content}}}\n'


def _team_of(bounties: Bounties, name: str, caller: Caller) -> str | None:
    found = bounties.store.team_of(name, caller.key) if caller.key is not None else None
    return None if found is None else found.name
