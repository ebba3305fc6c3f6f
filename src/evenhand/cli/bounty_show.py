"""evenhand bounty show, list and submissions: how a bounty stands, for its owner or for a team."""

from typing import TYPE_CHECKING, Annotated

import typer

from evenhand.cli.bounty_places import Home, KeyFile, Names, StoreUrl, asked, client_of, kept
from evenhand.cli.terminal import say

if TYPE_CHECKING:
    from pathlib import Path

    from evenhand.bounty.contest.facts import Contest, Told

_AT_ONCE = 100
Most = Annotated[int, typer.Option(min=1, help="How many of the latest to show.")]


def show(
    names: Names, most: Most = 10, key_file: KeyFile = None, home: Home = None, store_url: StoreUrl = None
) -> None:
    """Show what remains, who leads and what was found; of a bounty of this machine also what its owner may see."""
    from evenhand.cli.bounty_print import print_contest

    address, name = asked(names)
    contest = _here(name, home, store_url) if address is None else _there(address, name, key_file)
    print_contest(contest, most=most)


def submissions(
    names: Names,
    team: Annotated[str | None, typer.Option(help="Only those of one team.")] = None,
    most: Most = 100,
    key_file: KeyFile = None,
    home: Home = None,
    store_url: StoreUrl = None,
) -> None:
    """List what was handed in, latest first, and how it ended; on a server, what the key's team handed in."""
    from evenhand.cli.bounty_print import print_told

    address, name = asked(names)
    if address is None:
        print_told(_here(name, home, store_url, feed=most, team=team).feed)
        return
    print_told(_handed_in(address, name, key_file, team)[:most])


def _handed_in(address: str, name: str, key_file: "Path | None", team: str | None) -> "list[Told]":
    """All submissions that the key may see, latest first."""
    from evenhand.bounty.contest.facts import Told

    found: list[Told] = []
    with client_of(address, key_file) as client:
        while page := client.submissions(name, after=found[-1].number if found else 0, most=_AT_ONCE):
            found += [
                Told.model_validate({key: each[key] for key in each if key in Told.model_fields}) for each in page
            ]
    return [each for each in reversed(found) if team in (None, each.team)]


def list_(home: Home = None, store_url: StoreUrl = None) -> None:
    """Name the bounties of this machine, and what became of them."""
    from evenhand.cli.bounty_places import home_of

    store, _ = home_of(store_url, home)
    for name in store.bounties():
        opened, ended = store.bounty_times(name)
        accepted = len(store.handed_in(name, states=("accepted",)))
        over = f", ended {ended:%Y-%m-%d}" if ended is not None else ""
        say(f"{name}: opened {opened:%Y-%m-%d}{over}; {accepted} finds")
    if not store.bounties():
        say("There are no bounties yet: `evenhand bounty create` opens one.")


def _here(
    name: str, home: "Path | None", store_url: str | None, *, feed: int = 1, team: str | None = None
) -> "Contest":
    from evenhand.bounty.contest.scoreboard import Scoreboard
    from evenhand.bounty.submissions.sandbox import Sandbox

    place = kept(name, store_url, home).known()
    with Sandbox() as sandbox:
        return Scoreboard(place.store, place.folder, sandbox).contest(owner=True, feed=feed, team=team)


def _there(address: str, name: str, key_file: "Path | None") -> "Contest":
    from evenhand.bounty.contest.facts import Contest

    with client_of(address, key_file) as client:
        return Contest.model_validate(client.contest(name))
