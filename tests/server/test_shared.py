"""Two servers over one PostgreSQL: they share records, sessions and jobs, and no job is done twice."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from evenhand.client import Client
from evenhand.core.monitor import Monitor
from tests.server.conftest import LOANS, records
from tests.server.launching import ENVIRONMENT, Running, launched, new_key
from tests.stores.conftest import _new_database, postgres

__all__ = ["postgres"]  # the fixture
pytestmark = pytest.mark.postgres

# Notes each time that a job gets a worker.
TAKEN = """
CREATE TABLE taken (job bigint, worker text);
CREATE FUNCTION note_taken() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO taken VALUES (NEW.id, NEW.worker); RETURN NEW; END $$;
CREATE TRIGGER taken AFTER UPDATE ON evenhand_jobs FOR EACH ROW
WHEN (NEW.state = 'running' AND NEW.worker IS DISTINCT FROM OLD.worker) EXECUTE FUNCTION note_taken();
"""


@pytest.fixture
def database(postgres: str) -> str:
    return _new_database(postgres)


@pytest.fixture
def pair(database: str, tmp_path: Path) -> Iterator[tuple[Running, Running]]:
    environment = {**ENVIRONMENT, "EVENHAND_HOME": str(tmp_path)}
    key = new_key(database, environment)
    with (
        launched(database, key, environment=environment) as first,
        launched(database, key, environment=environment) as second,
    ):
        yield first, second


def asked(database: str, text: str) -> list[Any]:
    engine = sa.create_engine(
        database.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    with engine.connect() as connection:
        found = connection.exec_driver_sql(text)
        return [tuple(row) for row in found] if found.returns_rows else []


@pytest.mark.slow
def test_two_servers_share_a_database(pair: tuple[Running, Running], database: str) -> None:
    one, other = pair
    with Client(one.address, key=one.key) as first, Client(other.address, key=other.key) as second:
        first.put_monitor(Monitor.model_validate(LOANS))
        assert second.monitors() == ["loans"]
        assert first.capture("loans", records(0, 200)) == {"accepted": 200, "duplicates": 0}
        assert second.capture("loans", records(100, 200))["accepted"] + 100 >= 200  # the other's show when sealed
        assert second.truth("loans", [{"id": f"r{each}", "repaid": "yes"} for each in range(300)])["accepted"] == 300
        job = second.wait(first.run("loans", "2026-11-20"), seconds=60)
        assert job["state"] == "done", job
        (outcome,) = second.outcomes("loans")
        assert (outcome.rows, outcome.labelled) == (300, 300)
        _no_job_twice(first, second, database)
    _pages(one, other)


def _no_job_twice(first: Client, second: Client, database: str) -> None:
    """Both servers do jobs until each has done some; each job was taken once."""
    asked(database, TAKEN)
    day, ends = date(2026, 10, 1), time.monotonic() + 60
    numbers: list[int] = []
    while len({worker for _, worker in asked(database, "SELECT * FROM taken")}) < 2:
        assert time.monotonic() < ends
        for client in (first, second):
            day += timedelta(days=-1)
            # Asked for at both: one job, unless it is done already when it is asked for again.
            numbers += [client.run("loans", str(day)), (second if client is first else first).run("loans", str(day))]
        time.sleep(0.2)
    assert {first.wait(number, seconds=60)["state"] for number in numbers} == {"done"}
    taken = Counter(job for job, _ in asked(database, "SELECT * FROM taken"))
    assert set(taken) == set(numbers)
    assert set(taken.values()) == {1}


def _pages(one: Running, other: Running) -> None:
    """A session of the first server is one of the second, and is over for both."""
    opened = httpx.get(f"{one.address}/open?token={one.token}", follow_redirects=False)
    cookies = dict(opened.cookies)
    for server in (one, other):
        for path in ("/", "/monitors/loans", "/alerts", "/jobs", "/reports"):
            assert httpx.get(server.address + path, cookies=cookies).status_code == 200, path
        assert httpx.get(f"{server.address}/api/session", cookies=cookies).status_code == 200
    httpx.delete(f"{one.address}/api/session", cookies=cookies, headers={"Origin": one.address}).raise_for_status()
    for server in (one, other):
        assert httpx.get(f"{server.address}/api/session", cookies=cookies).status_code == 401
