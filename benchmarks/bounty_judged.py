"""Times a bounty's judge at size: hundreds of accepted submissions on one hold-out, opened again, and handed out.

`bounty_list.py` runs it. Teams know the truth here, and each answers a group of those served worst with errors of its
own that are smaller on the whole, so that nearly all of it is proven, and row by row it is a toss: hard for repairs.
"""

import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
from pyarrow import parquet

from evenhand import load_model
from evenhand.bounty.afterwards.delivering import deliver
from evenhand.bounty.contest.scoreboard import Scoreboard
from evenhand.bounty.judging.running import Running
from evenhand.bounty.judging.taking import Sent, taken
from evenhand.bounty.proving.holdout import BOARD, CHECK, REPAIR
from evenhand.bounty.proving.opening import Opening, opened_in
from evenhand.bounty.submissions.answering import answers_of
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Submission, Verdict
from evenhand.core.group import Group
from evenhand.core.loss import Loss
from evenhand.core.store import Store
from evenhand.models.membership import Members
from evenhand.stores import open_store

TEAMS = ("A", "B", "C", "D", "E")
SMALLER = 0.6
WORTH = 25.0  # standard errors on all rows: half of them prove, and the bar is high after many acceptances
TRIES = 5  # for each submission that is to be accepted
LOSS = "absolute:4"


@dataclass
class Judged:
    """A bounty at work, and the CPU seconds of each submission that was judged."""

    running: Running
    truth: Any
    numbers: np.random.Generator = field(default_factory=lambda: np.random.default_rng(5))
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    repairs: list[int] = field(default_factory=list)

    @property
    def parts(self) -> list[Any]:
        return [self.running.judge._parts[part] for part in (CHECK, REPAIR, BOARD)]

    def now(self) -> Any:
        answers = np.empty(len(self.truth))
        for part in self.parts:
            answers[part.rows] = part.versions.newest
        return answers

    def submit(self, texts: list[str], masks: list[Any]) -> None:
        """Hand in answers for the group where they are better beyond all doubt, and judge them."""
        errors = np.abs(self.now() - self.truth)
        tried = [self.answered(errors[mask]) for mask in masks]
        place = int(np.argmax([sure(errors[mask] - np.abs(error)) for mask, error in zip(masks, tried, strict=True)]))
        mask = masks[place]
        if sure(errors[mask] - np.abs(tried[place])) < WORTH:
            return
        answers = self.truth[mask] + tried[place]
        running = self.running
        file = running.folder / "sent.parquet"
        table = {"person": running.holdout.ids[mask], "prediction": answers}
        parquet.write_table(pyarrow.table(table), file)
        team = TEAMS[int(self.numbers.integers(len(TEAMS)))]
        taken(running.store, running.folder, running.bounty, Sent(team, "predictions", Group.parse(texts[place]), file))
        verdict = running.judge_next()
        assert verdict is not None and verdict.state in ("accepted", "refused"), verdict
        if verdict.state == "accepted":
            self.repairs.append(verdict.repairs)
        self.whole.append(verdict.seconds)

    def answered(self, errors: Any) -> Any:
        return self.numbers.normal(size=len(errors)) * 1.5 * SMALLER * np.median(errors)


def sure(falls: Any) -> float:
    """By how many standard errors the answers are better."""
    return float(falls.sum() / np.sqrt((falls**2).sum()))


def judged_at_size(rows: pd.DataFrame, wanted: int, group: Callable[[np.random.Generator], str]) -> dict[str, Any]:
    """A bounty judged until as many were accepted or none is worth it, then opened anew, shown, delivered and asked."""
    numbers = np.random.default_rng(3)
    truth = numbers.normal(size=len(rows))
    data = rows.drop(columns="guess").assign(truth=truth, said=truth + 2 * numbers.normal(size=len(rows)))
    rules = {"loss": Loss.parse(LOSS), "checker": "paired-z", "budget": 3 * wanted, "accept_at_most": wanted, "seed": 1}
    with tempfile.TemporaryDirectory() as place, Sandbox() as sandbox:
        folder, store = Path(place) / "b", open_store(f"sqlite:///{place}/log.db")
        store.open_bounty(opened_in(folder, _opening(data, rules)).bounty)
        for team in TEAMS:
            store.join("b", team, None)
        judged = _contest(Running(store, folder, sandbox), data, wanted, group)
        return _told(judged, wanted) | {"again": _again(judged, store, sandbox, data)}


def _opening(data: pd.DataFrame, rules: dict[str, Any]) -> Opening:
    features = ("age", "income", "hours", "sex", "city")
    return Opening("b", data, "truth", predicted=("said",), identity="person", features=features, rules=rules)


def _contest(running: Running, data: pd.DataFrame, wanted: int, group: Callable[..., str]) -> Judged:
    known = data.set_index("person").loc[running.holdout.ids]
    judged, members = Judged(running, known["truth"].to_numpy()), Members(running.holdout.columns)
    _watch(judged)
    for _ in range(TRIES * wanted):
        if running.judge.closed is not None:
            break
        texts = [group(judged.numbers) for _ in range(6)]
        judged.submit(texts, [members.mask(Group.parse(text)) for text in texts])
    assert len(judged.accepted) > wanted / 3, "too few were accepted to tell anything"
    return judged


def _watch(judged: Judged) -> None:
    """Count what judging takes beside reading what was handed in, which another process does."""
    judge = judged.running.judge
    plain = judge.judged

    def counted(submission: Submission, claim: Any) -> Verdict:
        start = time.process_time()
        verdict = plain(submission, claim)
        seconds = time.process_time() - start
        (judged.accepted if verdict.state == "accepted" else judged.refused).append(seconds)
        return verdict

    judge.judged = counted  # type: ignore[method-assign]


def _told(judged: Judged, wanted: int) -> dict[str, Any]:
    last = judged.accepted[-20:]
    return {
        "accepted": len(judged.accepted), "wanted": wanted, "refused": len(judged.refused),
        "pointers": sum(judged.repairs), "most pointers at once": max(judged.repairs),
        "judged, the last 20 accepted": round(float(np.mean(last)), 4),
        "judged, the slowest": round(max(judged.accepted), 4),
        "refused, mean": round(float(np.mean(judged.refused or [0])), 4),
        "with reading, wall, mean": round(float(np.mean(judged.whole)), 3),
        "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip


def _again(judged: Judged, store: Store, sandbox: Sandbox, data: pd.DataFrame) -> dict[str, Any]:
    running, found = judged.running, {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        made = work()
        found[name] = {"wall": round(time.perf_counter() - wall, 2), "cpu": round(time.process_time() - cpu, 2)}
        return made

    anew = timed("open and replay", lambda: Running(store, running.folder, sandbox))
    timed("scoreboard", lambda: Scoreboard(store, running.folder, sandbox).contest(owner=True))
    for part, old in zip((CHECK, REPAIR, BOARD), judged.parts, strict=True):
        held = anew.judge._parts[part].versions
        assert held.list == old.versions.list and held.newest.tobytes() == old.versions.newest.tobytes()
    place = running.folder.parent / "model"
    timed("deliver", lambda: deliver(running.folder, store, place, sandbox=sandbox))
    model = timed("load", lambda: load_model(place))
    rows = data.set_index("person").loc[running.holdout.ids].reset_index()
    answers = timed("predict", lambda: answers_of(model, rows, running.bounty.loss, ()))
    assert answers.tobytes() == judged.now().tobytes(), "the delivered model answers otherwise than the judge's list"
    return found
