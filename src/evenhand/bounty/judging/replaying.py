"""Replaying: everything judged again from the files, and each verdict compared with the log, bit for bit."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evenhand.bounty.judging.running import claim_of
from evenhand.bounty.proving.holdout import opened
from evenhand.bounty.proving.judge import Judge
from evenhand.bounty.submissions.claims import Claim, Failure
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Submission, Verdict
from evenhand.core.errors import DataError
from evenhand.core.store import Store

_AT_ONCE = 200
# When it was judged and how long it took are no part of what it found.
_OF_THE_DAY = ("judged", "seconds")


@dataclass(frozen=True)
class Replayed:
    """How many verdicts are the same, how many failed and were not tried again, and the version that all this makes."""

    same: int
    failed: int
    waiting: int
    version: int


def replayed(store: Store, folder: Path, sandbox: Sandbox, *, say: Callable[[int], None] = lambda _: None) -> Replayed:
    """Judge the whole log again; raises DataError at the first verdict that is not what the log says.

    What failed is not tried again: it was over its limits on that day, which no file shows, and it changed nothing.
    """
    bounty, holdout = opened(folder)
    judge = Judge(bounty, holdout)
    same = failed = at = 0
    while handed := store.handed_in(bounty.name, after=at, most=_AT_ONCE):
        for each in handed:
            if each.verdict is None:
                return Replayed(same, failed, _waiting(store, bounty.name, at), judge.list.list.version)
            at = each.submission.number
            if each.verdict.state == "failed":
                failed += 1
                continue
            claim = claim_of(bounty, holdout, each.submission, folder, sandbox)
            _compare(_judged(judge, each.submission, claim), each.verdict)
            same += 1
            say(at)
    return Replayed(same, failed, 0, judge.list.list.version)


def _judged(judge: Judge, submission: Submission, claim: object) -> Verdict:
    if isinstance(claim, Claim):
        return judge.judged(submission, claim)
    state = "failed" if isinstance(claim, Failure) else "refused"
    return Verdict.model_validate({"number": submission.number, "state": state, "told": getattr(claim, "told", "")})


def _compare(now: Verdict, then: Verdict) -> None:
    for name in Verdict.model_fields:
        new, old = getattr(now, name), getattr(then, name)
        if name not in _OF_THE_DAY and new != old:
            raise DataError(
                f"Submission {then.number} does not replay: {name} was {old!r} and is now {new!r}; the files of the"
                " bounty or its log were changed."
            )


def _waiting(store: Store, bounty: str, after: int) -> int:
    found = 0
    while handed := store.handed_in(bounty, after=after, most=_AT_ONCE):
        found += len(handed)
        after = handed[-1].submission.number
    return found
