"""Bounty: an open question to everyone — whom does this model serve worse than it could? — and what came of it."""

import re
from datetime import datetime
from typing import Literal

from pydantic import Field, field_validator

from evenhand.core.certificate import CheckerName, Ruling
from evenhand.core.errors import SpecError
from evenhand.core.finding import Fact
from evenhand.core.loss import Loss
from evenhand.core.values import Value

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
Kind = Literal["predictions", "model", "code"]
# A submission waits, is being judged, and ends in one of three ways.
State = Literal["waiting", "accepted", "refused", "failed"]
ENDED: tuple[State, ...] = ("accepted", "refused", "failed")


class Shares(Fact):
    """What the rows of the hold-out are for: proofs, repairs, and what is shown to teams (private lists and board)."""

    check: float = Field(default=0.5, gt=0, lt=1)
    repair: float = Field(default=0.25, gt=0, lt=1)
    board: float = Field(default=0.25, gt=0, lt=1)


class Limits(Fact):
    """What one submission may take."""

    bytes: int = Field(default=64 * 2**20, ge=1024, description="The largest body of a submission.")
    seconds: float = Field(default=60.0, gt=0, description="After which judging it has failed.")
    memory: int = Field(default=2 * 2**30, ge=2**26, description="Bytes that reading or running it may take.")
    conditions: int = Field(default=64, ge=1, description="Comparisons in a group.")


class Bounty(Fact):
    """The rules of one bounty; they do not change once it is open."""

    schema_version: Literal[1] = 1
    name: str
    title: str = ""
    about: str = Field(default="", description="What hunters are told, as plain text.")
    label: str = Field(description="The column of truth.")
    classes: tuple[Value, ...] = Field(default=(), description="The labels, sorted; empty where they are numbers.")
    identity: str = Field(description="The column that names a row of the hold-out; it says nothing else.")
    features: tuple[str, ...] = Field(description="The columns that groups and models may use.")
    loss: Loss = Loss()
    checker: CheckerName = "paired-z"
    fresh_folds: bool = Field(default=False, description="Open an unused part of the hold-out after an acceptance.")
    delta: float = Field(default=0.05, gt=0, lt=1, description="The chance that anything is accepted in error.")
    budget: int = Field(default=1000, ge=1, description="Submissions that are scored at most.")
    accept_at_most: int = Field(default=20, ge=1)
    per_team: int | None = Field(default=None, ge=1, description="Submissions of one team that are scored at most.")
    per_day: int | None = Field(default=None, ge=1, description="Submissions of one team scored in 24 hours at most.")
    least_gain: float = Field(default=0.0, ge=0, lt=1, description="A fall of the overall loss that is worth a change.")
    least_rows: int = Field(default=30, ge=1, description="Rows where answers must differ from the current model's.")
    kinds: tuple[Kind, ...] = ("predictions", "model")
    shares: Shares = Shares()
    limits: Limits = Limits()
    facets: tuple[str, ...] = Field(default=(), description="Groups that the table of errors shows, as facets.")
    find_reward: float = Field(default=1.0, ge=0, description="Points for every accepted find.")
    gain_reward: float = Field(default=1000.0, ge=0, description="Points for each unit of loss by which it falls.")
    seed: int = Field(default=0, ge=0, description="Secret: which rows prove follows from it.")
    closes: datetime | None = None

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise SpecError(f"{name[:80]!r} is no name; use up to 64 letters, digits, dots, dashes and underscores.")
        return name


class Submission(Fact):
    """What a team handed in: a group, and better answers for it; the files lie under their SHA-256."""

    number: int = Field(ge=1, description="Its place in the bounty: what came before it was judged before it.")
    team: str
    kind: Kind
    group: str = Field(description="The group's text form.")
    digest: str = Field(description="SHA-256 of kind, group and file, in hexadecimal.")
    file: str = Field(default="", description="The name under which the file is kept: its SHA-256.")
    name: str = Field(default="", description="The name that it was sent with, whose ending says what it is.")
    received: datetime


class Verdict(Fact):
    """How a submission ended. `told` is all that its team ever sees; the rest is the owner's."""

    number: int
    state: State
    told: str = Field(description="One line: why.")
    scored: bool = Field(default=False, description="Whether labels of the hold-out were asked, which costs quota.")
    version: int | None = Field(default=None, description="The version of the global list that it made.")
    repairs: int = 0
    private: bool = Field(default=False, description="Whether the team's own list took it.")
    board: float | None = Field(default=None, description="The team's Ladder value after it, in units of the metric.")
    reward: float = 0.0
    ruling: Ruling | None = None
    before: float | None = Field(default=None, description="The loss of the group on the repair sample, before.")
    after: float | None = None
    judged: datetime | None = None
    seconds: float = 0.0


class Team(Fact):
    """Who hunts; the secret is kept as its SHA-256 only, as keys are."""

    name: str
    joined: datetime
    key: int | None = Field(default=None, description="The API key that speaks for the team.")
