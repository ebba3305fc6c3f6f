"""Running: a bounty from its folder and its log, in whose order submissions are judged, and which replays.

When a verdict is told is settled before any label is looked at: at a beat of the clock, far enough ahead for judging.
So how long a proof, a merge or a repair took tells hunters nothing; only what is slower than that waits for the next
beat. What does come out — accepted or not — is the one bit for which the checkers' bars pay.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evenhand.bounty.proving.holdout import FILES, Holdout, opened
from evenhand.bounty.proving.judge import Judge
from evenhand.bounty.submissions.claims import Claim, Failure, Refusal, claimed
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Bounty, Submission, Verdict
from evenhand.core.errors import DataError, MissingExtra
from evenhand.core.store import Handed, Store

Say = Callable[[str, float], None]
BEAT = 0.5  # seconds between the moments at which verdicts are told
_AHEAD = 0.25  # seconds that judging has before such a moment
_TURN = 20.0  # seconds after which other jobs of a worker have their turn
_AT_ONCE = 200
_LOG = logging.getLogger(__name__)


def folder_of(home: Path, name: str) -> Path:
    """The folder of a bounty below the folder of a server's records, where no monitor's name begins with `_`."""
    return home / "_bounties" / name


def next_beat(seconds: float) -> float:
    """The first moment at which a verdict may be told whose submission was read at this one."""
    return (int((seconds + _AHEAD) / BEAT) + 1) * BEAT


class Running:
    """A bounty that judges: opened once, it goes on from the last verdict of the log."""

    def __init__(self, store: Store, folder: Path, sandbox: Sandbox) -> None:
        """Replay the log; raises EvenhandError where it does not belong to the folder."""
        self.store = store
        self.folder = folder
        self.sandbox = sandbox
        self.bounty, self.holdout = opened(folder)
        self.judge = Judge(self.bounty, self.holdout)
        self._at = 0
        self.catch_up()

    def catch_up(self) -> None:
        """Take up every verdict that the log has and this judge has not."""
        while handed := self.store.handed_in(self.bounty.name, after=self._at, most=_AT_ONCE):
            for each in handed:
                if each.verdict is None:
                    return
                self._replay(each)

    def waiting(self) -> Handed | None:
        """The next submission to judge; an earlier one is always judged before it."""
        self.catch_up()
        handed = self.store.handed_in(self.bounty.name, after=self._at, most=1)
        return handed[0] if handed else None

    def judge_next(self) -> Verdict | None:
        """Judge one submission and keep the verdict; None where none waits."""
        handed = self.waiting()
        if handed is None:
            return None
        began = time.monotonic()
        claim = self._claim(handed.submission)
        tells = next_beat(time.time())
        verdict = self._verdict(handed.submission, claim)
        while tells < time.time():
            tells += BEAT
        known = {"seconds": round(time.monotonic() - began, 3), "judged": datetime.fromtimestamp(tells, UTC)}
        verdict = verdict.model_copy(update=known)
        if not self.store.end_submission(self.bounty.name, verdict):
            raise DataError(
                f"Submission {verdict.number} was judged by another worker meanwhile; this one begins anew."
            )
        self._at = verdict.number
        return verdict

    def _claim(self, submission: Submission) -> Claim | Refusal | Failure:
        """What it claims; whatever is in a file, the ones after it are judged."""
        try:
            return claim_of(self.bounty, self.holdout, submission, self.folder, self.sandbox)
        except (MissingExtra, OSError):
            raise  # of this machine, not of the submission: tried again once that is mended
        except Exception:
            _LOG.exception("Submission %s of %s could not be read", submission.number, self.bounty.name)
            return Failure("It could not be read here, and the owner's log says why; it may be handed in again.")

    def _verdict(self, submission: Submission, claim: Claim | Refusal | Failure) -> Verdict:
        if isinstance(claim, Claim):
            return self.judge.judged(submission, claim)
        state = "refused" if isinstance(claim, Refusal) else "failed"
        return Verdict.model_validate({"number": submission.number, "state": state, "told": claim.told})

    def _replay(self, handed: Handed) -> None:
        submission, verdict = handed.submission, handed.verdict
        assert verdict is not None  # noqa: S101 - only what has ended is replayed
        claim = None
        if verdict.state == "accepted" or verdict.private:
            found = claim_of(self.bounty, self.holdout, submission, self.folder, self.sandbox)
            if not isinstance(found, Claim):
                raise DataError(
                    f"Submission {submission.number}, which was accepted, cannot be read again: {found.told}"
                )
            claim = found
        self.judge.replay(submission, verdict, claim)
        self._at = submission.number


def claim_of(
    bounty: Bounty, holdout: Holdout, submission: Submission, folder: Path, sandbox: Sandbox
) -> Claim | Refusal | Failure:
    """What a submission claims, read again from its file."""
    file = folder / FILES / submission.file
    if not file.is_file():
        return Failure("Its file is gone; hand it in again.")
    # As JSON, so that values of the text form come in the kinds of their columns, as they did when it was taken.
    group = json.dumps(submission.group, ensure_ascii=False).encode()
    return claimed(bounty, holdout, submission.kind, group, file, sandbox, name=submission.name)


@dataclass(frozen=True)
class Bench:
    """What a worker judges with; `running` keeps the bounties that were opened once for the next job."""

    store: Store
    home: Path
    sandbox: Sandbox
    running: dict[str, Running] = field(default_factory=dict)


def judge_waiting(
    bench: Bench, name: str, say: Say = lambda *_: None, stop: Callable[[], bool] = lambda: False
) -> Mapping[str, Any]:
    """Judge what waits, for a worker's job, until `stop` or until other jobs have their turn; raises EvenhandError."""
    running = bench.running
    if name not in running:
        running[name] = Running(bench.store, folder_of(bench.home, name), bench.sandbox)
    judged, ends = 0, time.monotonic() + _TURN
    try:
        while time.monotonic() < ends and not stop() and (verdict := running[name].judge_next()) is not None:
            judged += 1
            say(f"submission {verdict.number}", 0.0)
    except BaseException:
        # Whatever stopped it, the log knows how far it came.
        running.pop(name, None)
        raise
    return {"bounty": name, "judged": judged}
