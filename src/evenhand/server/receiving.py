"""Receiving: a submission is read, meets the clock and its team's quotas, and joins the log, once."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from evenhand.core.bounty import Bounty, Kind, Submission
from evenhand.core.errors import DataError, EvenhandError
from evenhand.server.api.types import Line
from evenhand.server.bounties import Bounties
from evenhand.server.judging import queue_judging
from evenhand.server.payloads import Payloads
from evenhand.server.problems import Refused
from evenhand.server.settings import Hunting
from evenhand.server.standing import Standing

_LOCK = ".receiving"


class Wanted(BaseModel):
    """A submission: a group, and the file of better answers for it, which was sent before."""

    model_config = ConfigDict(extra="forbid")
    group: str | dict[str, Any] = Field(
        description="As text, or as a tree of and, or, not and comparisons.", examples=["sex=female & age<30"]
    )
    kind: Kind = "predictions"
    payload: str = Field(pattern=r"^[0-9a-f]{64}$", description="The SHA-256 that the file was received under.")
    name: Line = Field(default="predictions.parquet", description="The file's name; its ending says what a model is.")


def received(bounties: Bounties, limits: Hunting, name: str, team: str, wanted: Wanted) -> Submission:
    """Keep a submission, to be judged in its turn; raises Refused, whose line says why it is not taken."""
    rules = bounties.rules(name)
    _check_kind(rules, wanted)
    group = group_text(bounties, name, wanted.group)
    folder = bounties.folder(name)
    with _alone(folder):
        standing = bounties.standing(name)
        digest = _new_digest(standing, team, wanted, group)
        why = bounties.over(name)
        if why is not None:
            raise Refused(409, why)
        now = datetime.now(UTC)
        standing.require_room(rules, limits, team, now)
        kept = Payloads(folder, team, limits).handed_over(wanted.payload, _files(folder))
        submission = Submission(
            number=1, team=team, kind=wanted.kind, group=group, digest=digest, file=kept.name, name=wanted.name,
            received=now,
        )  # fmt: skip
        try:
            taken = bounties.store.hand_in(name, submission)
        except DataError as error:
            raise Refused(409, str(error)) from None
    queue_judging(bounties.store, name)
    return taken


def group_text(bounties: Bounties, name: str, sent: str | dict[str, Any]) -> str:
    """The text form of a group, which reads as the same group again; raises Refused (422) in one line."""
    from evenhand.bounty.submissions.predicates import group_to_keep

    content = json.dumps(sent, ensure_ascii=False).encode()
    try:
        return str(group_to_keep(content, bounties.rules(name), bounties.kinds(name)))
    except EvenhandError as error:
        raise Refused(422, f"group: {error}") from None


def _check_kind(rules: Bounty, wanted: Wanted) -> None:
    from evenhand.bounty.submissions.claims import MODELS

    if wanted.kind not in rules.kinds:
        raise Refused(422, f"This bounty takes no {wanted.kind}; it takes {', '.join(rules.kinds)}.")
    if wanted.kind == "model" and Path(wanted.name).suffix.lower() not in MODELS:
        raise Refused(422, f"{wanted.name[:60]!r} is no model that is asked; send one of {', '.join(MODELS)}.")


def _new_digest(standing: Standing, team: str, wanted: Wanted, group: str) -> str:
    """The digest of a submission; raises Refused (409) where the team handed the same in, unless that failed."""
    from evenhand.bounty.judging.taking import digest_of

    try:
        return digest_of(wanted.kind, group, wanted.payload, partial(standing.same, team))
    except DataError as error:
        raise Refused(409, str(error)) from None


def _files(folder: Path) -> Path:
    from evenhand.bounty.proving.holdout import FILES

    (folder / FILES).mkdir(exist_ok=True)
    return folder / FILES


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One submission at a time, whichever server takes it, so that no two use the same last place of a quota."""
    with (folder / _LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
