"""Several processes at once lose nothing and do nothing twice, and one that is killed leaves a whole store."""

import subprocess
import sys
import time
from collections.abc import Sequence
from functools import reduce
from operator import add
from pathlib import Path

import pytest
import sqlalchemy as sa

from evenhand.core.window import Window
from evenhand.stores import open_store
from evenhand.stores.store import SQLStore
from tests.stores.making import START, counts, day, monitor, outcome

ROOT = Path(__file__).parents[2]


def _start(url: str, what: str, worker: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.stores.working", url, what, worker]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _work(url: str, what: str, workers: Sequence[str]) -> list[list[int]]:
    """Processes that begin together; what each of them said."""
    started = [_start(url, what, worker) for worker in workers]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write(counts().to_json())
        process.stdin.flush()
    said = [process.communicate(timeout=200)[0] for process in started]
    assert [process.returncode for process in started] == [0] * len(started)
    return [[int(line) for line in text.split()] for text in said]


@pytest.mark.slow
def test_two_processes_do_every_job_once(url: str) -> None:
    with open_store(url) as store:
        numbers = [store.enqueue("run", {}).id for _ in range(120)]
        first, second = _work(url, "lease", ["w1", "w2"])
        assert sorted(first + second) == numbers
        done = {job.id: job.result["by"] for job in store.jobs(states=["done"], most=1000)}
    assert done == dict.fromkeys(first, "w1") | dict.fromkeys(second, "w2")


@pytest.mark.slow
def test_what_several_processes_add_is_counted_once_each(url: str) -> None:
    with open_store(url) as store:
        store.put_monitor(monitor())
        first, second, third = _work(url, "add", ["w1", "w2", "w3"])
        assert sorted(first + second + third) == list(range(60))
        assert store.tally("loans", day(0), "all") == reduce(add, [counts()] * 60)
        assert store.tally("loans", day(0), "labelled") == reduce(add, [counts()] * 180)
        (alert,) = store.alerts()
        assert (alert.windows, alert.reading in {"w1", "w2", "w3"}) == (1, True)
        assert len(store.jobs()) == 1


@pytest.mark.parametrize("seconds", [0.05, *(pytest.param(each, marks=pytest.mark.slow) for each in (0.31, 0.77))])
def test_a_process_killed_while_writing_leaves_a_whole_store(url: str, seconds: float) -> None:
    with open_store(url) as store:
        store.put_monitor(monitor())
    process = _start(url, "write", "w")
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write(counts().to_json())
    process.stdin.flush()
    assert process.stdout.readline() == "0\n"
    time.sleep(seconds)
    process.kill()
    said = len(process.communicate()[0].split()) + 1
    with open_store(url) as store:
        if url.startswith("sqlite"):
            with store._reading() as connection:
                assert connection.execute(sa.text("PRAGMA integrity_check")).scalar() == "ok"
                assert connection.execute(sa.text("PRAGMA foreign_key_check")).all() == []
        _check_whole(store, said)
        assert store.add_tally("loans", day(9), "all", "after", counts())


def _check_whole(store: SQLStore, said: int) -> None:
    whole = store.tally("loans", Window(START, day(3).end), "all")
    outcomes, alerts = store.outcomes("loans", most=10_000), store.alerts()
    assert whole is not None
    kept = whole.rows // counts().rows
    # What was said is kept; at most what was being written when the process was killed is there besides.
    assert whole == reduce(add, [counts()] * kept)
    assert said <= len(store.deliveries(most=10_000)) <= len(alerts) <= len(outcomes) <= kept <= said + 1
    assert sorted(each.rows for each in outcomes) == list(range(len(outcomes)))
    assert outcomes[0] == outcome(0, rows=0)
