"""Fifty teams at work against a server that is killed in the middle: what was acknowledged, how fast, what it took."""

import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from bounty_bots import BOTS, KINDS, Field, Sending
from bounty_served import Server

from evenhand import Client
from evenhand.client.hunting import join
from evenhand.core.errors import DataError, EvenhandError

THREADS = 8
BACKLOG = 120  # submissions that wait while teams still hand in more
LOOK = 4.0


@dataclass
class Seen:
    """What happened while bots were at work."""

    acknowledged: dict[int, tuple[str, str]] = field(default_factory=dict)
    repeated: list[int] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    memory: list[dict[str, float]] = field(default_factory=list)
    judged: int = 0
    waiting: int = 0
    tried: int = 0
    killed: dict[str, float] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.Lock)


class Team:
    """One that speaks with the server, again and again where nobody answers."""

    def __init__(self, server: Server, name: str, bounty: str, invitation: str) -> None:
        self.name, self.bounty = name, bounty
        self.client = Client(server.address, key=join(server.address, bounty, name, invitation=invitation), retries=8)

    def submit(self, sending: Sending) -> int:
        for _ in range(120):
            try:
                return int(self.client.submit(self.bounty, sending.group, predictions=sending.content)["number"])
            except DataError as error:  # the server is being killed; a refusal is no DataError
                if "does not answer" not in str(error):
                    raise
                time.sleep(1)
        raise SystemExit("The server did not come back.")


def play(server: Server, known: Field, options: Any, bounty: str, invitation: str) -> Seen:
    """All teams in eight threads; the server is killed when half of the submissions were judged."""
    seen, done = Seen(), threading.Event()
    teams = [Team(server, f"team-{place}", bounty, invitation) for place in range(options.teams)]
    threads = [threading.Thread(target=_thread, args=(teams, first, known, options, seen)) for first in range(THREADS)]
    watcher = threading.Thread(target=_watch, args=(server, teams[0], seen, done))
    for each in (*threads, watcher):
        each.start()
    try:
        while seen.judged < options.submissions // 2 and any(each.is_alive() for each in threads):
            time.sleep(0.2)
        seen.killed = {"acknowledged": len(seen.acknowledged), "judged": seen.judged, "waiting": seen.waiting}
        began = time.monotonic()
        server.kill()
        server.start()
        seen.killed["seconds until it answered"] = round(time.monotonic() - began, 1)
        for each in threads:
            each.join()
        while seen.judged < len(seen.acknowledged):
            time.sleep(0.5)
    finally:
        done.set()
        watcher.join()
    return seen


def _thread(teams: list[Team], first: int, known: Field, options: Any, seen: Seen) -> None:
    """Some of the teams, which take turns."""
    mine = range(first, options.teams, THREADS)
    bots = {place: BOTS[KINDS[place % len(KINDS)]](known, np.random.default_rng([place, 3])) for place in mine}
    left = {place: len(range(place, options.submissions, options.teams)) for place in mine}
    while any(left.values()):
        for place in mine:
            if left[place]:
                left[place] -= 1
                _hand_in(teams[place], bots[place], seen)


def _hand_in(team: Team, bot: Iterator[Sending], seen: Seen) -> None:
    sending = next(bot)
    while len(seen.acknowledged) - seen.judged > BACKLOG:
        time.sleep(0.1)
    began = time.monotonic()
    try:
        number = team.submit(sending)
    except EvenhandError as error:
        with seen.lock:
            seen.told.append(str(error)[:100])
    else:
        with seen.lock:
            seen.seconds.append(time.monotonic() - began)
            if number in seen.acknowledged:
                seen.repeated.append(number)
            seen.acknowledged[number] = team.name, hashlib.sha256(sending.content).hexdigest()
    with seen.lock:
        seen.tried += 1


def _watch(server: Server, team: Team, seen: Seen, done: threading.Event) -> None:
    """Look at the contest's page as visitors do, and at the memory of the server."""
    began = time.monotonic()
    while not done.wait(LOOK):
        try:
            contest = team.client.contest(team.bounty)
        except EvenhandError:
            continue
        seen.waiting = contest["left"]["waiting"]
        seen.judged = sum(each["submitted"] for each in contest["standings"]) - seen.waiting
        at = {"seconds": round(time.monotonic() - began, 1), "judged": seen.judged, "waiting": seen.waiting}
        seen.memory.append(at | {"versions": len(contest["timeline"]) - 1} | server.memory())
