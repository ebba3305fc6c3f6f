"""Facts: what everybody may see of a bounty while it runs, and what its owner alone may — as facts, for any page.

What is public never comes from the rows of proof (`check`), of which nothing but verdicts is ever told, so that the
proofs hold whatever is shown here. It comes from rows of their own:

- The model's error and the table of groups are measured on the rows of the board, when a find was accepted and not
  otherwise, for groups that the rules name. One such error of n rows is one of n + 1 numbers (0-1 loss), so each
  acceptance tells at most log2(n + 1) bits per number of the board's labels, and there are at most `accept_at_most`.
- The reduction that earns points is measured on the rows of repair: at most log2(2 n + 1) bits an acceptance.
- A team's value is its Ladder's, which moves only when the team became better beyond chance.

Private lists are proven on the rows of the board too; their verdicts are rewards of a game, and no certificates.
`scoreboard.py` keeps a contest up to date.
"""

from datetime import datetime

from evenhand.core.bounty import Kind, State
from evenhand.core.certificate import Ruling
from evenhand.core.finding import Fact, Interval


class Standing(Fact):
    """A team on the leaderboard."""

    place: int
    """From 1 on; teams with the same points share a place."""
    team: str
    value: float | None
    """The team's Ladder value, in units of the metric; None before anything was scored."""
    accepted: int
    """Finds that the global list took."""
    private: int
    """Finds that the team's own list took."""
    reduction: float
    """By how much the mean loss fell through the team's accepted finds."""
    points: float
    """find_reward for each accepted find, and gain_reward times the reduction."""
    scored: int
    submitted: int


class Told(Fact):
    """A submission as its team is told of it, newest first in a feed."""

    number: int
    team: str
    kind: Kind
    state: State
    told: str
    """Why; empty while it waits. Text of ours, though it may quote the team's: escape it."""
    version: int | None = None
    private: bool = False
    received: datetime
    judged: datetime | None = None


class Moment(Fact):
    """The model's error on the rows of the board, from a version on."""

    version: int
    number: int | None
    """The submission that made the version; None for the model that the bounty began with."""
    team: str | None
    at: datetime | None
    error: float
    """In units of the metric; for accuracy and top, more is better."""


class GroupError(Fact):
    """A group that the rules name, on the rows of the board: how wrong the model was and is about it."""

    facet: str
    group: str
    rows: int
    base: float | None
    """In units of the metric; None where there are no rows."""
    now: float | None
    interval: Interval | None
    """Of `now`."""
    change: float | None
    """now - base, in units of the metric."""
    change_interval: Interval | None


class Find(Fact):
    """An accepted submission: the model answers this group as it says."""

    number: int
    team: str
    group: str
    version: int
    repairs: int
    rows: int
    """Of the hidden rows, how many are in the group; features alone tell this."""
    reduction: float
    points: float
    at: datetime | None


class Usage(Fact):
    """How much a team's groups depend on a feature."""

    share: float
    """Share of the team's submitted groups that depend on the feature, from 0 to 1."""
    accepted: float | None
    """The same of its accepted groups; None where it has none."""
    reduction: float
    """The sum of reductions of its accepted groups that depend on the feature."""


class HeatMap(Fact):
    """Teams and features, most active and most used first; `cells[i][j]` is of feature i and team j."""

    teams: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    cells: tuple[tuple[Usage, ...], ...] = ()


class Left(Fact):
    """What remains before nothing more is scored."""

    scored: int
    budget: int
    accepted: int
    accept_at_most: int
    waiting: int
    closes: datetime | None
    closed: str | None
    """Why nothing more is scored; None while it is."""


class Bar(Fact):
    """What a find needs after some acceptances: the gain over all rows of proof, at the smallest spread that counts.

    The bar rises with every acceptance, because one fold then meets more questions.
    """

    accepted: int
    gain: float
    group_gain: float | None
    """As a fall of the loss inside a group of a twentieth of the rows; None where no group of that size can do it."""


class Ruled(Fact):
    """A submission as only the owner sees it."""

    number: int
    team: str
    group: str
    state: State
    told: str
    ruling: Ruling | None
    before: float | None
    after: float | None
    repairs: int
    seconds: float


class OwnersView(Fact):
    """What the owner alone may see: numbers of the rows of proof, and what they mean for the next find."""

    bars: tuple[Bar, ...]
    """For 0, 1, … acceptances."""
    now: Bar
    rulings: tuple[Ruled, ...]
    """Those that were scored, newest first."""
    best: tuple[GroupError, ...]
    worst: tuple[GroupError, ...]


class Contest(Fact):
    """A bounty at one moment; `owners` is None in what hunters get."""

    name: str
    title: str
    metric: str
    higher_is_better: bool
    rows: tuple[int, int, int]
    """Of proof, of repair and of the board."""
    standings: tuple[Standing, ...]
    feed: tuple[Told, ...]
    """The newest submissions, newest first."""
    timeline: tuple[Moment, ...]
    groups: tuple[GroupError, ...]
    finds: tuple[Find, ...]
    usage: HeatMap
    left: Left
    owners: OwnersView | None = None
