"""Routes of reports: keep a report.json, get one, compare two."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from evenhand.core.errors import DataError
from evenhand.core.finding import Finding
from evenhand.core.report import Report
from evenhand.renderers.difference import Change, difference
from evenhand.server.api.types import Line, Number
from evenhand.server.bodies import whole
from evenhand.server.problems import Refused, problems
from evenhand.server.security.access import Reader, Submitter
from evenhand.server.services import Services, services_of
from evenhand.server.strict_json import strict_json

router = APIRouter(prefix="/api/reports", tags=["reports"], responses=problems())
_DEPTH = 64
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object", "description": "A report.json of evenhand."}}},
    }
}


class Kept(BaseModel):
    """A report in the store."""

    number: int = Field(examples=[7])
    project: str = Field(examples=["credit"])
    name: str = Field(examples=["loans"])
    at: datetime
    verdict: str = Field(examples=["within"])


class Moved(BaseModel):
    """The same question answered by both reports."""

    model_config = ConfigDict(ser_json_inf_nan="strings")
    earlier: Finding
    later: Finding
    separate: bool = Field(description="Whether the two intervals do not overlap.")


class Compared(BaseModel):
    """How a report differs from an earlier one."""

    model_config = ConfigDict(ser_json_inf_nan="strings")
    sentence: str
    same_data: bool
    appeared: tuple[Finding, ...]
    vanished: tuple[Finding, ...]
    judged_anew: tuple[Moved, ...]
    moved: tuple[Moved, ...]
    unchanged: int


@router.get("", summary="Reports, latest first")
def reports(
    request: Request,
    caller: Reader,  # noqa: ARG001
    project: Annotated[Line | None, Query(description="Of this project.")] = None,
) -> list[Kept]:
    """Their numbers, names and verdicts."""
    found = services_of(request).store.reports(project)
    return [Kept(number=number, project=of, name=name, at=at, verdict=to) for number, of, name, at, to in found]


@router.post("", status_code=201, summary="Keep a report", openapi_extra=_BODY, responses=problems(415))
async def keep(
    request: Request,
    caller: Submitter,
    project: Annotated[Line, Query(description="What it belongs to.", examples=["credit"])],
    name: Annotated[Line, Query(description="Another report of this name is its next version.", examples=["loans"])],
) -> Kept:
    """The body is a `report.json` as `evenhand audit` writes it."""
    services = services_of(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "Send a report.json, as application/json.")
    content = await whole(request, services.settings.sizes.report)
    return await run_in_threadpool(_keep, services, caller.name, (project, name), content)


@router.get("/{number}", summary="A report", response_model=Report, responses=problems(404))
def report(request: Request, number: Number, caller: Reader) -> Response:  # noqa: ARG001
    """The `report.json`."""
    return Response(_known(services_of(request), number).to_json(), media_type="application/json")


@router.get(
    "/{number}/compare/{later}", summary="Compare two reports", response_model=Compared, responses=problems(404)
)
def compare(request: Request, number: Number, later: Number, caller: Reader) -> Response:  # noqa: ARG001
    """What appeared, vanished, was judged anew or moved since the first of them."""
    services = services_of(request)
    found = difference(_known(services, number), _known(services, later))
    compared = Compared(
        sentence=found.sentence, same_data=found.same_data, appeared=found.appeared, vanished=found.vanished,
        judged_anew=_moves(found.judged_anew), moved=_moves(found.moved), unchanged=found.unchanged,
    )  # fmt: skip
    return Response(compared.model_dump_json(), media_type="application/json")


def _keep(services: Services, who: str, place: tuple[str, str], content: bytes) -> Kept:
    found: Any = strict_json(content, depth=_DEPTH)
    if not isinstance(found, dict):
        raise Refused(422, "A report.json is an object.")
    read = Report.from_json(content)
    number = services.store.put_report(*place, read)
    services.store.note(who, "kept a report", f"{number} {place[0]} {place[1]}")
    kept = next(each for each in services.store.reports(place[0]) if each[0] == number)
    return Kept(number=number, project=kept[1], name=kept[2], at=kept[3], verdict=kept[4])


def _known(services: Services, number: int) -> Report:
    try:
        return services.store.report(number)
    except DataError as error:
        raise Refused(404, str(error)) from None


def _moves(changes: tuple[Change, ...]) -> tuple[Moved, ...]:
    return tuple(Moved(earlier=each.earlier, later=each.later, separate=each.separate) for each in changes)
