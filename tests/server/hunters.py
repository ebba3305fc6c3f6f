"""A server with an open bounty, teams that hunt in it, and a worker that judges."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from evenhand.core.bounty import Bounty
from evenhand.core.store import Job
from evenhand.monitor.jobs import Worker
from evenhand.server.judging import KIND, Judging, queue_judging
from evenhand.server.settings import Rates, Settings
from tests.bounty.opened import INVITATION, WRONGED, answers, open_bounty
from tests.server.conftest import House, built

LOANS = "/api/bounties/loans"
FAST = Rates(key=0, address=0, refused=0, joins=0)


@dataclass
class Hunt:
    """A house with a bounty; `teams` holds the key of each team that joined."""

    house: House
    bounty: Bounty
    teams: dict[str, str]
    judging: Judging | None = None

    def ask(self, method: str, path: str = "", *, team: str | None = None, **options: Any) -> httpx.Response:
        """One request below the bounty, by a team or with a key."""
        key = self.teams[team] if team is not None else options.pop("key", None)
        return self.house.ask(method, LOANS + path, key=key, **options)

    def join(self, team: str) -> str:
        answer = self.ask("POST", "/teams", json={"team": team, "invitation": INVITATION})
        assert answer.status_code == 201, answer.text
        self.teams[team] = answer.json()["key"]
        return self.teams[team]

    def send(self, content: bytes, team: str = "A") -> str:
        answer = self.ask("PUT", "/payloads", team=team, content=content)
        assert answer.status_code == 201, answer.text
        payload: str = answer.json()["payload"]
        return payload

    def hand_in(self, group: Any = WRONGED, *, team: str = "A", content: bytes | None = None, **more: Any) -> Any:
        """Send answers, which are better than the base model's by default, and hand them in."""
        payload = self.send(self.better() if content is None else content, team)
        return self.ask("POST", "/submissions", team=team, json={"group": group, "payload": payload, **more})

    def better(self) -> bytes:
        return answers(self.house.home)

    def judge(self) -> Job | None:
        """Do jobs until nothing waits, as a worker beside a server does; the first of them."""
        if self.judging is None:
            self.judging = Judging(self.house.store, self.house.home, threading.Event())
        worker = Worker(self.house.store, self.house.home, handlers={KIND: self.judging})
        first = job = worker.work_once()
        # A job leaves what takes too long to the next one.
        while job is not None and self.house.store.jobs(most=1)[0].result.get("judged"):
            queue_judging(self.house.store, "loans")
            job = worker.work_once()
        self.until_told()
        return first

    def until_told(self) -> None:
        """Wait for the moment at which the newest verdict is told."""
        moments = [each.verdict.judged for each in self.house.store.handed_in("loans") if each.verdict is not None]
        left = (max(filter(None, moments), default=datetime.now(UTC)) - datetime.now(UTC)).total_seconds()
        time.sleep(max(left, 0.0))

    def close(self) -> None:
        if self.judging is not None and self.judging._sandbox is not None:
            self.judging._sandbox.close()

    def shown(self, number: int, team: str = "A", wait: float = 5) -> Any:
        answer = self.ask("GET", f"/submissions/{number}?wait={wait}", team=team)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def hunting(
    folder: Path, settings: Settings | None = None, *, rows: int = 3000, teams: str = "AB", **rules: Any
) -> Iterator[Hunt]:
    """A house with a bounty that two teams joined."""
    scopes = ("read", "submit", "hunt", "admin")
    with built(folder, settings or Settings(rates=FAST), scopes) as house:
        hunt = Hunt(house, open_bounty(house.store, house.home, rows=rows, **rules), {})
        for team in teams:
            hunt.join(team)
        try:
            yield hunt
        finally:
            hunt.close()
