"""Files: the files of a folder or a glob as parts, each counted when it is new or has changed."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any

from evenhand.core.errors import DataError, EvenhandError, UnreadableSource
from evenhand.flow import Progress
from evenhand.models import load_model
from evenhand.parts.folder import Parts
from evenhand.parts.stored import Stamp
from evenhand.sources.files import found

# How many names a note shows.
SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What was counted: files that are new, that have changed and were counted anew, that are gone, that are empty."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    forgotten: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the report must know of it."""
        return tuple(self._notes())

    def _notes(self) -> Iterator[str]:
        if self.changed:
            yield f"{_files(self.changed)} changed since counting, counted anew: {_listed(self.changed)}."
        if self.gone and self.forgotten:
            yield f"{_files(self.gone)} gone, and no longer counted: {_listed(self.gone)}."
        elif self.gone:
            yield f"{_files(self.gone)} gone, and still counted: {_listed(self.gone)}."
        if self.empty:
            yield f"{_files(self.empty)} without rows: {_listed(self.empty)}."


def count_files(
    parts: Parts,
    location: str | Path,
    *,
    engine: str | None = None,
    model: Any = None,
    trust_pickle: bool = False,
    forget: bool = False,
    progress: Progress | None = None,
) -> Counted:
    """Count every file of a folder or glob that is not counted yet, each as a part.

    A file is known by its path below the folder, its size and its time of change; a changed one is counted anew. A file
    that is gone stays counted, unless `forget` says otherwise. `engine` is that of `read`. Each file is stored as soon
    as it is counted, so that an interrupted count goes on where it stopped. Raises EvenhandError, naming the file.
    """
    root, files = _root(str(location)), found(str(location))
    known, asked = parts.stamps, load_model(model, trust_pickle=trust_pickle) if model is not None else None
    gone = tuple(name for name, stamp in known.items() if stamp.root == str(root) and not (root / name).exists())
    stamps = [_stamp(file, root) for file in files]
    waiting = [stamp for stamp in stamps if not _is_known(stamp, known.get(stamp.path))]
    new: list[str] = []
    changed: list[str] = []
    empty: list[str] = []
    for done, stamp in enumerate(waiting):
        if progress is not None:
            progress("counting files", done, len(waiting))
        before = known.get(stamp.path)
        added = _added(parts, stamp, engine, asked, replace=before is not None)
        (empty if not added else new if before is None else changed).append(stamp.path)
    if forget:
        for name in gone:
            parts.forget(name)
    return Counted(
        new=tuple(new), changed=tuple(changed), gone=tuple(sorted(gone)), empty=tuple(empty), forgotten=forget
    )


def _added(parts: Parts, stamp: Stamp, engine: str | None, model: Any, *, replace: bool) -> bool:
    """Count one file; False where it has no rows, whose earlier rows then no longer count either."""
    source = _location(stamp, engine)
    try:
        added = parts.add(stamp.path, source, engine=engine, model=model, replace=replace, stamp=stamp)
    except EvenhandError as error:
        if stamp.path not in str(error):
            error.args = (f"{stamp.path}: {error}",)
        raise
    if not added and replace:
        parts.forget(stamp.path)
    return added


def _root(location: str) -> Path:
    """The folder that paths are told from: the folder itself, that before the first wildcard, or that of one file."""
    path = Path(location).expanduser()
    if path.is_file():
        path = path.parent
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path.resolve()


def _stamp(file: Path, root: Path) -> Stamp:
    """Taken before the file is read, so that one that changes meanwhile is found changed the next time."""
    try:
        facts = file.stat()
    except OSError as error:
        raise UnreadableSource(f"Cannot read {str(file)!r}: {error.strerror}.") from None
    path = Path(os.path.relpath(file, root)).as_posix()
    return Stamp(root=str(root), path=path, size=facts.st_size, modified=facts.st_mtime_ns)


def _is_known(stamp: Stamp, known: Stamp | None) -> bool:
    """Whether the file is counted as it is; raises where another folder's file has its name."""
    if known is None:
        return False
    same = (stamp.size, stamp.modified) == (known.size, known.modified)
    if known.root != stamp.root and not same:
        raise DataError(
            f"The file {stamp.path!r} of {known.root!r} is counted already, and that of {stamp.root!r} is another; "
            "count the files of one folder, or take another folder for the tallies."
        )
    return same


def _location(stamp: Stamp, engine: str | None) -> str:
    """The file; as one of its folder where folders `name=value` above it are columns."""
    if engine is None and "=" in str(Path(stamp.path).parent) and not re.search(r"[*?\[]", stamp.root):
        within = f"{stamp.root}/**/{escape(stamp.path)}"
        if len(found(within)) == 1:
            return within
    return str(Path(stamp.root) / stamp.path)


def _files(names: tuple[str, ...]) -> str:
    return f"{len(names):,} file{'s' if len(names) > 1 else ''}"


def _listed(names: tuple[str, ...]) -> str:
    more = f", … ({len(names) - SHOWN:,} more)" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
