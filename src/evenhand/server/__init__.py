"""The server: an HTTP API and pages over a store, built by `application`."""

from pathlib import Path
from typing import TYPE_CHECKING

from evenhand.core.errors import MissingExtra

if TYPE_CHECKING:
    from fastapi import FastAPI

    from evenhand.core.store import Store
    from evenhand.server.settings import Settings

__all__ = ["application"]


def application(store: "Store", home: Path, settings: "Settings | None" = None) -> "FastAPI":
    """The server as an ASGI application; raises MissingExtra without FastAPI."""
    try:
        from evenhand.server.assembly import assembled
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("evenhand"):
            raise
        raise MissingExtra("The server", error.name or "fastapi", "server") from error
    return assembled(store, home, settings)
