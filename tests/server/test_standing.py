"""Standing: what was taken up piece by piece is what the whole log says, and what waits is read once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evenhand.core.bounty import ENDED, Bounty, Submission, Verdict
from evenhand.core.store import Handed, Store
from evenhand.server.standing import Standing
from evenhand.stores import open_store
from evenhand.stores.store import SQLStore

RULES = Bounty(name="loans", label="paid", classes=(0, 1), identity="id", features=("age",))


def handed_in(store: Store, digest: str, team: str = "A") -> int:
    sent = {"number": 1, "team": team, "kind": "predictions", "group": "age<3", "digest": digest}
    return store.hand_in("loans", Submission.model_validate({**sent, "received": datetime.now(UTC)})).number


def ended(store: Store, number: int, **more: Any) -> None:
    assert store.end_submission("loans", Verdict.model_validate({"number": number, "told": "", **more}))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    found.open_bounty(RULES)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_taken_up_piece_by_piece_it_is_what_the_whole_log_says(store: Store, seed: int) -> None:
    chance, standing, judged, taken = np.random.default_rng(seed), Standing("loans"), 0, 0
    for _ in range(60):
        what = float(chance.random())
        if what < 0.4:
            taken = handed_in(store, str(taken), "AB"[chance.integers(2)])
        elif what < 0.8 and judged < taken:
            judged += 1
            state = ENDED[chance.integers(3)]
            ended(store, judged, state=state, scored=state != "failed", version=judged if state == "accepted" else None)
        else:
            standing.catch_up(store)
    standing.catch_up(store)
    whole = Standing("loans")
    whole.catch_up(store)
    assert standing == whole
    assert (standing.seen, len(standing.waiting)) == (judged, taken - judged)
    assert [each.number for each in standing.waiting] == list(range(judged + 1, taken + 1))


def test_a_verdict_that_is_not_told_yet_still_waits(store: Store) -> None:
    standing = Standing("loans")
    for digest in "ab":
        handed_in(store, digest)
    standing.catch_up(store)
    ended(store, 1, state="refused", scored=True, judged=datetime.now(UTC) + timedelta(hours=1))
    standing.catch_up(store)
    assert (standing.seen, standing.scored, len(standing.waiting)) == (0, 0, 2)
    assert standing.same("A", "a") == (1, False)


class Counting(SQLStore):
    """A store that counts what is read of its log."""

    read = 0

    def handed_in(self, *words: Any, **more: Any) -> Sequence[Handed]:
        found = super().handed_in(*words, **more)
        self.read += len(found)
        return found


def test_what_waits_is_not_read_again(store: Store) -> None:
    assert isinstance(store, SQLStore)
    counting, standing = Counting(store._engine), Standing("loans")
    for place in range(50):
        handed_in(store, str(place))
    standing.catch_up(counting)
    counting.read = 0
    for number in range(1, 6):
        ended(store, number, state="refused", scored=True)
        handed_in(store, f"new {number}")
        standing.catch_up(counting)
    assert counting.read == 10
    assert (standing.seen, len(standing.waiting)) == (5, 50)
