"""What pages of bounties show: a contest at one moment for one kind of visitor, kept while nothing changes."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from markupsafe import Markup

from evenhand.bounty.contest.facts import Bar, Contest, GroupError, HeatMap, OwnersView, Standing, Told
from evenhand.core.bounty import Bounty
from evenhand.renderers import figures
from evenhand.renderers.heat_map import Cell, heat_map, legend
from evenhand.renderers.steps import Stair, Step, steps
from evenhand.server.pages.bounties_words import noun
from evenhand.server.pages.shell import part
from evenhand.server.services import Services

# Of what grows without end, so much is on the page; the export has all of it.
MOST_TEAMS, MOST_FEATURES, MOST_TOLD, MOST_RULED, MOST_GROUPS, MOST_FINDS, MOST_BARS = 50, 30, 25, 30, 60, 60, 12
_FRESH = 0.5  # seconds for which a contest is not asked for again
_ALL = 1_000_000


@dataclass(frozen=True)
class Board:
    """A bounty as it is now; `stamp` changes whenever the page does."""

    rules: Bounty
    contest: Contest
    opened: datetime
    ended: datetime | None
    over: str | None
    stamp: str

    @property
    def owner(self) -> bool:
        """Whether it holds what the owner alone may see."""
        return self.contest.owners is not None

    def own(self, team: str) -> list[Told]:
        """The submissions of a team, newest first."""
        return [each for each in self.contest.feed if each.team == team]

    def standing(self, team: str) -> Standing | None:
        """Where a team stands."""
        return next((each for each in self.contest.standings if each.team == team), None)

    def waiting(self) -> list[Told]:
        """What waits, in the order in which it will be judged."""
        return [each for each in reversed(self.contest.feed) if each.state == "waiting"]


@dataclass
class Boards:
    """The boards and parts of pages that were asked for last; threads may share them."""

    _boards: dict[tuple[str, bool], tuple[float, Board]] = field(default_factory=dict)
    _parts: dict[tuple[str, bool, str], tuple[str, Markup]] = field(default_factory=dict)

    def board(self, services: Services, name: str, *, owner: bool) -> Board:
        """The bounty now; raises Refused where there is none, and EvenhandError where its files are not here."""
        now, kept = time.monotonic(), self._boards.get((name, owner))
        over = services.bounties.over(name)
        if kept is not None and now - kept[0] < _FRESH and kept[1].over == over:
            return kept[1]
        contest = services.bounties.scoreboard(name).contest(owner=owner, feed=_ALL)
        opened, ended = services.store.bounty_times(name)
        rules = services.bounties.rules(name)
        board = Board(rules, contest, opened, ended, over, _stamp(contest, over))
        self._boards[name, owner] = (now, board)
        return board

    def forget(self, name: str) -> None:
        """Look anew: something was changed here."""
        for owner in (True, False):
            self._boards.pop((name, owner), None)

    def shared(self, board: Board, template: str) -> Markup:
        """A part of the page that is the same for all, which is made again only when something changed."""
        place = (board.rules.name, board.owner, template)
        kept = self._parts.get(place)
        if kept is None or kept[0] != board.stamp:
            kept = board.stamp, part(template, **names(board))
            self._parts[place] = kept
        return kept[1]


def names(board: Board) -> dict[str, object]:
    """What the templates of all visitors name."""
    contest = board.contest
    return {
        "board": board,
        "contest": contest,
        "rules": board.rules,
        "noun": noun(board.rules.loss),
        "chart": error_chart(board),
        "finds": contest.finds[-MOST_FINDS:][::-1],
        "errors": {each.version: each.error for each in contest.timeline},
        "teams": contest.standings[:MOST_TEAMS],
        "heat": heat(contest.usage),
        "told": contest.feed[:MOST_TOLD],
        "groups": contest.groups[:MOST_GROUPS],
        "more": {
            "finds": max(len(contest.finds) - MOST_FINDS, 0),
            "teams": max(len(contest.standings) - MOST_TEAMS, 0),
            "map": len(contest.usage.teams) > MOST_TEAMS or len(contest.usage.features) > MOST_FEATURES,
            "told": max(len(contest.feed) - MOST_TOLD, 0),
            "groups": max(len(contest.groups) - MOST_GROUPS, 0),
        },
        "verdict": lambda each: judged(each, higher=contest.higher_is_better),
        "most": (MOST_TEAMS, MOST_FEATURES),
        "legend": legend(),
        **(_owners(board, contest.owners) if contest.owners is not None else {}),
    }


def _owners(board: Board, owners: OwnersView) -> dict[str, object]:
    """What the owner's part names besides."""
    waiting = board.waiting()
    return {
        "owners": owners,
        "bars": few(owners.bars, owners.now),
        "bar_chart": bar_chart(owners.bars, owners.now),
        "rulings": owners.rulings[:MOST_RULED],
        "waiting": waiting[:MOST_TOLD],
        "more_waiting": max(len(waiting) - MOST_TOLD, 0),
    }


