"""Histories: the versions of each report, by project and name."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

Row = tuple[int, str, str, datetime, str]


@dataclass(frozen=True)
class Version:
    """One report that is kept: its number in the store, its place among those of its name, when, and its verdict."""

    number: int
    place: int
    kept: datetime
    verdict: str


@dataclass(frozen=True)
class Versions:
    """All reports of one name, latest first."""

    project: str
    name: str
    versions: tuple[Version, ...]

    @property
    def latest(self) -> Version:
        """The one that counts today."""
        return self.versions[0]


def histories(rows: Iterable[Row]) -> list[Versions]:
    """The rows of a store, latest first, by project and name."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row[1], row[2]), []).append(row)
    return [
        Versions(
            project,
            name,
            tuple(Version(row[0], len(kept) - place, row[3], row[4]) for place, row in enumerate(kept)),
        )
        for (project, name), kept in sorted(found.items())
    ]
