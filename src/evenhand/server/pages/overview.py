"""The front page: whether anything is wrong, since when and for whom; monitors, and projects with their reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response

from evenhand.core.outcome import Outcome
from evenhand.core.store import StoredAlert
from evenhand.core.window import moment
from evenhand.server.pages.histories import Versions, histories
from evenhand.server.pages.shell import House, back, page
from evenhand.server.pages.standing import drifting_since
from evenhand.server.pages.visitors import visitor

MOST_WINDOWS, MOST_READ = 14, 100  # of one monitor, and of all of them: reading an outcome takes most of the time


@dataclass(frozen=True)
class Watched:
    """A monitor at a glance: its latest windows, and its alerts that nobody answered."""

    name: str
    outcomes: tuple[Outcome, ...]
    alerts: tuple[StoredAlert, ...]

    @property
    def latest(self) -> Outcome | None:
        """What the last run found."""
        return self.outcomes[-1] if self.outcomes else None

    @property
    def since(self) -> datetime | None:
        """When what is wrong now began, as far as is known; None where nothing is."""
        began = drifting_since(self.outcomes)
        if began is None or began > moment(self.outcomes[0].start):
            return began
        # Longer than what was read: alerts may know more.
        return min([began, *(alert.first for alert in self.alerts if alert.kind != "failure")])

    @property
    def rank(self) -> tuple[int, str]:
        """What drifts before what has alerts, what was never looked at, and what is fine."""
        if self.latest is None:
            return (2, self.name)
        return (0 if self.latest.status == "drift" else 1 if self.alerts else 3, self.name)


def add(routes: APIRouter, house: House) -> None:
    """The front page."""

    @routes.get("/")
    def front(request: Request) -> Response:
        who = visitor(house.access, request, "read", "hunt")
        if not who.may("read"):
            return back("/bounties")
        alerts = house.store.alerts(states=("open",))
        projects: dict[str, list[Versions]] = {}
        for versions in histories(house.store.reports()):
            projects.setdefault(versions.project, []).append(versions)
        watched = _watched(house, alerts)
        drifting = [one for one in watched if one.since is not None]
        return page("overview.html", who, watched=watched, drifting=drifting, projects=projects, open=len(alerts))


def _watched(house: House, alerts: Sequence[StoredAlert]) -> list[Watched]:
    names = house.store.monitors()
    most = max(1, min(MOST_WINDOWS, MOST_READ // max(len(names), 1)))
    found = [
        Watched(
            name,
            tuple(house.store.outcomes(name, most=most)),
            tuple(alert for alert in alerts if alert.monitor == name),
        )
        for name in names
    ]
    return sorted(found, key=lambda one: one.rank)
