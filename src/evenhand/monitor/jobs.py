"""Jobs: a worker that leases work from the store, says how far it is, and stops when asked."""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from evenhand.core.errors import DataError, EvenhandError
from evenhand.core.monitor import Monitor
from evenhand.core.store import Job, Store
from evenhand.core.window import Window, moment
from evenhand.monitor.alerts import failed
from evenhand.monitor.cron import Cron
from evenhand.monitor.pending import Held, alone
from evenhand.monitor.retention import Retention, forget, tidy
from evenhand.monitor.running import run_window
from evenhand.monitor.schedule import due_alone

Say = Callable[[str, float], None]
Handler = Callable[["Worker", Mapping[str, Any], Say], Mapping[str, Any]]

_LOG = logging.getLogger(__name__)
# How long a worker that found nothing to do waits before it looks again.
_PAUSE = 2.0
# How often monitors are looked at for windows that have ended.
_TICK = 20.0
# How often what is long over is removed, and records that a monitor keeps no longer are.
_TIDY = timedelta(hours=1)


class Stopped(EvenhandError):
    """A job was cancelled, or another worker has it now."""


def a_name() -> str:
    """A name that no other worker has."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass
class Worker:
    """Does one job at a time; a lease that is not renewed lets another worker take it over.

    `handlers` adds kinds of jobs to those of monitors: `run` and `forget`. `clock` says when windows are over.
    """

    store: Store
    home: Path
    name: str = field(default_factory=a_name)
    lease: float = 60.0
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    retention: Retention = field(default_factory=Retention)
    clock: Callable[[], datetime] = _utc

    def work(self, stop: threading.Event) -> None:
        """Plan and do jobs until `stop` is set; an error of the store is logged and tried again."""
        looked: dict[str, datetime] = {}
        planned = -_TICK
        while not stop.is_set():
            try:
                if time.monotonic() - planned >= _TICK:
                    planned = time.monotonic()
                    self.tick(looked)
                done = self.work_once()
            except Exception:
                # A database that is away comes back; a worker that ended would not.
                _LOG.exception("The worker could not plan or take a job")
                done = None
            if done is None:
                stop.wait(_PAUSE)

    def tick(self, looked: dict[str, datetime]) -> None:
        """Queue what is due, and now and then remove what is long over; `looked` says when things were last done."""
        now = self.clock()
        plan(self.store, self.home, now, looked)
        if _passed(looked, "", now):  # no monitor has this name
            tidy(self.store, self.retention, now)

    def work_once(self) -> Job | None:
        """Lease one job and do it; None where there is none. A job that fails says why, and changes nothing else."""
        job = self.store.lease(self.name, self.lease)
        if job is None:
            return None
        with self._held(job) as say:
            try:
                result = self._handler(job.kind)(self, job.payload, say)
            except Stopped:
                # Cancelled, or somebody else's now: the store says which.
                self.store.finish(job.id, self.name, error="Stopped.")
            except EvenhandError as error:
                self._failed(job, str(error))
            except Exception as error:
                # Whatever a model or a file did: the worker goes on with the next job.
                _LOG.exception("Job %s failed", job.id)
                self._failed(job, f"{type(error).__name__}: {error}"[:500])
            else:
                self.store.finish(job.id, self.name, result=result)
        return job

    def _handler(self, kind: str) -> Handler:
        known = {**_HANDLERS, **self.handlers}
        if kind not in known:
            raise DataError(f"No worker here does jobs of the kind {kind!r}; it does {', '.join(sorted(known))}.")
        return known[kind]

    @contextmanager
    def _held(self, job: Job) -> Iterator[Say]:
        """Renew the lease from another thread while the job runs; `say` raises Stopped once it is lost."""
        done, lost = threading.Event(), threading.Event()
        at: list[tuple[str, float]] = [("", 0.0)]

        def renew() -> None:
            stage, share = at[0]
            if not self.store.renew(job.id, self.name, self.lease, progress=share, stage=stage):
                lost.set()

        def beat() -> None:
            while not done.wait(self.lease / 3) and not lost.is_set():
                try:
                    renew()
                except EvenhandError as error:
                    _LOG.warning("Could not renew job %s: %s", job.id, error)

        def say(stage: str, share: float) -> None:
            new = (stage, round(min(max(share, 0.0), 1.0), 2))
            if new != at[0]:
                at[0] = new
                renew()
            if lost.is_set():
                raise Stopped("The job was cancelled, or another worker does it now.")

        beating = threading.Thread(target=beat, name=f"lease of job {job.id}", daemon=True)
        beating.start()
        try:
            yield say
        finally:
            done.set()
            beating.join()

    def _failed(self, job: Job, reason: str) -> None:
        """Say why; the last good outcome stays, and whoever wants to know of failures is told."""
        if not self.store.finish(job.id, self.name, error=reason) or job.kind != "run":
            return
        try:
            monitor = self.store.monitor(str(job.payload["monitor"]))
            failed(reason, _window(job.payload), monitor, self.store, self.clock())
        except (EvenhandError, KeyError) as error:
            _LOG.warning("Could not tell of the failure of job %s: %s", job.id, error)


def plan(store: Store, home: Path, now: datetime, looked: dict[str, datetime]) -> list[Job]:
    """Queue a run of each window that is due, for each monitor whose time has come; `looked` says when it last had."""
    jobs: list[Job] = []
    for name in store.monitors():
        try:
            monitor = store.monitor(name)
            if _is_time(monitor, looked.get(name), now):
                jobs += _planned(monitor, store, home, now)
                looked[name] = now
            if monitor.keep is not None and _passed(looked, f"forget {name}", now):
                jobs.append(store.enqueue("forget", {"monitor": name}, key=f"forget {name}"))
        except Held:
            # A run of it is under way, here or on another server: asked again at the next tick, and nobody waits.
            continue
        except EvenhandError as error:
            # The other monitors go on.
            looked[name] = now
            _LOG.warning("Monitor %s could not be planned: %s", name, error)
    return jobs


def _is_time(monitor: Monitor, last: datetime | None, now: datetime) -> bool:
    """Whether a minute of its schedule has come since the last time; a worker that begins looks at once."""
    if monitor.schedule is None or last is None:
        return monitor.schedule is not None
    following = Cron.parse(monitor.schedule).next_after(last)
    return following is not None and following <= now


def _planned(monitor: Monitor, store: Store, home: Path, now: datetime) -> list[Job]:
    folder = home / monitor.name
    # Queued before the folder is let go: else another worker might be done with a window in between.
    with alone(folder, wait=False):
        return [queue_run(store, monitor.name, window) for window in due_alone(monitor, store, folder, now)]


def _passed(looked: dict[str, datetime], what: str, now: datetime) -> bool:
    """Whether something was not done for so long that it is to be done now."""
    last = looked.get(what)
    if last is not None and now - last < _TIDY:
        return False
    looked[what] = now
    return True


def queue_run(store: Store, name: str, window: Window) -> Job:
    """A job that runs one window; one that waits or runs already is returned instead."""
    payload = {"monitor": name, "start": window.start.isoformat(), "end": window.end.isoformat()}
    return store.enqueue("run", payload, key=f"run {name} {payload['start']} {payload['end']}")


def _run(worker: Worker, payload: Mapping[str, Any], say: Say) -> Mapping[str, Any]:
    monitor = worker.store.monitor(str(payload["monitor"]))
    outcome = run_window(monitor, _window(payload), worker.store, worker.home, now=worker.clock(), say=say)
    return {"monitor": monitor.name, "start": outcome.start, "end": outcome.end, "status": outcome.status}


def _forget(worker: Worker, payload: Mapping[str, Any], say: Say) -> Mapping[str, Any]:
    say("forgetting", 0.0)
    return {"removed": forget(worker.store.monitor(str(payload["monitor"])), worker.home, worker.clock())}


_HANDLERS: Mapping[str, Handler] = {"run": _run, "forget": _forget}


def _window(payload: Mapping[str, Any]) -> Window:
    return Window(moment(str(payload["start"])), moment(str(payload["end"])))
