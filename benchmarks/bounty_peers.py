"""Bounties beside the two public implementations, on the same submissions: CPU seconds, false acceptances, monotony.

    python benchmarks/bounty_peers.py                  writes benchmarks/results/bounty_peers.json
    python benchmarks/bounty_peers.py --runs 20        more runs of useless submissions

Their own code is run by bounty_their_code.py, in an environment of its own; where its results are there and are of the
same tables, they are read and compared ("their code"). The rest is their rules written again, so that this runs with
today's packages: `accepted_by_mean` (amazon-science/bias-bounties, `verifier.py`: the group's weight times its gain on
the validation rows is at least .001), `Template` (Declancharrison/Bias-Bounties-Template, `pdl.py`: repairs to the
least "error" of a group, which for accuracy is the worst version; without its acceptance), and `RowByRow`: a list that
is walked for one row at a time and asked anew for every group after every change. That is not how amazon-science's
`model.py` at 32414a6 predicts, which sends tables down the list: what `RowByRow` costs says nothing of that code.
Gains of exactly .001 are accepted here; their difference of two rates is often rounded to less, and accepts fewer.
"""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import bounty_pairs as played
import numpy as np
from bounty_pairs import USELESS, Member, Pair

from evenhand.bounty.proving.holdout import Holdout, parts_of
from evenhand.bounty.proving.judge import Judge
from evenhand.bounty.proving.versions import Versions
from evenhand.core.bounty import Bounty, Submission
from evenhand.core.loss import Loss

RESULTS = Path(__file__).resolve().parent / "results"
RESULT, THEIR_CODE = RESULTS / "bounty_peers.json", RESULTS / "bounty_their_code.json"
SPEEDS = ("amazon, lean", "amazon, full", "template, lean", "template, full")


class Claimed(NamedTuple):
    """What the judge reads."""

    mask: Any
    answers: Any


class RowByRow:
    """A pointer decision list whose nodes are walked for each single row: a rule, no one's code."""

    def __init__(self, base: Any, rows: Any, labels: Any) -> None:
        self.nodes: list[tuple[Member, Any]] = [(lambda frame: np.ones(len(frame), bool), base)]
        self.groups: list[Member] = []
        self.best: list[float] = []
        self.rows, self.labels = rows, labels

    def answer(self, row: Any, version: int) -> Any:
        for place in range(version, -1, -1):
            group, leaf = self.nodes[place]
            frame = row.to_frame().T
            if group(frame)[0]:
                return self.answer(row, leaf) if isinstance(leaf, int) else leaf.predict(frame)[0]
        raise AssertionError("the first node takes every row")

    def errors(self) -> list[float]:
        found = []
        for group in self.groups:
            here = group(self.rows)
            given = self.rows[here].apply(lambda row: self.answer(row, len(self.nodes) - 1), axis=1)
            found.append(float((given.to_numpy() != self.labels[here]).mean()))
        return found

    def update(self, pair: Pair) -> None:
        self.nodes.append((pair.group, pair.model))
        self.groups.append(pair.group)
        self.best.append(1.0)
        at = [len(self.nodes) - 1] * len(self.groups)
        while True:
            errors = self.errors()
            worse = [place for place, error in enumerate(errors) if error > self.best[place] + 1e-12]
            self.best = [min(one, two) for one, two in zip(self.best, errors, strict=True)]
            if not worse or len(self.nodes) > 40:
                return
            self.nodes.append((self.groups[worse[0]], at[worse[0]] - 1))


class Template:
    """Updates and repairs of Bias-Bounties-Template for accuracy: the `best` of a group is the least value it had."""

    def __init__(self, base: Any, labels: Any) -> None:
        self.labels, self.now = labels, base.copy()
        self.masks: list[Any] = []
        self.best: list[tuple[float, Any]] = []

    def value(self, mask: Any) -> float:
        return float((self.now[mask] == self.labels[mask]).mean())

    def update(self, mask: Any, answers: Any) -> None:
        self.now[mask] = answers[mask]
        self.masks.append(mask)
        self.best.append((self.value(mask), self.now[mask].copy()))
        for _ in range(1000):
            values = [self.value(each) for each in self.masks]
            for place, value in enumerate(values):
                if value < self.best[place][0]:
                    self.best[place] = (value, self.now[self.masks[place]].copy())
            worse = [
                place for place, mask in enumerate(self.masks)
                if mask.mean() * (values[place] - self.best[place][0]) > 1e-4
            ]  # fmt: skip
            if not worse:
                return
            self.now[self.masks[worse[0]]] = self.best[worse[0]][1]


