"""evenhand bounty model, card, export, replay and end: what a bounty leaves, and that it is what its log says."""

from pathlib import Path
from typing import Annotated

import typer

from evenhand.cli.bounty_places import Home, StoreUrl, kept
from evenhand.cli.terminal import say, shown_progress
from evenhand.core.errors import EvenhandError
from evenhand.core.writing import write_whole

Name = Annotated[str, typer.Argument(help="The name of a bounty of this machine.")]
Version = Annotated[int | None, typer.Option(min=0, help="A version of the model; 0 is the first. [default: newest]")]


def model(
    name: Name,
    out: Annotated[Path, typer.Option(help="A new folder for the model, its history and its card.")],
    version: Version = None,
    for_hunters: Annotated[
        bool, typer.Option("--for-hunters", help="Leave out every number of the rows of proof, to hand it out.")
    ] = False,
    home: Home = None,
    store_url: StoreUrl = None,
) -> None:
    """Write the model as it is now, or was at a version: a folder that --model takes, like any other model."""
    from evenhand.bounty.afterwards.delivering import deliver
    from evenhand.bounty.submissions.sandbox import Sandbox

    place = kept(name, store_url, home).known()
    with Sandbox() as sandbox:
        listed = deliver(place.folder, place.store, out, sandbox=sandbox, version=version, owner=not for_hunters)
    finds = sum(leaf.number is not None for leaf in listed.leaves)
    say(f"Wrote {out}: version {listed.list.version} of {name}, with {finds} {'find' if finds == 1 else 'finds'}.")


def card(
    name: Name,
    out: Annotated[Path, typer.Option(help="The page to write, such as card.html.")],
    version: Version = None,
    home: Home = None,
    store_url: StoreUrl = None,
) -> None:
    """Write the card: what was found, by whom, and what changed."""
    from evenhand.bounty.afterwards.card import card_of, render_card
    from evenhand.bounty.judging.merging import Merging
    from evenhand.bounty.proving.holdout import opened
    from evenhand.bounty.submissions.sandbox import Sandbox

    if out.exists():
        raise EvenhandError(f"{str(out)!r} is there already; name another file.")
    place = kept(name, store_url, home).known()
    with Sandbox() as sandbox:
        merging = Merging(*opened(place.folder), place.folder, sandbox).take_up(place.store)
    write_whole(out, render_card(card_of(place.store, merging, version)))
    say(f"Wrote {out}")


def export(
    name: Name,
    out: Annotated[Path, typer.Option(help="A new folder, or a new file that ends in .zip.")],
    labels: Annotated[
        bool, typer.Option("--labels", help="The hold-out's labels too; after that it can prove nothing any more.")
    ] = False,
    home: Home = None,
    store_url: StoreUrl = None,
) -> None:
    """Write everything: rules, submissions with their files, verdicts, groups, leaderboard and heat map."""
    from evenhand.bounty.afterwards.exporting import export as exported
    from evenhand.bounty.submissions.sandbox import Sandbox

    place = kept(name, store_url, home).known()
    with Sandbox() as sandbox:
        exported(place.folder, place.store, out, sandbox=sandbox, labels=labels)
    say(f"Wrote {out}")


def end(name: Name, home: Home = None, store_url: StoreUrl = None) -> None:
    """Take no more submissions; those that wait are still judged."""
    place = kept(name, store_url, home).known()
    place.store.end_bounty(name)
    say(f"Ended {name}; it takes nothing more.")


def replay(name: Name, home: Home = None, store_url: StoreUrl = None) -> None:
    """Judge everything again from the files, and compare each verdict with the log, bit for bit.

    Exits 0 when all are the same, 1 with the first that is not.
    """
    from evenhand.bounty.judging.replaying import replayed
    from evenhand.bounty.submissions.sandbox import Sandbox

    place = kept(name, store_url, home).known()
    with Sandbox() as sandbox, shown_progress() as progress:
        found = replayed(
            place.store, place.folder, sandbox,
            say=lambda number: progress(f"submission {number}", 0, 1) if progress is not None else None,
        )  # fmt: skip
    same = "1 verdict is" if found.same == 1 else f"{found.same:,} verdicts are"
    say(f"{same} the same to the last bit; they make version {found.version}.")
    if found.failed:
        say(f"{found.failed:,} failed on their day, which changed nothing, and were not tried again.")
    if found.waiting:
        say(f"{found.waiting:,} wait to be judged.")
