"""Taking: what a team hands in meets the clock and its quota, is kept under its SHA-256, and joins the log."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from evenhand.bounty.proving.holdout import FILES
from evenhand.core.bounty import Bounty, Kind, Submission
from evenhand.core.errors import DataError
from evenhand.core.group import Group
from evenhand.core.store import Handed, Store

_AT_ONCE = 1000
_BLOCK = 2**20


@dataclass(frozen=True)
class Sent:
    """What a team hands in: a group that was read already, and the file of better answers for it."""

    team: str
    kind: Kind
    group: Group
    file: Path
    name: str = ""


def taken(store: Store, folder: Path, bounty: Bounty, sent: Sent) -> Submission:
    """Keep what was sent, to be judged in its turn; raises DataError, of which one line says why it is not taken."""
    mine = require_open(store, bounty, sent.team)
    if sent.file.stat().st_size > bounty.limits.bytes:
        raise DataError(f"The file is larger than {bounty.limits.bytes:,} bytes, the most that this bounty takes.")
    held = _kept(sent.file, folder / FILES)
    same = {each.submission.digest: _number_and_failed(each) for each in mine}
    submission = Submission(
        number=1, team=sent.team, kind=sent.kind, group=str(sent.group), file=held, name=sent.name or sent.file.name,
        digest=digest_of(sent.kind, str(sent.group), held, same.get), received=datetime.now(UTC),
    )  # fmt: skip
    return store.hand_in(bounty.name, submission)


def digest_of(kind: Kind, group: str, file: str, same: Callable[[str], tuple[int, bool] | None]) -> str:
    """What a team's submissions are told apart by; raises DataError where it handed the same in, unless that failed.

    `same` finds the number of the team's submission with a digest, and whether it failed.
    """
    digest = hashlib.sha256(f"{kind}\n{group}\n{file}".encode()).hexdigest()
    while (earlier := same(digest)) is not None:
        number, failed = earlier
        if not failed:
            raise DataError(f"This is the same as submission {number}; it was taken once, and counts once.")
        digest = hashlib.sha256(f"{digest}\nagain after {number}".encode()).hexdigest()
    return digest


def require_open(store: Store, bounty: Bounty, team: str) -> list[Handed]:
    """What the team handed in; raises DataError for what comes too late, or is beyond the team's quota."""
    _, ended = store.bounty_times(bounty.name)
    now = datetime.now(UTC)
    if ended is not None or (bounty.closes is not None and now >= bounty.closes):
        raise DataError(f"The bounty {bounty.name!r} has ended; it takes nothing more.")
    mine = _all(store, bounty.name, team)
    counted = [each for each in mine if each.verdict is None or each.verdict.scored]
    if bounty.per_team is not None and len(counted) >= bounty.per_team:
        raise DataError(f"The team {team!r} has used its {bounty.per_team:,} scored submissions.")
    recent = sum(each.submission.received > now - timedelta(days=1) for each in counted)
    if bounty.per_day is not None and recent >= bounty.per_day:
        raise DataError(f"The team {team!r} has used its {bounty.per_day:,} scored submissions of 24 hours; try later.")
    return mine


def _number_and_failed(handed: Handed) -> tuple[int, bool]:
    return handed.submission.number, handed.verdict is not None and handed.verdict.state == "failed"


def _all(store: Store, bounty: str, team: str) -> list[Handed]:
    found: list[Handed] = []
    while more := store.handed_in(bounty, team=team, after=found[-1].submission.number if found else 0, most=_AT_ONCE):
        found += more
    return found


def _kept(file: Path, folder: Path) -> str:
    """Copy a file under its SHA-256, whole or not at all; that name."""
    folder.mkdir(exist_ok=True)
    digest = hashlib.sha256()
    with file.open("rb") as source, tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as target:
        try:
            while block := source.read(_BLOCK):
                digest.update(block)
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
            shutil.move(target.name, folder / digest.hexdigest())
        except BaseException:
            Path(target.name).unlink(missing_ok=True)
            raise
    return digest.hexdigest()
