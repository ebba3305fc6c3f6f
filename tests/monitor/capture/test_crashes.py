"""A process that is killed at any moment loses nothing it acknowledged, and nothing counts twice."""

import multiprocessing
import random
import time
from pathlib import Path

import pytest

from evenhand.core.store import Counted
from evenhand.core.window import Window
from evenhand.monitor.capture import Capture
from evenhand.stores import open_store
from tests.monitor.capture.crashing import work
from tests.monitor.capture.traffic_model import MONITOR, Model, batches, clock

SEED = 20_261_121
# Once, before the fork, and not by each of two hundred children.
LOADED = [
    "tests.monitor.capture.crashing", "alembic.command", "evenhand.stores.store", "mako.template", "numpy.ma", "pandas",
    "pyarrow.compute", "pyarrow.parquet", "sqlalchemy.dialects.sqlite",
]  # fmt: skip


def acknowledged(home: Path) -> list[str]:
    log = home / "acknowledged"
    return log.read_text().split() if log.exists() else []


def killed(home: Path, kills: int, number: int) -> int:
    """Run and kill children until so many were killed; returns how many kills hit."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    draw, hit = random.Random(SEED), 0  # noqa: S311
    for turn in range(kills):
        first = len(acknowledged(home))
        child = context.Process(target=work, args=(str(home), SEED, first, number, turn))
        child.start()
        more, until = draw.choice((0, 0, 1, 2, 8)), time.monotonic() + 60
        while child.is_alive() and time.monotonic() < until and not _far(home, turn, first + more):
            time.sleep(0.003)
        time.sleep(draw.random() * 0.2)
        child.kill()
        child.join()
        hit += child.exitcode == -9
        child.close()
    return hit


def _far(home: Path, turn: int, wanted: int) -> bool:
    """Whether a child has begun, and so many batches are acknowledged."""
    return (home / f"began {turn}").exists() and len(acknowledged(home)) >= wanted


def check(home: Path, number: int) -> None:
    """Send what was not acknowledged, and compare everything with the model."""
    known, store = acknowledged(home), open_store(f"sqlite:///{home / 'store.db'}")
    assert known == [str(place) for place in range(len(known))]  # none was left out, none came twice
    capture = Capture(home / "loans", MONITOR, clock=clock)
    model = Model()
    for place, (kind, batch) in enumerate(batches(SEED, number)):
        model.take(kind, batch)
        if place >= len(known):
            (capture.accept if kind == "predictions" else capture.accept_truth)(batch)
    capture.seal()
    capture.counted(store)
    both: tuple[Counted, ...] = ("all", "labelled")
    for counted in both:
        expected = model.cells(counted)
        assert len(expected) == 6
        for cell, tally in expected.items():
            found = store.tally(MONITOR.name, Window(cell.start, cell.end), counted)
            assert found == tally, (counted, cell)
    assert capture.corrections() == len(model.corrections)
    assert sorted(path.suffix for path in (home / "loans" / "journal").iterdir()) == [".lock", ".open"]


def crash(home: Path, kills: int, number: int) -> None:
    open_store(f"sqlite:///{home / 'store.db'}").put_monitor(MONITOR)
    assert killed(home, kills, number) == kills  # each was still at work
    assert len(acknowledged(home)) > kills // 3
    check(home, number)


def test_fifteen_kills(tmp_path: Path) -> None:
    crash(tmp_path, 15, 2_000)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hundred_kills(tmp_path: Path) -> None:
    crash(tmp_path, 200, 20_000)
