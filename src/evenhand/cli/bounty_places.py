"""Places of bounties: the store and the folders of this machine, and what a server's address and a key open."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evenhand.cli.places import Place, StoreUrl, place_of
from evenhand.core.errors import SpecError

if TYPE_CHECKING:
    from evenhand.bounty.judging.running import Running
    from evenhand.bounty.submissions.sandbox import Sandbox
    from evenhand.client import Client
    from evenhand.core.store import Store

__all__ = ["Home", "Kept", "KeyFile", "Names", "StoreUrl", "asked", "client_of", "home_of", "keep_key", "kept"]

Home = Annotated[
    Path | None,
    typer.Option(help="The folder of evenhand.db and of records. [default: EVENHAND_HOME, or ~/.evenhand]"),
]
KeyFile = Annotated[
    Path | None, typer.Option(help="A file that holds the team's key, as `join` wrote it. [default: EVENHAND_KEY]")
]
Names = Annotated[
    list[str],
    typer.Argument(
        metavar="[URL] NAME",
        help="A bounty of this machine, a server's address and a name, or the address of its page.",
    ),
]
_SCHEMES = ("http://", "https://")


@dataclass(frozen=True)
class Kept:
    """A bounty of this machine: the store that holds its log, and its folder."""

    store: "Store"
    folder: Path
    name: str

    def known(self) -> "Kept":
        """The same, which is there; raises DataError naming those that are."""
        self.store.bounty(self.name)
        return self

    def running(self, sandbox: "Sandbox") -> "Running":
        """The bounty as its log has it; raises EvenhandError."""
        from evenhand.bounty.judging.running import Running

        return Running(self.store, self.folder, sandbox)


def home_of(store_url: str | None, home: Path | None) -> "tuple[Store, Path]":
    """The store, and the folder of records below which bounties are; raises SpecError."""
    if home is not None and store_url is not None:
        raise SpecError("--home and --store exclude each other; give one of them.")
    if home is None:
        place = place_of(store_url)
    else:
        folder = home.expanduser().absolute()
        place = Place(f"sqlite:///{folder / 'evenhand.db'}", folder / "monitors")
    return place.store(), place.home


def kept(name: str, store_url: str | None, home: Path | None) -> Kept:
    """A bounty of this machine by its name, which need not be there yet; raises SpecError."""
    from evenhand.bounty.judging.running import folder_of
    from evenhand.core.bounty import NAME

    if not NAME.fullmatch(name):
        raise SpecError(f"{name[:80]!r} is no name of a bounty, and no address of a server.")
    store, records = home_of(store_url, home)
    return Kept(store, folder_of(records, name), name)


def asked(words: Sequence[str]) -> tuple[str | None, str]:
    """The server's address, where one is named, and the bounty's name; raises SpecError."""
    if len(words) == 1 and not words[0].startswith(_SCHEMES):
        return None, words[0]
    if len(words) == 2 and words[0].startswith(_SCHEMES):
        return words[0], words[1]
    address, slash, name = words[0].rstrip("/").partition("/bounties/") if len(words) == 1 else ("", "", "")
    if slash and name and "/" not in name:
        return address, name
    raise SpecError("Name a bounty of this machine, or a server's address and a name: http://127.0.0.1:8787 loans.")


def client_of(address: str, key_file: Path | None) -> "Client":
    """A client with the team's key, which is never an argument, because those are seen by everyone on a machine."""
    from evenhand.client import Client

    key = None if key_file is None else _read_key(key_file)
    if key is None and not os.environ.get("EVENHAND_KEY"):
        raise SpecError("A server needs the team's key: give --key-file, or set EVENHAND_KEY; `join` gives one.")
    return Client(address, key=key)


def _read_key(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise SpecError(f"No key can be read from {str(file)!r}: {error}") from None


def keep_key(file: Path, key: str) -> None:
    """Write a key where only its owner can read it; raises SpecError where the file is there already."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as target:
            target.write(f"{key}\n")
    except FileExistsError:
        raise SpecError(f"{str(file)!r} is there already; name another file for the key.") from None
