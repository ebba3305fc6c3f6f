"""Scan: the query that reads files, and what their columns are really called."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evenhand.sources.connection import exactly, literal


@dataclass(frozen=True)
class Scan:
    """A query whose columns are c0, c1, … in the order of `names`."""

    query: str
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    height: int | None = None


def listed(files: Sequence[Path]) -> str:
    """The files as an SQL list."""
    return "[" + ", ".join(literal(exactly(file)) for file in files) + "]"


def aliases(number: int) -> list[str]:
    """The names c0, c1, …"""
    return [f"c{place}" for place in range(number)]
