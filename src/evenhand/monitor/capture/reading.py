"""Reading: folders and prefixes of Parquet and JSON Lines, and SageMaker's captured traffic, taken in file by file."""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from evenhand.core.errors import DataError, EvenhandError, MissingExtra, UnreadableSource
from evenhand.monitor.capture.capture import Capture, Receipt
from evenhand.monitor.capture.durable import write_durable
from evenhand.monitor.capture.records import arrow
from evenhand.monitor.capture.traffic import Traffic, ground_truth, predictions

Form = Literal["records", "truth", "traffic", "ground truth"]

ROWS = 20_000
MOST_LINE = 8 * 2**20
_PARQUET, _LINES = (".parquet", ".pq"), (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class File:
    """A file that may be taken in; its stamp changes when it does."""

    path: str
    stamp: str

    def open(self) -> BinaryIO:
        """Its bytes."""
        if "://" not in self.path:
            return Path(self.path).open("rb")
        return cast(BinaryIO, _fsspec().open(self.path, "rb").open())


def take_in(
    capture: Capture, location: str | Path, *, form: Form = "records", traffic: Traffic | None = None
) -> Receipt:
    """Take in all files below a folder or prefix that are new or have changed since; gives what was accepted.

    `form` says what they hold: "records" and "truth" are Parquet or JSON Lines with the columns of the monitor,
    "traffic" and "ground truth" JSON Lines as SageMaker writes them, where `traffic` names the columns. A folder is
    read here; s3:// and other prefixes by fsspec. Raises EvenhandError, naming the file; earlier files stay taken in.
    """
    seen = capture.folder / "taken.json"
    taken = _taken(seen)
    accepted = duplicates = 0
    for file in files(str(location)):
        key = hashlib.sha256(f"{form}\n{file.path}".encode()).hexdigest()
        if taken.get(key) == file.stamp:
            continue
        for receipt in _take(capture, file, form, traffic):
            accepted, duplicates = accepted + receipt.accepted, duplicates + receipt.duplicates
        taken[key] = file.stamp
        write_durable(seen, json.dumps(taken).encode())
    return Receipt(accepted, duplicates)


def files(location: str) -> list[File]:
    """The files of a folder or prefix, in the order of their names; raises UnreadableSource where there are none."""
    found = list(_remote(location) if "://" in location else _local(Path(location).expanduser()))
    if not found:
        raise UnreadableSource(f"{location!r} holds no file that ends in {', '.join((*_PARQUET, *_LINES))}.")
    return sorted(found, key=lambda file: file.path)


def _local(place: Path) -> Iterator[File]:
    for path in [place] if place.is_file() else place.rglob("*"):
        if path.name.startswith((".", "_")) or not path.name.endswith((*_PARQUET, *_LINES)) or not path.is_file():
            continue
        facts = path.stat()
        yield File(str(path), f"{facts.st_size} {facts.st_mtime_ns}")


def _remote(location: str) -> Iterator[File]:
    system, root = _fsspec().core.url_to_fs(location)
    try:
        found = system.find(root, detail=True)
    except (OSError, ValueError) as error:
        raise UnreadableSource(f"Cannot list {location!r}: {str(error).splitlines()[0]}.") from None
    for path, facts in found.items():
        if path.endswith((*_PARQUET, *_LINES)):
            stamp = facts.get("ETag") or facts.get("LastModified") or facts.get("mtime")
            yield File(system.unstrip_protocol(path), f"{facts.get('size')} {stamp}")


def _fsspec() -> Any:
    try:
        import fsspec
    except ModuleNotFoundError as error:
        raise MissingExtra("Reading a prefix", "s3fs", "s3") from error
    return fsspec


def _taken(path: Path) -> dict[str, str]:
    try:
        return {str(key): str(stamp) for key, stamp in json.loads(path.read_bytes()).items()}
    except (FileNotFoundError, ValueError):  # files are then read again, and their records count once by their ids
        return {}


def _take(capture: Capture, file: File, form: Form, traffic: Traffic | None) -> Iterator[Receipt]:
    truth = form in ("truth", "ground truth")
    try:
        with file.open() as opened:
            for batch in _batches(opened, file.path, form, traffic):
                yield capture.accept_truth(batch) if truth else capture.accept(batch)
    except EvenhandError as error:
        error.args = (f"{file.path}: {error}",)
        raise
    except (OSError, arrow().ArrowException) as error:
        raise UnreadableSource(f"{file.path} cannot be read: {str(error).splitlines()[0]}.") from None


def _batches(opened: BinaryIO, path: str, form: Form, traffic: Traffic | None) -> Iterator[Any]:
    if path.endswith(_PARQUET):
        if form in ("traffic", "ground truth"):
            raise DataError("captured traffic is JSON Lines, and this is Parquet; take it in as records or truth.")
        import pyarrow.parquet

        yield from pyarrow.parquet.ParquetFile(opened).iter_batches(ROWS)
        return
    documents: Iterable[dict[str, Any]] = _documents(opened)
    if form == "traffic":
        documents = (row for document in documents for row in predictions(document, traffic or Traffic()))
    elif form == "ground truth":
        documents = (row for document in documents for row in ground_truth(document, traffic or Traffic()))
    documents = iter(documents)
    while batch := list(islice(documents, ROWS)):
        yield batch


def _documents(opened: BinaryIO) -> Iterator[dict[str, Any]]:
    # Files of fsspec have a readline that takes no size.
    lines = opened if isinstance(opened, io.BufferedReader) else io.BufferedReader(cast(Any, opened))
    for number in range(1, 2**62):
        line = lines.readline(MOST_LINE + 1)
        if not line:
            return
        if len(line) > MOST_LINE:
            raise DataError(f"line {number:,} has more than {MOST_LINE:,} bytes; write one record a line.")
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            raise DataError(f"line {number:,} is no JSON; write one object a line.") from None
        if not isinstance(found, dict):
            raise DataError(f"line {number:,} is no object of names and values.")
        yield found
