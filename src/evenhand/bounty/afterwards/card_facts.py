"""Card facts: what a bounty's card says — what was asked, found and changed, and what the proofs say and do not."""

from datetime import datetime

from evenhand.bounty.contest.facts import GroupError
from evenhand.core.bounty import Kind
from evenhand.core.finding import Fact, Interval


class CardFind(Fact):
    """An accepted submission, with the proof that the owner has of it."""

    number: int
    team: str
    kind: Kind
    group: str
    version: int
    """The version that it and its repairs made."""
    repairs: int
    gain: Interval | None
    """By how much the mean loss over all rows of proof fell: the interval of the ruling, at its own confidence."""
    proven_gain: float | None
    error: GroupError
    """The group on the rows of the board, with the first model and with the version of the card."""
    sentence: str
    at: datetime | None


class Card(Fact):
    """A bounty at one version of its model, for people who decide about it."""

    schema_version: int = 1
    name: str
    title: str
    about: str
    label: str
    metric: str
    measure: str
    """What the metric is, in words."""
    higher_is_better: bool
    version: int
    newest: int
    opened: datetime
    ended: datetime | None
    teams: int
    submitted: int
    scored: int
    accepted: int
    rows: tuple[int, int, int]
    """Of proof, of repair and of the board."""
    overall: GroupError
    asked: tuple[str, ...]
    finds: tuple[CardFind, ...]
    groups: tuple[GroupError, ...]
    proof: tuple[str, ...]
    """What the proofs say, in sentences."""
    limits: tuple[str, ...]
    """What they do not say."""
