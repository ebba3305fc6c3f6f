"""A bounty that runs: verdicts in the order of numbers, each once, and a log that replays bit for bit whoever dies."""

import hashlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from evenhand import DataError
from evenhand.bounty.judging.running import Bench, Running, folder_of, judge_waiting
from evenhand.bounty.proving.holdout import FILES, HIDDEN
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Submission, Verdict
from evenhand.stores import open_store
from evenhand.stores.store import SQLStore
from tests.bounty.opened import WRONGED, answers, as_parquet, open_bounty

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


def house(folder: Path, **rules: Any) -> tuple[SQLStore, str]:
    url = f"sqlite:///{folder / 'evenhand.db'}"
    store = open_store(url)
    open_bounty(store, folder, **rules)
    for team in "ABC":
        store.join("loans", team, None)
    return store, url


def hand_in(store: SQLStore, home: Path, team: str, group: str, content: bytes) -> int:
    digest = hashlib.sha256(content).hexdigest()
    (folder_of(home, "loans") / FILES / digest).write_bytes(content)
    told = hashlib.sha256(f"{group}\n{digest}".encode()).hexdigest()
    submission = Submission(
        number=1, team=team, kind="predictions", group=group, digest=told, file=digest, name="p.parquet",
        received=datetime.now(UTC),
    )  # fmt: skip
    return store.hand_in("loans", submission).number


def stories(home: Path, count: int, seed: int = 0) -> list[tuple[str, str, bytes]]:
    """Submissions of three teams: finds, noise, files that cannot be read, and repairs that finds make necessary."""
    numbers = np.random.default_rng(seed)
    hidden = parquet.read_table(folder_of(home, "loans") / HIDDEN)
    ids, age = hidden["id"].to_pylist(), hidden["age"].to_numpy()
    north = np.array(hidden["region"].to_pylist()) == "north"
    best = np.where((north & (age < 30)) | (age > 50), "yes", "no")
    made = []
    for number in range(count):
        # Never all right, or two of a team could be the same.
        right = numbers.random(len(ids)) < numbers.choice([0.5, 0.9, 0.99])
        given = np.where(right, best, np.where(best == "yes", "no", "yes"))
        content = as_parquet({"id": ids, "prediction": given}) if number % 5 != 3 else numbers.bytes(100)
        group = str(numbers.choice([WRONGED, "age<30", "region=north", f"age<{20 + number}", "code=1"]))
        made.append(("ABC"[number % 3], group, content))
    return made


def plain(store: SQLStore) -> list[Verdict | None]:
    """The log without clock times."""
    handed = store.handed_in("loans")
    return [
        None if each.verdict is None else each.verdict.model_copy(update={"seconds": 0.0, "judged": None})
        for each in handed
    ]


def test_submissions_are_judged_in_their_order_and_replay(tmp_path: Path, sandbox: Sandbox) -> None:
    store, _ = house(tmp_path)
    for each in stories(tmp_path, 12):
        hand_in(store, tmp_path, *each)
    told: list[str] = []
    bench = Bench(store, tmp_path, sandbox)
    assert judge_waiting(bench, "loans", lambda stage, _: told.append(stage)) == {"bounty": "loans", "judged": 12}
    assert told == [f"submission {number}" for number in range(1, 13)]
    states = [each.state for each in plain(store) if each is not None]
    assert {"accepted", "refused"} <= set(states)
    kept = bench.running["loans"].judge
    again = Running(store, folder_of(tmp_path, "loans"), sandbox).judge
    assert (again.list.list, again.accepted, again.scored) == (kept.list.list, kept.accepted, kept.scored)
    assert again.list.newest.tobytes() == kept.list.newest.tobytes()
    assert judge_waiting(bench, "loans")["judged"] == 0


def test_a_verdict_is_given_once(tmp_path: Path, sandbox: Sandbox) -> None:
    store, _ = house(tmp_path)
    hand_in(store, tmp_path, "A", WRONGED, answers(tmp_path))
    first, second = (Running(store, folder_of(tmp_path, "loans"), sandbox) for _ in range(2))
    waits = second.waiting()
    assert waits is not None
    assert first.judge_next() is not None
    # The second one had begun on the same submission; what it finds is not kept, and it begins anew.
    assert not store.end_submission("loans", Verdict(number=1, state="refused", told="no"))
    assert second.judge_next() is None
    assert second.judge.list.list == first.judge.list.list