def judged(group: GroupError, *, higher: bool) -> tuple[str, str, str]:
    """What became of a group: a symbol, words and a class."""
    reach = group.change_interval
    if group.change is None or reach is None:
        return "∅", "no rows", "u"
    if group.change == 0 and reach.low == reach.high == 0:
        return "·", "unchanged", "n"
    if reach.low <= 0 <= reach.high:
        return "◌", "no clear change", "l"
    return ("●", "served better", "w") if (group.change > 0) == higher else ("▲", "served worse", "p")


def error_chart(board: Board) -> Markup:
    """The model's error by accepted find."""
    contest, name = board.contest, noun(board.rules.loss)
    found = [
        Step(
            "first model" if place == 0 else f"find {place}",
            each.error,
            f"{'First model' if each.team is None else f'Find {place}, by {each.team}'}: {figures.value(each.error)}",
        )
        for place, each in enumerate(contest.timeline)
    ]
    first, last = contest.timeline[0].error, contest.timeline[-1].error
    told = (
        f"{figures.titled(name)} {figures.value(first)} with the first model, {figures.value(last)} after"
        f" {figures.several(len(found) - 1, 'find')}. The table of finds says every number."
    )
    return steps(found, Stair(f"The model's {name} after each find", told, figures.value), identity="error-chart")


def bar_chart(bars: Sequence[Bar], now: Bar) -> Markup:
    """The gain that a find needs, by how many were accepted before it."""
    found = [
        Step(
            figures.several(each.accepted, "find"), each.gain,
            f"After {figures.several(each.accepted, 'find')}: {figures.value(each.gain)}",
            marked=each.accepted == now.accepted,
        )
        for each in bars
    ]  # fmt: skip
    told = (
        f"From {figures.value(bars[0].gain)} for the first find to {figures.value(bars[-1].gain)} for the last;"
        f" {figures.value(now.gain)} now."
    )
    return steps(found, Stair("The gain that a find needs", told, figures.value), identity="bar-chart")


def few(bars: Sequence[Bar], now: Bar) -> list[Bar]:
    """Some of the bars: the first, the last, the present one and the next, and some between."""
    apart = max(1, -(-len(bars) // MOST_BARS))
    wanted = {0, len(bars) - 1, now.accepted, now.accepted + 1, *range(0, len(bars), apart)}
    return [each for place, each in enumerate(bars) if place in wanted]


def heat(usage: HeatMap) -> Markup | None:
    """Teams and the features that their groups depend on; None before anything was handed in."""
    if not usage.teams or not usage.features:
        return None
    teams, features = usage.teams[:MOST_TEAMS], usage.features[:MOST_FEATURES]
    cells = [
        [Cell(line[place].share, bool(line[place].accepted)) for line in usage.cells[: len(features)]]
        for place in range(len(teams))
    ]
    return heat_map(
        "Team", teams, features, cells, caption="Percent of a team's groups that depend on a feature; ✓ marks finds"
    )


def _stamp(contest: Contest, over: str | None) -> str:
    """A short name of all that changes: what was handed in and judged, teams, the end."""
    newest = contest.feed[0].number if contest.feed else 0
    ended = sum(each.state != "waiting" for each in contest.feed)
    told = repr((contest.left, newest, ended, len(contest.standings), over))
    return hashlib.sha256(told.encode()).hexdigest()[:16]
