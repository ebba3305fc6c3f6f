"""A contest in the terminal: what remains, who leads, what was found, and for the owner what the next find needs."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from evenhand.cli.terminal import say
from evenhand.core.visible import visible

if TYPE_CHECKING:
    from rich.table import Table

    from evenhand.bounty.contest.facts import Contest, GroupError, OwnersView, Told

SAID = {"accepted": "✓ accepted", "refused": "✗ refused", "failed": "! failed", "waiting": "… waiting"}
_LONGEST = 60


def print_contest(contest: "Contest", *, most: int = 10) -> None:
    """The whole contest, with so many of the latest finds and rulings."""
    say(visible(contest.title or contest.name))
    _print_progress(contest)
    _section("Teams", ("place", "team", "points", "finds", "own", contest.metric, "scored", "handed in"), (
        (str(each.place), each.team, f"{each.points:.2f}", str(each.accepted), str(each.private),
         _number(each.value), str(each.scored), str(each.submitted))
        for each in contest.standings
    ))  # fmt: skip
    _section("Finds", ("number", "team", "group", "hidden rows", "loss fell by", "version"), (
        (str(each.number), each.team, _short(each.group), f"{each.rows:,}", f"{each.reduction:.4f}", str(each.version))
        for each in contest.finds[-most:]
    ))  # fmt: skip
    _section("Groups", ("group", "rows", "at first", "now", "interval", "change"), map(_group, contest.groups))
    if contest.owners is not None:
        _print_owners(contest.owners, most)


def print_told(feed: "Sequence[Told]") -> None:
    """Submissions, one a line."""
    for each in feed:
        made = f", version {each.version}" if each.version is not None else ""
        own = "; the team's own list took it" if each.private else ""
        because = f": {each.told}" if each.told else ""
        say(visible(f"{each.number} {each.team}, {each.kind}, {SAID[each.state]}{made}{because}{own}"))
    if not feed:
        say("Nothing was handed in yet.")


def _print_progress(contest: "Contest") -> None:
    first, last, left = contest.timeline[0], contest.timeline[-1], contest.left
    now = f", {last.error:.4f} now (version {last.version})" if last.version else ", and nothing was found yet"
    better = "higher is better" if contest.higher_is_better else "lower is better"
    say(f"{contest.metric} on {contest.rows[2]:,} rows of the board: {first.error:.4f} at first{now}; {better}.")
    say(
        f"{left.scored:,} of {left.budget:,} submissions scored, {left.accepted} of {left.accept_at_most} finds"
        f" accepted, {left.waiting:,} waiting."
    )
    if left.closed is not None:
        say(left.closed)
    if left.closes is not None:
        say(f"Closes at {left.closes:%Y-%m-%d %H:%M %Z}.")


def _print_owners(view: "OwnersView", most: int) -> None:
    say("")
    if view.now.group_gain is None:
        say("For the owner: in a group of a twentieth of the rows nothing more can be proven; larger groups may do.")
    else:
        say(
            "For the owner: the next find in a group of a twentieth of the rows must lower its loss by"
            f" {view.now.group_gain:.3f}, if every answer that it changes becomes right."
        )
    _section("Rulings", ("number", "team", "group", "", "gain", "needed", "interval"), (
        (str(each.number), each.team, _short(each.group), SAID[each.state][0], f"{each.ruling.gain:.4f}",
         f"{each.ruling.bar:.4f}", f"{each.ruling.low:.4f} to {each.ruling.high:.4f}")
        for each in view.rulings[:most] if each.ruling is not None
    ))  # fmt: skip


def _group(each: "GroupError") -> tuple[str, ...]:
    interval = f"{each.interval.low:.3f} to {each.interval.high:.3f}" if each.interval is not None else ""
    change = "" if each.change is None else f"{each.change:+.4f}"
    return (each.group, f"{each.rows:,}", _number(each.base), _number(each.now), interval, change)


def _section(title: str, headings: Sequence[str], rows: "Iterable[tuple[str, ...]]") -> None:
    found = list(rows)
    if not found:
        return
    from rich.console import Console

    say("")
    say(title)
    Console(highlight=False).print(_table(headings, found))


def _table(headings: Sequence[str], rows: Sequence[tuple[str, ...]]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        words = heading in ("team", "group", "interval", "")
        table.add_column(Text(heading), justify="left" if words else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
