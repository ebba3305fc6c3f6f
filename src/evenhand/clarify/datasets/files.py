"""Files: which files of a folder hold the rows, and their bytes, unpacked."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from evenhand.clarify.storage import local_copy
from evenhand.core.errors import UnreadableSource

CONFIG = "analysis_config.json"
_ENDINGS: dict[str, tuple[str, ...]] = {
    "text/csv": (".csv", ".csv.gz"),
    "application/jsonlines": (".jsonl", ".jsonl.gz", ".ndjson", ".jsonlines"),
    "application/json": (".json", ".json.gz"),
    "application/x-parquet": (".parquet", ".pq"),
    "application/x-image": (".jpg", ".jpeg", ".png"),
    "application/sagemakercapturejson": (".jsonl", ".jsonl.gz"),
}


@dataclass(frozen=True)
class Files:
    """Files in order, what they are called in messages, and what is worth knowing of the choice."""

    paths: tuple[Path, ...]
    location: str
    notes: tuple[str, ...] = ()


def files_of(place: str | Path, dataset_type: str) -> Files:
    """The files at a path or an address: itself, or all files of the folder and the folders in it.

    Hidden files, empty files and the config are left out; where some have an ending of the type, the others are too,
    with a note. Raises UnreadableSource where there are none.
    """
    location = str(place)
    path = local_copy(place)
    if path.is_file():
        return Files((path,), location)
    if not path.is_dir():
        raise UnreadableSource(f"There is no file or folder {location!r}; give the place of the data.")
    found = sorted(file for file in path.rglob("*") if _is_data(file, path))
    fitting = [file for file in found if file.name.lower().endswith(_ENDINGS[dataset_type])]
    if not found:
        raise UnreadableSource(f"The folder {location!r} holds no files; put the data there.")
    left = sorted(set(found) - set(fitting)) if fitting else []
    notes = (f"{len(left)} files that are no {dataset_type} were left out, such as {left[0].name!r}.",) if left else ()
    return Files(tuple(fitting or found), location, notes)


def _is_data(file: Path, folder: Path) -> bool:
    parts = file.relative_to(folder).parts
    if any(part.startswith((".", "_")) for part in parts) or file.name == CONFIG:
        return False
    return file.is_file() and file.stat().st_size > 0


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked where it is packed by gzip, after the mark of UTF-8 where there is one."""
    with path.open("rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        file: IO[bytes] = gzip.open(plain) if packed else plain  # type: ignore[assignment]  # noqa: SIM115
        if file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        yield file


def text_of(path: Path) -> str:
    """The whole text of a file; raises UnreadableSource where it is none."""
    try:
        with opened(path) as file:
            return file.read().decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> UnreadableSource:
    """What to say of a file that cannot be read."""
    if isinstance(error, UnicodeDecodeError):
        return UnreadableSource(f"{path.name!r} is no text in UTF-8; write it again in UTF-8.")
    told = str(error).strip().splitlines() or [type(error).__name__]
    return UnreadableSource(f"{path.name!r} cannot be read: {told[0].rstrip('.')}.")
