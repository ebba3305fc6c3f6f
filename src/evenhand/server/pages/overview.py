"""The front page: monitors with their status, projects with their latest reports."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from evenhand.core.outcome import Outcome
from evenhand.core.store import StoredAlert
from evenhand.server.pages.histories import Versions, histories
from evenhand.server.pages.shell import House, page
from evenhand.server.pages.visitors import visitor


@dataclass(frozen=True)
class Watched:
    """A monitor at a glance."""

    name: str
    outcomes: tuple[Outcome, ...]
    open: int

    @property
    def latest(self) -> Outcome | None:
        """What the last run found."""
        return self.outcomes[-1] if self.outcomes else None


def add(routes: APIRouter, house: House) -> None:
    """The front page."""

    @routes.get("/")
    def front(request: Request) -> Response:
        who = visitor(house.access, request, "read")
        alerts = house.store.alerts(states=("open",))
        projects: dict[str, list[Versions]] = {}
        for versions in histories(house.store.reports()):
            projects.setdefault(versions.project, []).append(versions)
        watched = [_watched(house, name, alerts) for name in house.store.monitors()]
        return page("overview.html", who, watched=watched, projects=projects, open=len(alerts))


def _watched(house: House, name: str, alerts: Sequence[StoredAlert]) -> Watched:
    mine = [alert for alert in alerts if alert.monitor == name]
    return Watched(name, tuple(house.store.outcomes(name)[-14:]), len(mine))
