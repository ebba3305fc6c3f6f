"""Places: where the store and the records of monitors are, from options and the environment."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evenhand.core.store import Store

StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="A database URL: sqlite:///loans.db or postgresql://… [default: evenhand.db in EVENHAND_HOME]",
    ),
]
_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Place:
    """A store's URL, and the folder of the records that belong to it."""

    url: str
    home: Path

    def store(self) -> "Store":
        """Open the store; raises EvenhandError."""
        from evenhand.stores import open_store

        if self.url.startswith(_SQLITE):
            Path(self.url.removeprefix(_SQLITE)).absolute().parent.mkdir(parents=True, exist_ok=True)
        return open_store(self.url)


def place_of(url: str | None) -> Place:
    """Where things are kept: a database given by a URL has its records beside it, unless EVENHAND_HOME says otherwise.

    EVENHAND_HOME is ~/.evenhand by default; it holds evenhand.db, and the records in the folder `monitors`.
    """
    given = os.environ.get("EVENHAND_HOME")
    home = Path(given).expanduser() if given else Path.home() / ".evenhand"
    if url is None:
        return Place(f"{_SQLITE}{home.absolute() / 'evenhand.db'}", home / "monitors")
    if not given and url.startswith(_SQLITE):
        database = Path(url.removeprefix(_SQLITE)).absolute()
        return Place(url, database.with_name(f"{database.stem}-monitors"))
    return Place(url, home / "monitors")
