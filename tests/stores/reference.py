"""What a store does, in plain Python: lists and dictionaries that one thread holds in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce
from operator import add
from typing import Any

from evenhand.core.store import AlertState, Delivery, Job, StoredAlert
from evenhand.core.tally import Tally
from evenhand.core.window import Window


class ReferenceStore:
    """Numbers of alerts, deliveries and jobs are their places in a list."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.parts: dict[tuple[Window, str, str], Tally] = {}
        self.alerts: list[StoredAlert] = []
        self.deliveries: list[Delivery] = []
        self.held: dict[int, datetime] = {}
        self.jobs: list[Job] = []
        self.job_keys: dict[int, str | None] = {}

    def add_tally(self, cell: Window, counted: str, part: str, tally: Tally) -> bool:
        return self.parts.setdefault((cell, counted, part), tally) is tally

    def tally(self, window: Window, counted: str) -> Tally | None:
        found = [
            tally
            for (cell, kind, _), tally in self.parts.items()
            if kind == counted and window.start <= cell.start and cell.end <= window.end
        ]
        return reduce(add, found) if found else None

    def raise_alert(self, kind: str, about: str, reading: str, at: datetime) -> StoredAlert:
        for old in self.alerts:
            if (old.kind, old.about) == (kind, about) and old.state != "recovered":
                if at < old.last:
                    return old
                self.alerts[old.id] = replace(old, last=at, windows=old.windows + (at > old.last), reading=reading)
                return self.alerts[old.id]
        self.alerts.append(StoredAlert(len(self.alerts), "loans", kind, about, "open", at, at, 1, reading))
        return self.alerts[-1]

    def set_alert(self, number: int, state: AlertState, until: datetime | None) -> StoredAlert:
        self.alerts[number] = replace(self.alerts[number], state=state, snoozed_until=until)
        return self.alerts[number]

    def queue_delivery(
        self, alert: int | None, channel: int, payload: str, at: datetime, also: Sequence[int]
    ) -> Delivery:
        for old in self.deliveries:
            if (old.alert, old.channel, old.payload) == (alert, channel, payload):
                return old
        for number in {*also, *([] if alert is None else [alert])}:
            told = self.alerts[number]
            self.alerts[number] = replace(told, told=at, told_by={**told.told_by, channel: at})
        self.deliveries.append(Delivery(len(self.deliveries), alert, channel, payload, "waiting", 0, at))
        return self.deliveries[-1]

    def due_deliveries(self, at: datetime, most: int) -> list[Delivery]:
        free = [
            each
            for each in self.deliveries
            if each.state == "waiting" and each.next_try <= at and self.held.get(each.id, at) <= at
        ]
        due = sorted(free, key=lambda each: (each.next_try, each.id))[:most]
        self.held |= {each.id: at + timedelta(minutes=1) for each in due}
        return due

    def settle_delivery(self, number: int, error: str | None, next_try: datetime | None, at: datetime) -> None:
        old = self.deliveries[number]
        if old.state == "waiting":
            self.held.pop(number, None)
            again = error is not None and next_try is not None
            new = replace(old, attempts=old.attempts + 1, error=error, next_try=(next_try or at) if again else at)
            state: Any = "delivered" if error is None else "waiting" if again else "given up"
            self.deliveries[number] = replace(new, state=state)

    def enqueue(self, payload: Mapping[str, Any], key: str | None) -> Job:
        for old in self.jobs:
            if key is not None and self.job_keys[old.id] == key and old.state in ("waiting", "running"):
                return old
        self.jobs.append(Job(len(self.jobs), "run", payload, "waiting", self.now))
        self.job_keys[self.jobs[-1].id] = key
        return self.jobs[-1]

    def lease(self, worker: str, seconds: float) -> Job | None:
        for job in self.jobs:
            lost = job.state == "running" and job.lease_until is not None and job.lease_until <= self.now
            if job.state == "waiting" or lost:
                until = self.now + timedelta(seconds=seconds)
                held = replace(job, state="running", worker=worker, lease_until=until, progress=0.0, stage="")
                self.jobs[job.id] = held
                return held
        return None

    def renew(self, number: int, worker: str, seconds: float, progress: float) -> bool:
        until = self.now + timedelta(seconds=seconds)
        return self._keep(number, worker, lease_until=until, progress=progress, stage="on")

    def finish(self, number: int, worker: str, error: str | None) -> bool:
        end: dict[str, Any] = {"ended": self.now, **({"progress": 1.0} if error is None else {})}
        state = "done" if error is None else "failed"
        return self._keep(number, worker, state=state, error=error, lease_until=None, result={"by": worker}, **end)

    def cancel(self, number: int) -> None:
        if self.jobs[number].state in ("waiting", "running"):
            self.jobs[number] = replace(self.jobs[number], state="cancelled", lease_until=None, ended=self.now)

    def _keep(self, number: int, worker: str, **values: Any) -> bool:
        job = self.jobs[number]
        if (job.worker, job.state) != (worker, "running"):
            return False
        self.jobs[number] = replace(job, **values)
        return True
