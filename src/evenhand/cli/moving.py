"""Moving everything that monitors keep: a folder of files, written from one store and read into another."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.core.errors import EvenhandError, UnreadableSource
from evenhand.core.monitor import NAME

if TYPE_CHECKING:
    from evenhand.core.store import Store

_STORE, _RECORDS = "store.jsonl", "monitors"


def export_to(folder: Path, store: "Store", home: Path) -> str:
    """Write the store as JSON Lines and copy the records of each monitor; says how much that was."""
    if folder.exists() and any(folder.iterdir()):
        raise EvenhandError(f"{str(folder)!r} is not empty; export into a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    for name in store.monitors():
        _copied(home / name, folder / _RECORDS / name)
    # The store last: parts that it counted are then among the records.
    number = 0
    with (folder / f".{_STORE}").open("w", encoding="utf-8") as file:
        for kind, content in store.exported():
            file.write(json.dumps([kind, content], ensure_ascii=False, allow_nan=False) + "\n")
            number += 1
    (folder / f".{_STORE}").rename(folder / _STORE)
    return f"Exported {number:,} records of the store to {folder}."


def import_from(folder: Path, store: "Store", home: Path) -> str:
    """Keep what an export wrote; monitors whose records are here already are refused."""
    source = folder / _STORE
    if not source.is_file():
        raise UnreadableSource(f"{str(folder)!r} is no export: it holds no {_STORE}.")
    moved = sorted((folder / _RECORDS).glob("*"))
    for path in moved:
        _be_plain(path)
        if (home / path.name).exists():
            raise EvenhandError(f"There are records of {path.name!r} here already; import into a new home.")
    number = store.import_(_lines(source))
    for path in moved:
        shutil.copytree(path, home / path.name, symlinks=True)
    return f"Imported {number:,} records into the store, and the records of {len(moved)} monitors."


def _be_plain(place: Path) -> None:
    """Refuse what an export does not hold: other names than monitors have, links, and what is neither file nor folder.

    A link would have the records of a stranger written to, and read from, wherever it leads.
    """
    if NAME.fullmatch(place.name) is None:
        raise UnreadableSource(f"{place.name!r} in the export is no name of a monitor; it is not imported.")
    for path in (place.parent, place, *place.rglob("*")):
        if path.is_symlink() or not (path.is_dir() or (path.is_file() and path != place)):
            raise UnreadableSource(
                f"{str(path)!r} is a link or no plain file; an export holds files and folders. Nothing was imported."
            )


def _copied(source: Path, target: Path) -> None:
    from evenhand.monitor.pending import alone

    if source.is_dir():
        with alone(source):
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.lock"), symlinks=True)


def _lines(source: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with source.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                kind, content = json.loads(line)
                yield str(kind), dict(content)
            except (ValueError, TypeError, RecursionError):
                raise UnreadableSource(f"Line {number} of {str(source)!r} is damaged.") from None