def test_a_log_whose_files_were_changed_is_refused(tmp_path: Path, sandbox: Sandbox) -> None:
    store, _ = house(tmp_path)
    hand_in(store, tmp_path, "A", WRONGED, answers(tmp_path))
    judge_waiting(Bench(store, tmp_path, sandbox), "loans")
    folder = folder_of(tmp_path, "loans")
    (file,) = (folder / FILES).iterdir()
    whole = file.read_bytes()
    file.write_bytes(answers(tmp_path, better=False))
    with pytest.raises(DataError, match=r"^Submission 1 does not replay: .* the files of the bounty were changed\.$"):
        Running(store, folder, sandbox)
    file.unlink()
    with pytest.raises(DataError, match=r"^Submission 1, which was accepted, cannot be read again: Its file is gone"):
        Running(store, folder, sandbox)
    file.write_bytes(whole)
    assert Running(store, folder, sandbox).judge.accepted == [1]


def test_what_cannot_be_read_holds_nobody_up(tmp_path: Path, sandbox: Sandbox) -> None:
    store, _ = house(tmp_path)
    hand_in(store, tmp_path, "A", "no=group (", b"x")
    hand_in(store, tmp_path, "B", WRONGED, answers(tmp_path))
    judge_waiting(Bench(store, tmp_path, sandbox), "loans")
    assert [each.state for each in plain(store) if each is not None] == ["refused", "accepted"]


def test_judging_stops_between_submissions_when_asked(tmp_path: Path, sandbox: Sandbox) -> None:
    store, _ = house(tmp_path)
    for each in stories(tmp_path, 3):
        hand_in(store, tmp_path, *each)
    done: list[str] = []
    bench = Bench(store, tmp_path, sandbox)
    judge_waiting(bench, "loans", lambda stage, _: done.append(stage), lambda: len(done) >= 2)
    assert [verdict is not None for verdict in plain(store)] == [True, True, False]
    judge_waiting(bench, "loans")
    assert None not in plain(store)


def test_moments_of_verdicts_do_not_tell_how_long_judging_took(tmp_path: Path, sandbox: Sandbox) -> None:
    store, _ = house(tmp_path)
    for each in stories(tmp_path, 6):
        hand_in(store, tmp_path, *each)
    judge_waiting(Bench(store, tmp_path, sandbox), "loans")
    moments = [each.verdict.judged for each in store.handed_in("loans") if each.verdict is not None]
    assert all(moment is not None and moment.microsecond in (0, 500_000) for moment in moments)
    assert moments == sorted(moments, key=str)


def killed_once(url: str, home: Path, seconds: float) -> None:
    """Start a worker, and kill it so many seconds after it began to judge."""
    command = [sys.executable, "-m", "tests.bounty.judging", url, str(home), "loans"]
    worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    time.sleep(seconds)
    worker.kill()
    worker.communicate()


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_workers_killed_at_any_moment_lose_nothing(tmp_path: Path, sandbox: Sandbox, kills: int) -> None:
    rounds = random.Random(kills)  # noqa: S311 - no secret
    count = max(10, kills)
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole, _ = house(tmp_path / "whole", accept_at_most=50)
    store, url = house(tmp_path / "killed", accept_at_most=50)
    for each in stories(tmp_path / "whole", count):
        hand_in(whole, tmp_path / "whole", *each)
        hand_in(store, tmp_path / "killed", *each)
    judge_waiting(Bench(whole, tmp_path / "whole", sandbox), "loans")
    for _ in range(kills):
        killed_once(url, tmp_path / "killed", rounds.uniform(0.0, 2.5))
    while judge_waiting(Bench(store, tmp_path / "killed", sandbox), "loans")["judged"]:
        pass
    assert plain(store) == plain(whole)
    first, second = (
        Running(each, folder_of(tmp_path / name, "loans"), sandbox).judge
        for each, name in ((whole, "whole"), (store, "killed"))
    )
    assert first.list.list == second.list.list
    assert first.list.newest.tobytes() == second.list.newest.tobytes()
