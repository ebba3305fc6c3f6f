"""`evenhand serve` judges: its worker takes up what waits, also after it, or the whole server, was killed."""

import os
import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from evenhand.bounty.judging.running import folder_of
from evenhand.server.judging import Waiting
from evenhand.stores import open_store
from tests.bounty.opened import INVITATION, WRONGED, answers, open_bounty
from tests.server.hunters import LOANS, Hunt, hunting
from tests.server.launching import Running, children, launched, new_key


class Team:
    """A team of a server that listens."""

    def __init__(self, server: Running, key: str | None = None) -> None:
        self._at = f"{server.address}{LOANS}"
        joining = {"team": "A", "invitation": INVITATION}
        self.key = key or str(httpx.post(f"{self._at}/teams", json=joining, timeout=60).json()["key"])
        self._headers = {"X-API-Key": self.key}

    def hand_in(self, group: str, content: bytes) -> int:
        sent = httpx.put(f"{self._at}/payloads", content=content, headers=self._headers, timeout=60).json()
        wanted = {"group": group, "payload": sent["payload"]}
        taken = httpx.post(f"{self._at}/submissions", json=wanted, headers=self._headers, timeout=60)
        assert taken.status_code == 202, taken.text
        return int(taken.json()["number"])

    def ended(self, number: int, seconds: float = 180) -> Any:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            path = f"{self._at}/submissions/{number}?wait=20"
            found = httpx.get(path, headers=self._headers, timeout=60).json()
            if found["state"] != "waiting":
                return found
        raise AssertionError("It still waits.")


def _served(tmp_path: Path) -> tuple[str, Path, bytes]:
    url = f"sqlite:///{tmp_path / 'evenhand.db'}"
    home = tmp_path / "evenhand-monitors"
    with open_store(url) as store:
        open_bounty(store, home)
    return url, home, answers(home)


@pytest.mark.slow
def test_a_server_judges_and_goes_on_after_its_worker_and_itself_were_killed(tmp_path: Path) -> None:
    url, _, better = _served(tmp_path)
    key = new_key(url)
    with launched(url, key) as server:
        team = Team(server)
        assert team.ended(team.hand_in(WRONGED, better))["state"] == "accepted"
        second = team.hand_in("age>50", better)
        for worker, line in children(server.process.pid).items():
            if "evenhand.server.working" in line:
                os.kill(worker, signal.SIGKILL)
        assert team.ended(second)["state"] == "refused"
        third = team.hand_in("age<25", better)
        server.process.kill()
    with launched(url, key) as server:
        again = Team(server, team.key)
        assert again.ended(third)["state"] == "refused"
        assert [each["version"] for each in (again.ended(1), again.ended(second))] == [1, None]


def test_what_waits_is_queued_and_what_comes_no_further_less_and_less_often(tmp_path: Path) -> None:
    with hunting(tmp_path) as hunt:
        store = hunt.house.store
        waiting = Waiting(store, hunt.house.home)
        assert waiting.look(0.0) == []
        hunt.hand_in()
        for job in store.jobs(states=("waiting",)):
            store.cancel(job.id)
        assert waiting.look(1.0) == ["loans"]
        assert [job.kind for job in store.jobs(states=("waiting",))] == ["judge"]
        # The folder is gone: the job fails, and is not queued again every second.
        _fails(hunt)
        looks = [second for second in range(2, 400) if waiting.look(float(second))]
        assert looks[:4] == [2, 4, 8, 16]
        assert max(later - earlier for earlier, later in pairwise(looks)) == 60


def _fails(hunt: Hunt) -> None:
    folder = folder_of(hunt.house.home, "loans")
    folder.rename(folder.with_name("gone"))
    hunt.judge()
    (failed,) = hunt.house.store.jobs(states=("failed",))
    assert failed.error is not None
    assert failed.error.startswith("The bounty in ")
    folder.with_name("gone").rename(folder)
