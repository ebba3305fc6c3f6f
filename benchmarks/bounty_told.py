"""What a simulated contest came to: whether anything was lost, how fast it was, memory, and whose errors are left."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from bounty_bots import KINDS
from bounty_played import Seen

from evenhand.bounty.judging.replaying import replayed
from evenhand.bounty.judging.running import Running
from evenhand.bounty.proving.holdout import BOARD
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.store import Handed, Store

GROUPS: dict[str, tuple[str, int] | None] = {
    "all": None,
    "SEX=1": ("SEX", 1),
    "SEX=2": ("SEX", 2),
    **{f"RAC1P={code}": ("RAC1P", code) for code in range(9)},
}


class Enough(Exception):
    """The replay had its time."""


def log_of(store: Store, name: str) -> list[Handed]:
    """The whole log."""
    log: list[Handed] = []
    while more := store.handed_in(name, after=log[-1].submission.number if log else 0):
        log += more
    return log


def kept(log: list[Handed], seen: Seen, left: dict[str, int]) -> dict[str, Any]:
    """Whether each acknowledged submission is in the log with one verdict, and is counted once."""
    held = {each.submission.number: (each.submission.team, each.submission.file) for each in log}
    wrong = [number for number, what in seen.acknowledged.items() if held.get(number) != what]
    scored = sum(each.verdict.scored for each in log if each.verdict is not None)
    return {
        "acknowledged": len(seen.acknowledged), "in the log": len(log), "lost or changed": len(wrong),
        "without a verdict": sum(each.verdict is None for each in log), "acknowledged twice": len(seen.repeated),
        "numbers without gaps": [*held] == list(range(1, len(log) + 1)),
        "submissions handed in once": len({(each.submission.team, each.submission.digest) for each in log}) == len(log),
        "scored by the log": scored, "scored by the server's count": left["scored"],
    }  # fmt: skip


def ended(log: list[Handed], seen: Seen) -> dict[str, Any]:
    """How submissions ended, by what sort of team handed them in."""
    states: dict[str, Counter[str]] = {}
    for each in log:
        kind = KINDS[int(each.submission.team.split("-")[1]) % len(KINDS)]
        states.setdefault(kind, Counter())[each.verdict.state if each.verdict else "waiting"] += 1
    return {"how": {kind: dict(each) for kind, each in states.items()}, "turned away": len(seen.told),
            "turned away, such as": sorted(set(seen.told))[:8],
            "taken by teams' own lists": sum(each.verdict.private for each in log if each.verdict)}  # fmt: skip


def speed(log: list[Handed], seen: Seen, wall: float) -> dict[str, Any]:
    """Seconds of judging and of acknowledging."""
    judging = [each.verdict.seconds for each in log if each.verdict is not None]
    return {
        "judging seconds": _quantiles(judging), "acknowledging seconds": _quantiles(seen.seconds),
        "acknowledged a second": round(len(seen.acknowledged) / wall, 2), "seconds in all": round(wall, 1),
    }  # fmt: skip


def _quantiles(seconds: list[float]) -> dict[str, float]:
    return {
        name: round(float(np.quantile(seconds, at)), 3) for name, at in (("median", 0.5), ("99%", 0.99), ("most", 1))
    }


def memory(seen: Seen) -> dict[str, Any]:
    """Of each process over time, where it was at some shares of the contest, and how it grew after a tenth of it.

    What was lost at the kill grows anew, so that both halves are looked at apart.
    """
    rows = seen.memory
    total = max(seen.judged, 1)
    at = {
        f"{share:.0%}": min(rows, key=lambda row: abs(row["judged"] - share * total)) for share in (0.1, 0.45, 0.6, 1)
    }
    thin = rows[:: max(1, len(rows) // 50)]
    halves = {"before the kill": (0.1, 0.5), "after it": (0.6, 1.0)}
    return {"at": at, "MB for each 1,000 submissions": {
        name: _slopes([row for row in rows if low * total <= row["judged"] <= high * total])
        for name, (low, high) in halves.items()
    }, "over time": thin}  # fmt: skip


def _slopes(rows: list[dict[str, float]]) -> dict[str, float]:
    if len(rows) < 3:
        return {}
    judged = np.array([row["judged"] for row in rows]) / 1000
    return {
        role: round(float(np.polyfit(judged, [row[role] for row in rows], 1)[0]), 1)
        for role in ("server", "worker", "sandboxes")
    }


def losses(store: Store, folder: Path, public: dict[str, Any], features: list[str], label: str) -> dict[str, Any]:
    """Errors on the rows of the board, replayed from the log: base model, final model, LightGBM."""
    import lightgbm

    began = time.monotonic()
    with Sandbox() as sandbox:
        running = Running(store, folder, sandbox)
    seconds = round(time.monotonic() - began, 1)
    versions, held = running.judge._parts[BOARD].versions, running.holdout
    rows = held.rows(BOARD)
    best = lightgbm.LGBMClassifier(n_estimators=300, learning_rate=0.05, num_leaves=31, num_threads=1, verbosity=-1)
    best.fit(np.column_stack([public[name] for name in features]), public[label])
    said = best.predict(np.column_stack([held.columns[name][rows] for name in features]))
    answers = {"base": held.base[rows], "final": versions.newest, "LightGBM": said}
    found: dict[str, Any] = {}
    for group, where in GROUPS.items():
        mask = np.ones(len(rows), bool) if where is None else held.columns[where[0]][rows] == where[1]
        if mask.sum() >= 30:
            wrong = {name: float((given[mask] != held.labels[rows][mask]).mean()) for name, given in answers.items()}
            found[group] = {"rows": int(mask.sum()), **{name: round(value, 4) for name, value in wrong.items()}}
    return {"version": running.judge.list.list.version, "accepted": len(running.judge.accepted),
            "opened again from the log, seconds": seconds, "errors on the board": found}  # fmt: skip


def judged_again(store: Store, folder: Path, seconds: float) -> dict[str, Any]:
    """Every verdict again from the files, bit for bit, or as many as there is time for."""
    began, last = time.monotonic(), 0

    def say(number: int) -> None:
        nonlocal last
        last = number
        if time.monotonic() - began > seconds:
            raise Enough

    with Sandbox() as sandbox:
        try:
            again = replayed(store, folder, sandbox, say=say)
        except Enough:
            return {"the same, bit for bit, up to submission": last, "all": False}
    return {"the same, bit for bit": again.same, "failed": again.failed, "all": True, "version": again.version,
            "seconds": round(time.monotonic() - began, 1)}  # fmt: skip
