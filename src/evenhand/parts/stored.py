"""Stored: the files of a folder of parts — one a part, named by the part's name, written whole or not at all."""

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from evenhand.core.errors import EvenhandError, UnreadableSource
from evenhand.core.tally import Tally
from evenhand.core.writing import write_whole

ENDING = ".part"


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """What a file is recognised by: its path below `root`, its size in bytes and its time in nanoseconds."""

    root: str
    path: str
    size: int
    modified: int


@dataclass(frozen=True)
class Header:
    """The first line of a part's file: whose tally the second line is."""

    part: str
    stamp: Stamp | None = None


def place_of(folder: Path, name: str) -> Path:
    """The file of a part; names are users' and may be no file names, so their hash is."""
    return folder / f"{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}{ENDING}"


def headers(folder: Path) -> Iterator[Header]:
    """The parts of a folder, by the first lines of their files."""
    for path in folder.glob(f"[!.]*{ENDING}"):
        with suppress(FileNotFoundError):  # a part that is forgotten meanwhile
            yield _read(path)[0]


def header(folder: Path, name: str) -> Header | None:
    """The header of a part; None where it was not added."""
    path = place_of(folder, name)
    return _read(path)[0] if path.exists() else None


def tally_in(folder: Path, name: str) -> Tally:
    """The tally of a part."""
    return Tally.from_json(_read(place_of(folder, name), whole=True)[1])


def write_part(folder: Path, found: Header, tally: Tally, *, replace: bool) -> bool:
    """Store a part; False, and nothing is done, where it is there already and is not to be replaced."""
    text = f"{json.dumps(asdict(found))}\n{tally.to_json()}"
    path = place_of(folder, found.part)
    if replace:
        write_whole(path, text)
        return True
    return write_new(path, text)


def write_new(path: Path, text: str) -> bool:
    """Write a file whole where there is none; False where there is one already, whoever writes at the same time."""
    temporary = path.parent / f".{uuid.uuid4().hex}"
    write_whole(temporary, text)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if path.exists():
            return False
        with _told(path):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def remove(folder: Path, name: str) -> None:
    """Take a part out of the folder."""
    path = place_of(folder, name)
    with _told(path):
        path.unlink(missing_ok=True)


class _told:  # noqa: N801 - reads as a verb where it is used
    """Turns what the operating system says into one line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, OSError):
            raise EvenhandError(f"Cannot write {str(self.path)!r}: {error.strerror}.") from None


def _read(path: Path, *, whole: bool = False) -> tuple[Header, bytes]:
    try:
        with path.open("rb") as file:
            first, rest = file.readline(), file.read() if whole else b""
        found = json.loads(first)
        stamp = None if found["stamp"] is None else Stamp(**found["stamp"])
        return Header(str(found["part"]), stamp), rest
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableSource(f"Cannot read the part {str(path)!r}: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UnreadableSource(
            f"{str(path)!r} is not a part that evenhand stored; remove it and count it anew."
        ) from None
