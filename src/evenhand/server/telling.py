"""Telling: what teams are told of submissions — never what a ruling measured — and when."""

from datetime import UTC, datetime

from pydantic import BaseModel, Field

from evenhand.core.bounty import Kind, State, Verdict
from evenhand.core.store import Handed


class Told(BaseModel):
    """A submission and how it ended, as its team sees it; `verdict` is the owner's."""

    number: int = Field(examples=[7])
    team: str
    kind: Kind
    group: str
    payload: str = Field(description="SHA-256 of its file.")
    name: str
    received: datetime
    state: State
    told: str = Field(default="", description="Why, in one line.")
    version: int | None = Field(default=None, description="The version of the model that it made.")
    board: float | None = Field(default=None, description="The team's value after it, in units of the metric.")
    reward: float = 0.0
    judged: datetime | None = None
    verdict: Verdict | None = Field(default=None, description="All that was measured; for the owner alone.")


def told(handed: Handed, *, owner: bool = False) -> Told:
    """What is shown of a submission; a verdict is told at the moment that was settled before labels were read."""
    sent, verdict = handed.submission, handed.verdict if owner else handed.told(datetime.now(UTC))
    shown = {
        "number": sent.number, "team": sent.team, "kind": sent.kind, "group": sent.group, "payload": sent.file,
        "name": sent.name, "received": sent.received,
    }  # fmt: skip
    if verdict is None:
        return Told.model_validate({**shown, "state": "waiting"})
    ended = {name: getattr(verdict, name) for name in ("state", "told", "version", "board", "reward", "judged")}
    return Told.model_validate({**shown, **ended, "verdict": verdict if owner else None})
