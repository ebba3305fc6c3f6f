"""CSV files: the separator and types are guessed, then every row is read once, so that trouble shows at the door."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from evenhand.core.errors import UnreadableSource
from evenhand.sources.connection import exactly, literal
from evenhand.sources.scan import Scan, aliases, listed
from evenhand.sources.settled_types import as_text_or_number, loosened, settled

_EVERY = -1
_FIRST = 20_480
_SEPARATORS = ",\t;|"


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written."""

    separator: str
    quote: str
    escape: str
    types: tuple[str, ...]

    def reader(self, files: Sequence[Path], *, header: bool, types: Sequence[str]) -> str:
        """The table function that reads files written so; columns are called c0, c1, …"""
        columns = ", ".join(f"{alias}: {literal(kind)}" for alias, kind in zip(aliases(len(types)), types, strict=True))
        options = {
            "auto_detect": "false",
            "header": str(header).lower(),
            "delim": literal(self.separator),
            "quote": literal(self.quote),
            "escape": literal(self.escape),
            "columns": f"{{{columns}}}",
            "comment": "''",
            "skip": "0",
        }
        return f"read_csv({listed(files)}, {', '.join(f'{name} = {value}' for name, value in options.items())})"


def scan(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], _location: str) -> Scan:
    """How to read these files; where the guess from the first rows fails later, every row is looked at."""
    dialect = _dialect(connection, files, _FIRST)
    try:
        types, height = _settled(connection, files, dialect)
    except duckdb.ConversionException:
        dialect = _dialect(connection, files, _EVERY)
        types, height = _settled(connection, files, dialect)
    header = _header(connection, files[0], dialect)
    for file in files[1:]:
        if _header(connection, file, dialect) != header:
            raise UnreadableSource(f"{file.name} does not have the header of {files[0].name}; read them one by one.")
    names, notes = apart(header)
    return Scan(f"FROM {dialect.reader(files, header=True, types=types)}", names, notes, height)


def _dialect(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], sample: int) -> Dialect:
    """The dialect of the first file, with types that hold the values of all files."""
    first, *rest = (_sniffed(connection, file, sample) for file in files)
    types = first.types
    for other in rest:
        if len(other.types) == len(types):
            types = tuple(_wider(one, two) for one, two in zip(types, other.types, strict=True))
    return replace(first, types=types)


def _wider(one: str, two: str) -> str:
    if one == two:
        return one
    return "DOUBLE" if {one, two} == {"BIGINT", "DOUBLE"} else "VARCHAR"


def _sniffed(connection: duckdb.DuckDBPyConnection, file: Path, sample: int) -> Dialect:
    line = _first_line(connection, file)
    # Nothing is skipped and nothing is a comment: rows that do not fit must be errors, not disappear.
    options = f"header = true, skip = 0, comment = '', sample_size = {sample}"
    query = "SELECT Delimiter, Quote, Escape, Columns FROM sniff_csv"
    try:
        (found,) = connection.sql(f"{query}({literal(exactly(file))}, {options})").fetchall()
    except duckdb.InvalidInputException as error:
        if "unicode" in str(error):
            raise
        return _plain(line)
    separator, quote, escape, columns = found
    if len(columns) == 1 and any(sign in line for sign in _SEPARATORS):
        return _plain(line)
    types = tuple(as_text_or_number(str(column["type"])) for column in columns)
    return Dialect(str(separator), _sign(quote), _sign(escape), types)


def _sign(guess: str) -> str:
    # With no quote among the first rows one may still come later.
    return '"' if guess in ("(empty)", "", "\0") else guess


def _plain(line: str) -> Dialect:
    """The dialect to expect from the header alone; reading then says which line does not fit."""
    separator = max(_SEPARATORS, key=line.count)
    names = next(csv.reader([line], delimiter=separator))
    return Dialect(separator, '"', '"', ("VARCHAR",) * len(names))


def _first_line(connection: duckdb.DuckDBPyConnection, file: Path) -> str:
    whole = Dialect("\x01", "", "", ("VARCHAR",))
    rows = connection.sql(f"FROM {whole.reader([file], header=False, types=whole.types)} LIMIT 1").fetchall()
    return str(rows[0][0] or "") if rows else ""


def _header(connection: duckdb.DuckDBPyConnection, file: Path, dialect: Dialect) -> list[str]:
    """The names exactly as the file has them."""
    texts = ("VARCHAR",) * len(dialect.types)
    query = f"FROM {dialect.reader([file], header=False, types=texts)} LIMIT 1"
    return ["" if name is None else str(name) for name in connection.sql(query).fetchall()[0]]


def _settled(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], dialect: Dialect) -> tuple[list[str], int]:
    query = f"FROM {dialect.reader(files, header=True, types=loosened(dialect.types))}"
    return settled(connection, query, dialect.types)


def apart(header: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names with later ones of the same name numbered, and a note on each."""
    names: list[str] = []
    notes = []
    for name in header:
        apart, number = name, 0
        while apart in names:
            number += 1
            apart = f"{name}_{number}"
        if number:
            notes.append(f"The header names {name!r} {_times(number + 1)}; the {_nth(number)} is read as {apart!r}.")
        names.append(apart)
    return tuple(names), tuple(notes)


def _times(number: int) -> str:
    return "twice" if number == 2 else f"{number} times"


def _nth(number: int) -> str:
    return {1: "second", 2: "third"}.get(number, f"{number + 1}th")
