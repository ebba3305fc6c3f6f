"""Alone: a bounty without a server — what is handed in is judged at once, in this process, and joins the same log."""

import time
from datetime import UTC, datetime

from evenhand.bounty.judging.running import Running
from evenhand.bounty.judging.taking import Sent, require_open, taken
from evenhand.bounty.proving.holdout import Holdout
from evenhand.bounty.submissions.predicates import group_to_keep
from evenhand.core.bounty import NAME, Bounty, Verdict
from evenhand.core.errors import DataError, SpecError
from evenhand.core.group import Group
from evenhand.core.store import Store


def group_read(content: bytes, bounty: Bounty, holdout: Holdout) -> Group:
    """A group as JSON or in the text form, on the features of the bounty; raises SpecError."""
    return group_to_keep(content, bounty, holdout.kinds)


def handed_in_here(running: Running, sent: Sent) -> Verdict:
    """Hand in, and judge all that waits before it, and then this; raises EvenhandError where it is not taken.

    The team joins by this, for whoever can write the store needs no invitation.
    """
    if not NAME.fullmatch(sent.team):
        raise SpecError(f"{sent.team[:80]!r} is no name of a team; use up to 64 letters, digits, dots and dashes.")
    bounty, store = running.bounty, running.store
    require_open(store, bounty, sent.team)
    if sent.team not in {team.name for team in store.teams(bounty.name)}:
        store.join(bounty.name, sent.team, None)
    return judged_up_to(running, taken(store, running.folder, bounty, sent).number)


def judged_up_to(running: Running, number: int) -> Verdict:
    """Judge what waits until this submission has its verdict; raises DataError."""
    while (verdict := verdict_of(running.store, running.bounty.name, number)) is None:
        try:
            running.judge_next()
        except DataError:
            # The worker of a server may have been quicker.
            if verdict_of(running.store, running.bounty.name, number) is None:
                raise
    if verdict.judged is not None:  # told when a server would tell it
        time.sleep(max(0.0, (verdict.judged - datetime.now(UTC)).total_seconds()))
    return verdict


def verdict_of(store: Store, bounty: str, number: int) -> Verdict | None:
    """How a submission ended; None while it waits. Raises DataError where there is none of this number."""
    handed = store.handed_in(bounty, after=number - 1, most=1)
    if not handed or handed[0].submission.number != number:
        raise DataError(f"The bounty {bounty!r} has no submission {number}.")
    return handed[0].verdict
