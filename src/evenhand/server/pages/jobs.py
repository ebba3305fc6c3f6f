"""The page of jobs: how far each is, and a way to stop it."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

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
    going = any(job.state in ("waiting", "running") for job in found)
    return page(template, who, jobs=found, going=going, seconds=SECONDS)
