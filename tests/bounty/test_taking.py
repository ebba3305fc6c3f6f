"""Taking: the clock, sizes and quotas, and that a file is kept once, under what it holds."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evenhand.bounty.judging.alone import handed_in_here, verdict_of
from evenhand.bounty.judging.running import Running, folder_of
from evenhand.bounty.judging.taking import Sent, require_open, taken
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Bounty
from evenhand.core.errors import DataError, SpecError
from evenhand.core.group import Group
from evenhand.core.store import Store
from evenhand.stores import open_store
from tests.bounty.opened import WRONGED, answers, open_bounty

GROUP = Group.parse(WRONGED)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path / 'log.db'}")


def sent(tmp_path: Path, content: bytes = b"id,prediction\n", team: str = "A") -> Sent:
    file = tmp_path / "sent.csv"
    file.write_bytes(content)
    return Sent(team, "predictions", GROUP, file)


def opened(store: Store, tmp_path: Path, **changes: object) -> Bounty:
    return open_bounty(store, tmp_path).model_copy(update=changes)


def test_a_file_is_kept_once_under_its_hash(store: Store, tmp_path: Path) -> None:
    bounty, folder = opened(store, tmp_path), folder_of(tmp_path, "loans")
    for team in ("A", "B"):
        store.join("loans", team, None)
        kept = taken(store, folder, bounty, sent(tmp_path, team=team))
        assert (kept.file, kept.name) == (hashlib.sha256(b"id,prediction\n").hexdigest(), "sent.csv")
    assert [path.name for path in (folder / "files").iterdir()] == [kept.file]
    with pytest.raises(DataError, match="the same as submission 1; it was taken once"):
        taken(store, folder, bounty, sent(tmp_path))


def test_what_is_too_large_or_too_late_is_not_taken(store: Store, tmp_path: Path) -> None:
    bounty, folder = opened(store, tmp_path), folder_of(tmp_path, "loans")
    small = bounty.model_copy(update={"limits": bounty.limits.model_copy(update={"bytes": 1024})})
    with pytest.raises(DataError, match=r"larger than 1,024 bytes, the most that this bounty takes\."):
        taken(store, folder, small, sent(tmp_path, b"x" * 1025))
    past = bounty.model_copy(update={"closes": datetime.now(UTC) - timedelta(seconds=1)})
    with pytest.raises(DataError, match=r"The bounty 'loans' has ended; it takes nothing more\."):
        require_open(store, past, "A")
    require_open(store, bounty.model_copy(update={"closes": datetime.now(UTC) + timedelta(hours=1)}), "A")
    store.end_bounty("loans")
    with pytest.raises(DataError, match="has ended"):
        taken(store, folder, bounty, sent(tmp_path))
    assert list((folder / "files").iterdir()) == []


def test_what_waits_counts_against_the_day_until_it_turns_out_to_cost_nothing(store: Store, tmp_path: Path) -> None:
    bounty = opened(store, tmp_path, per_day=1)
    folder = folder_of(tmp_path, "loans")
    store.join("loans", "A", None)
    number = taken(store, folder, bounty, sent(tmp_path)).number
    with pytest.raises(DataError, match="has used its 1 scored submissions of 24 hours; try later"):
        require_open(store, bounty, "A")
    require_open(store, bounty, "B")
    with Sandbox() as sandbox:
        running = Running(store, folder, sandbox)
        running.judge_next()
        verdict = verdict_of(store, "loans", number)
        assert verdict is not None
        assert (verdict.state, verdict.scored) == ("refused", False)  # it has no ids at all
        require_open(store, bounty, "A")
        with pytest.raises(SpecError, match="is no name of a team"):
            handed_in_here(running, sent(tmp_path, team="../A"))
        ended = handed_in_here(running, sent(tmp_path, answers(tmp_path), team="C"))
    assert ended.state == "accepted"
    with pytest.raises(DataError, match=r"has no submission 9\."):
        verdict_of(store, "loans", 9)


def test_what_failed_may_be_handed_in_again_and_counts_as_another(store: Store, tmp_path: Path) -> None:
    bounty, folder = opened(store, tmp_path), folder_of(tmp_path, "loans")
    store.join("loans", "A", None)
    broken = Sent("A", "model", GROUP, sent(tmp_path, b'{"learner": 3').file, "model.ubj")
    first = taken(store, folder, bounty, broken)
    with Sandbox() as sandbox:
        Running(store, folder, sandbox).judge_next()
    verdict = verdict_of(store, "loans", first.number)
    assert verdict is not None
    assert verdict.state == "failed"
    again = taken(store, folder, bounty, broken)
    assert (again.number, again.file) == (2, first.file)
    assert again.digest != first.digest
    with pytest.raises(DataError, match="the same as submission 2; it was taken once"):
        taken(store, folder, bounty, broken)
