"""Jobs that survive restarts: a worker holds a job by a lease, and whoever loses it to another learns so."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from evenhand.core.errors import DataError
from evenhand.core.store import Job, JobState
from evenhand.stores.database import Database, inserting, made_or_found, require_row
from evenhand.stores.tables import UNFINISHED, jobs


class Jobs(Database):
    """The jobs that a store keeps."""

    def enqueue(self, kind: str, payload: Mapping[str, Any], *, key: str | None = None) -> Job:
        """A job; one with the same key that is not finished yet is returned instead."""
        row = {"kind": kind, "payload": _json(payload), "key": key, "result": "{}"}
        there = sa.select(jobs).where(jobs.c.key == key, jobs.c.state.in_(("waiting", "running")))
        with self._writing() as connection:
            new = inserting(connection, jobs).values(
                **row, state="waiting", created=self._now(connection), progress=0.0, stage=""
            )
            new = new.on_conflict_do_nothing(index_elements=["key"], index_where=sa.text(UNFINISHED))
            return _job(made_or_found(connection, new.returning(*jobs.c), there)[0])

    def lease(self, worker: str, seconds: float) -> Job | None:
        """The oldest job that waits or whose lease ran out, now held by this worker."""
        with self._writing() as connection:
            now = self._now(connection)
            lost = (jobs.c.state == "running") & (jobs.c.lease_until <= now)
            query = sa.select(jobs.c.id).where((jobs.c.state == "waiting") | lost).order_by(jobs.c.id).limit(1)
            number = connection.execute(query.with_for_update(skip_locked=True)).scalar()
            if number is None:
                return None
            held = {"worker": worker, "lease_until": now + timedelta(seconds=seconds)}
            taken = sa.update(jobs).where(jobs.c.id == number).values(**held, state="running", progress=0.0, stage="")
            return _job(connection.execute(taken.returning(*jobs.c)).one())

    def renew(self, job: int, worker: str, seconds: float, *, progress: float = 0.0, stage: str = "") -> bool:
        """Keep holding a job and say how far it is; False where it was cancelled or taken over."""
        with self._writing() as connection:
            until = self._now(connection) + timedelta(seconds=seconds)
            return _kept(connection, job, worker, {"lease_until": until, "progress": progress, "stage": stage})

    def finish(
        self, job: int, worker: str, *, result: Mapping[str, Any] | None = None, error: str | None = None
    ) -> bool:
        """The end of a job; False where another worker holds it now."""
        end: dict[str, Any] = {"state": "done" if error is None else "failed", "error": error, "lease_until": None}
        end["result"] = _json(result or {})
        if error is None:
            end["progress"] = 1.0
        with self._writing() as connection:
            return _kept(connection, job, worker, {**end, "ended": self._now(connection)})

    def cancel(self, job: int) -> None:
        """Ask that a job stops; one that has ended stays as it is. Raises DataError."""
        with self._writing() as connection:
            if require_row(connection, jobs, job, "job").state in ("waiting", "running"):
                end = {"state": "cancelled", "lease_until": None, "ended": self._now(connection)}
                connection.execute(sa.update(jobs).where(jobs.c.id == job).values(end))

    def jobs(self, *, states: Sequence[JobState] = (), most: int = 100) -> Sequence[Job]:
        """Jobs, latest first."""
        query = sa.select(jobs).order_by(jobs.c.id.desc()).limit(most)
        if states:
            query = query.where(jobs.c.state.in_(states))
        with self._reading() as connection:
            return [_job(row) for row in connection.execute(query)]


def _kept(connection: sa.Connection, job: int, worker: str, values: Mapping[str, Any]) -> bool:
    mine = (jobs.c.id == job) & (jobs.c.worker == worker) & (jobs.c.state == "running")
    return connection.execute(sa.update(jobs).where(mine).values(values)).rowcount == 1


def _json(content: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(content), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DataError(f"The payload and the result of a job must be JSON: {error}.") from None


def _job(row: sa.Row[Any]) -> Job:
    values = {name: value for name, value in row._mapping.items() if name != "key"}
    return Job(**values | _contents(row))


def _contents(row: sa.Row[Any]) -> dict[str, Any]:
    # SQLite returns a whole number from a column of fractions as an integer.
    return {"payload": json.loads(row.payload), "result": json.loads(row.result), "progress": float(row.progress)}
