"""The page of jobs: how far each is, why one failed and what is left then, and a way to stop it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from evenhand.core.outcome import Outcome
from evenhand.core.store import Job
from evenhand.server.pages.shell import House, back, page
from evenhand.server.pages.visitors import sender, visitor

SECONDS = 2  # between looks at jobs that go on


def add(routes: APIRouter, house: House) -> None:
    """The page, its table alone for whoever polls, and the way to stop a job."""

    @routes.get("/jobs")
    def jobs(request: Request) -> Response:
        return _jobs(house, request, "jobs.html")

    @routes.get("/jobs/table")
    def table(request: Request) -> Response:
        return _jobs(house, request, "jobs_table.html")

    @routes.post("/jobs/{number}/cancel")
    def cancel(request: Request, number: int, token: Annotated[str, Form()] = "") -> Response:
        who = sender(house.access, request, "submit", token)
        house.store.cancel(number)
        house.store.note(who.name, "cancelled job", str(number))
        return back("/jobs")


def _jobs(house: House, request: Request, template: str) -> Response:
    who = visitor(house.access, request, "read")
    found = house.store.jobs()
    going = sum(job.state in ("waiting", "running") for job in found)
    return page(template, who, jobs=found, going=going, seconds=SECONDS, good=_good(house, found))


def _good(house: House, jobs: Sequence[Job]) -> dict[str, Outcome]:
    """What the last run that came to an end found, for each monitor of which a run failed."""
    named = {str(job.payload.get("monitor")) for job in jobs if job.state == "failed"}
    latest = {name: house.store.outcomes(name, most=1) for name in sorted(named & set(house.store.monitors()))}
    return {name: outcomes[-1] for name, outcomes in latest.items() if outcomes}
