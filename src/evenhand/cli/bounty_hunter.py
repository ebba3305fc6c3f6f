"""evenhand bounty join and download: how a team begins at a server."""

from pathlib import Path
from typing import Annotated

import typer

from evenhand.cli.bounty_places import KeyFile, client_of, keep_key
from evenhand.cli.terminal import say
from evenhand.core.errors import SpecError

Url = Annotated[str, typer.Argument(help="The server's address.")]
Name = Annotated[str, typer.Argument(help="The name of a bounty of the server.")]


def join(
    url: Url,
    name: Name,
    team: Annotated[str, typer.Option(help="What the team is called: letters, digits, dots, dashes.")],
    invitation: Annotated[
        str | None, typer.Option(help="The invitation, for which there is a new key; or EVENHAND_INVITATION.")
    ] = None,
    keep: Annotated[Path | None, typer.Option(help="A new file for the key. [default: it is printed, once]")] = None,
    key_file: KeyFile = None,
) -> None:
    """Join a bounty as a team: with an invitation, which gives a new key, or with a key of yours."""
    import os

    from evenhand.client import join as joined

    invitation = invitation or os.environ.get("EVENHAND_INVITATION")
    if keep is not None and keep.exists():
        raise SpecError(f"{str(keep)!r} is there already; name another file for the key.")
    if invitation is None:
        with client_of(url, key_file) as client:
            client.join(name, team)
        say(f"{team} is in {name}; your key speaks for it.")
        return
    key = joined(url, name, team, invitation=invitation)
    if keep is None:
        say(f"{team} is in {name}. Its key, which is shown this once: {key}")
        return
    keep_key(keep, key)
    say(f"{team} is in {name}. Its key is in {keep}, for --key-file.")


def download(
    url: Url,
    name: Name,
    out: Annotated[Path, typer.Option(help="The folder for the files.")],
    key_file: KeyFile = None,
) -> None:
    """Download what hunters get: a labelled sample, and the hidden rows without their labels."""
    with client_of(url, key_file) as client:
        written = client.download(name, out)
    for path in written:
        say(f"Wrote {path}")