def speed() -> dict[str, Any]:
    """Three submissions merged, with all repairs, on 1,500 rows; answering included on all sides."""
    frame, labels, base, found = played.merged()

    def ours() -> Versions:
        versions = Versions(Loss(), labels, base.predict(frame))
        for pair in found:
            mask, answers = pair.group(frame), np.zeros(len(frame), int)
            answers[mask] = pair.model.predict(frame[mask])
            versions.update(mask, answers)
            versions.repair()
        return versions

    def theirs() -> None:
        walked = RowByRow(base, frame, labels)
        for pair in found:
            walked.update(pair)

    mine, other = played.seconds(ours, 20), played.seconds(theirs)
    return {"rows": 1500, "submissions": 3, "evenhand": mine, "loss": float((ours().newest != labels).mean()),
            "row by row": other, "times": other / mine}  # fmt: skip


def monotony() -> dict[str, Any]:
    """Seven submissions for accuracy: how often an accepted group is served worse than by an earlier version."""
    counts = {"evenhand": 0, "template": 0}
    for seed in played.CONTESTS:
        frame, labels, base, found = played.contest(seed)
        start = base.predict(frame)
        versions, template = Versions(Loss(name="accuracy"), labels, start), Template(start, labels)
        best: dict[tuple[str, int], float] = {}
        masks: list[Any] = []
        for pair in found:
            mask, answers = pair.group(frame), pair.model.predict(frame)
            masks.append(mask)
            versions.update(mask, answers)
            versions.repair()
            template.update(mask, answers)
            for name, now in (("evenhand", versions.newest), ("template", template.now)):
                for place, each in enumerate(masks):
                    value = float((now[each] == labels[each]).mean())
                    counts[name] += value < best.get((name, place), 0.0) - 1e-12
                    best[name, place] = max(value, best.get((name, place), 0.0))
    return {"contests": len(played.CONTESTS), "submissions": 7, "violations": counts}


def accepted_by_mean(labels: Any, current: Any, mask: Any, answers: Any) -> bool:
    """verifier.py: the group's weight times its gain on the validation rows is at least .001."""
    gain = (current != labels).astype(float) - (answers != labels)
    return bool(np.where(mask, gain, 0.0).mean() >= 0.001)


def useless(rows: int, seed: int) -> tuple[int, int]:
    """How many of 300 useless submissions each accepts: labels are coins, groups are unions of cells."""
    labels, cells, submissions = played.coins(rows, seed)
    bounty = Bounty(name="b", label="y", classes=(0, 1), identity="id", features=("cell",), budget=USELESS)
    ids = np.array([f"r{place}" for place in range(rows)])
    judge = Judge(bounty, Holdout(ids, {"cell": cells}, labels, np.zeros(rows, int), *parts_of(ids, bounty)))
    theirs, taken, ours = np.zeros(rows, int), 0, 0
    for number, (chosen, answer) in enumerate(submissions, 1):
        mask, answers = np.isin(cells, chosen), np.full(rows, answer)
        if accepted_by_mean(labels, theirs, mask, answers):
            theirs = np.where(mask, answers, theirs)
            taken += 1
        ours += judge.judged(_submission(number), Claimed(mask, answers)).state == "accepted"
    return ours, taken


def _submission(number: int) -> Submission:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Submission(number=number, team="t", kind="predictions", group="cell=1", digest=f"{number}", received=now)


def their_code(mine: float) -> dict[str, Any] | None:
    """What bounty_their_code.py found, and how many times faster this is; None if it was not run on these tables."""
    if not THEIR_CODE.is_file():
        return None
    told = json.loads(THEIR_CODE.read_text(encoding="utf-8"))
    if told.pop("played") != played.digest():
        print(f"{THEIR_CODE.name} is of other tables; run bounty_their_code.py again.")
        return None
    cost = {name: told["speed"][name] for name in SPEEDS}
    return {**told, "times": {name: value / mine for name, value in cost.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="Runs of 300 useless submissions for each size.")
    runs = parser.parse_args().runs
    falsely = []
    for rows in played.SIZES:
        found = np.array([useless(rows, seed) for seed in range(runs)])
        falsely.append({"rows": rows, "runs": runs, "evenhand": float(found[:, 0].mean()),
                        "mean >= .001": float(found[:, 1].mean()), "each": found[:, 1].tolist()})  # fmt: skip
        print(falsely[-1], flush=True)
    quick = speed()
    told = {"speed": quick, "monotony": monotony(), "false acceptances of 300": falsely,
            "their code": their_code(quick["evenhand"])}  # fmt: skip
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
