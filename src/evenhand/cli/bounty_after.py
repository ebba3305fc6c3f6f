"""evenhand bounty model, end, export, card and replay: what remains of a bounty, and that it is what its log says."""

from typing import Annotated

import typer

from evenhand.cli.bounty_places import Home, StoreUrl, kept
from evenhand.cli.terminal import say, shown_progress

Name = Annotated[str, typer.Argument(help="The name of a bounty of this machine.")]


def end(name: Name, home: Home = None, store_url: StoreUrl = None) -> None:
    """Take no more submissions; those that wait are still judged."""
    place = kept(name, store_url, home)
    place.store.end_bounty(name)
    say(f"Ended {name}; it takes nothing more.")


def replay(name: Name, home: Home = None, store_url: StoreUrl = None) -> None:
    """Judge everything again from the files, and compare each verdict with the log, bit for bit.

    Exits 0 when all are the same, 1 with the first that is not.
    """
    from evenhand.bounty.replaying import replayed
    from evenhand.bounty.sandbox import Sandbox

    place = kept(name, store_url, home)
    place.store.bounty(name)
    with Sandbox() as sandbox, shown_progress() as progress:
        found = replayed(
            place.store, place.folder, sandbox,
            say=lambda number: progress(f"submission {number}", 0, 1) if progress is not None else None,
        )  # fmt: skip
    say(f"{found.same:,} verdicts are the same to the last bit; they make version {found.version}.")
    if found.failed:
        say(f"{found.failed:,} submissions failed on their day, which changed nothing, and were not tried again.")
    if found.waiting:
        say(f"{found.waiting:,} wait for their verdict.")
