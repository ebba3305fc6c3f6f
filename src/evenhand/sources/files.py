"""Files: a path, a folder or a glob of CSV, JSON Lines, JSON or Parquet, read where it lies."""

import re
from glob import glob
from pathlib import Path

import duckdb

from evenhand.core.errors import DataError, UnreadableSource, suggestion
from evenhand.sources import csv_files, json_files, parquet_files
from evenhand.sources.connection import connect
from evenhand.sources.duckdb_errors import explained
from evenhand.sources.duckdb_frame import DuckDBFrame
from evenhand.sources.origin import Origin
from evenhand.sources.spreadsheets import read_spreadsheet

FORMATS = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".data": "csv",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
    ".parquet": "parquet", ".pq": "parquet",
    ".xlsx": "spreadsheet", ".xlsm": "spreadsheet",
    ".xlsb": "spreadsheet", ".xls": "spreadsheet", ".ods": "spreadsheet",
}  # fmt: skip
_PACKED = (".gz", ".zst")
_SCANS = {"csv": csv_files.scan, "jsonl": json_files.scan, "json": json_files.scan, "parquet": parquet_files.scan}


def read_files(location: str, *, sheet: str | None, memory_limit: str, threads: int | None) -> DuckDBFrame:
    """The files of this location as one table; they must be of one format."""
    files = found(location)
    formats = sorted({form(file) for file in files})
    if len(formats) > 1:
        raise UnreadableSource(
            f"{location} holds files of several formats ({', '.join(formats)}); name one, such as *.csv."
        )
    for file in files:
        if file.stat().st_size == 0:
            raise UnreadableSource(f"{file} is empty; it has neither column names nor rows.")

    if formats == ["spreadsheet"]:
        if len(files) > 1:
            raise UnreadableSource(f"{location} holds {len(files)} spreadsheets; name one.")
        return read_spreadsheet(files[0], sheet, memory_limit=memory_limit, threads=threads)
    if sheet is not None:
        raise UnreadableSource(f"{location} is no spreadsheet, so it has no sheet {sheet!r}; leave sheet= out.")
    connection = connect(files, memory_limit=memory_limit, threads=threads)
    try:
        scan = _SCANS[formats[0]](connection, files, location)
        origin = Origin(lambda other, _: other.sql(scan.query), tuple(files), memory_limit, threads)
        relation = origin.relation(connection, "source")
    except duckdb.Error as error:
        raise explained(error, location) from error
    frame = DuckDBFrame(relation, scan.names, location=location, origin=origin, notes=scan.notes, height=scan.height)
    if frame.height == 0:
        raise DataError(f"{location} holds no rows, only column names.")
    return frame


def found(location: str) -> list[Path]:
    """The files of a path, a folder or a glob, sorted; raises UnreadableSource where there are none."""
    path = Path(location).expanduser()
    if path.is_file():
        return [path.resolve()]
    if path.is_dir():
        _be_plain_files(path, location)
        files = [file for file in path.rglob("*") if file.is_file() and _known(file) and not _hidden(file, path)]
        if not files:
            raise UnreadableSource(f"The folder {location} holds no file that evenhand reads ({_listed()}).")
    elif re.search(r"[*?\[]", location):
        files = [Path(name) for name in glob(str(path), recursive=True) if Path(name).is_file()]  # noqa: PTH207 - absolute ones too
        if not files:
            raise UnreadableSource(f"No file matches {location!r}.")
    else:
        raise _not_there(path, location)
    return sorted(file.resolve() for file in files)


def form(file: Path) -> str:
    """The format of a file, by its name."""
    if not _known(file):
        ending = "".join(file.suffixes[-1:])
        raise UnreadableSource(f"{file.name!r} ends in {ending!r}, which evenhand does not read; it reads {_listed()}.")
    return FORMATS[_suffix(file)]


def _suffix(file: Path) -> str:
    suffixes = [suffix.lower() for suffix in file.suffixes]
    return "".join((suffixes[:-1] if suffixes and suffixes[-1] in _PACKED else suffixes)[-1:])


def _known(file: Path) -> bool:
    return _suffix(file) in FORMATS


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)


def _be_plain_files(folder: Path, location: str) -> None:
    """Raises UnreadableSource for a table of Delta Lake or Iceberg, which keeps removed rows in its files."""
    deltas = (file for file in folder.rglob("_delta_log") if file.is_dir())
    icebergs = (
        file.parent for file in folder.rglob("metadata/*.metadata.json") if (file.parent.parent / "data").is_dir()
    )
    for kind, found_in in (("a Delta", next(deltas, None)), ("an Iceberg", next(icebergs, None))):
        if found_in is not None:
            raise UnreadableSource(
                f"{location} holds {kind} table ({found_in.relative_to(folder.parent)}), whose files keep removed rows"
                " too; read it with engine='spark'."
            )


def _listed() -> str:
    return ", ".join(FORMATS) + ", the text formats also with .gz or .zst"


def _not_there(path: Path, location: str) -> UnreadableSource:
    if not path.parent.is_dir():
        return UnreadableSource(f"No file {location!r}: there is no folder {str(path.parent)!r}.")
    beside = sorted(file.name for file in path.parent.iterdir() if _known(file))
    return UnreadableSource(f"No file {location!r}.{suggestion(path.name, beside)}")
