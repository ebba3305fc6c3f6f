"""CSV files: one table of one or many of them, with types settled over whole columns as pandas does."""

import csv
import io
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from evenhand.clarify.datasets.files import Files, opened, unreadable
from evenhand.clarify.datasets.table import Table, distinct, mismatch, pandas
from evenhand.core.errors import UnreadableSource

_Head = tuple[list[str], int]  # the first line with anything on it, and how many lines of the file it ends


def read_csv(
    files: Files, headers: Sequence[str] | None, *, named: Sequence[str] = (), first: int | None = None
) -> Table:
    """The rows of these files; `named` are columns that the config names, which tell a header from a line of data.

    Raises DataError where `headers` has another length than the lines, UnreadableSource for what is no CSV.
    """
    heads = [_head(path) for path in files.paths]
    names, given = _names(heads[0][0], headers, named, files.location)
    notes = () if given else (f"{files.location!r} has no header; its columns are called column_0, column_1, ….",)
    for path, (line, _) in zip(files.paths, heads, strict=True):
        if len(line) != len(names):
            raise mismatch(len(names), len(line), path.name)
        if line != list(names) and sorted(line) == sorted(names) and given:
            raise UnreadableSource(f"{path.name!r} has its columns in another order than the config or the first file.")
    skipped = [lines if line == list(names) else 0 for line, lines in heads]
    if given and headers is None:
        skipped[0] = heads[0][1]
    return Table(_parsed(files, names, skipped, first), files.location, len(files.paths), notes=(*files.notes, *notes))


def _names(
    line: list[str], headers: Sequence[str] | None, named: Sequence[str], location: str
) -> tuple[tuple[str, ...], bool]:
    """What the columns are called, and whether the file or the config says so."""
    if headers is not None:
        if len(headers) != len(line):
            raise mismatch(len(headers), len(line), location)
        return distinct(tuple(headers), location), True
    if _is_header(line, named):
        return distinct(tuple(name or f"Unnamed: {place}" for place, name in enumerate(line)), location), True
    return tuple(f"column_{place}" for place in range(len(line))), False


def _is_header(line: list[str], named: Sequence[str]) -> bool:
    """Names that the config knows; or else texts, none of them a number and no two the same."""
    if any(name in line for name in named):
        return True
    return not any(map(_is_number, line)) and len(set(line)) == len(line)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _head(path: Path) -> _Head:
    try:
        with opened(path) as file:
            reader = csv.reader(io.TextIOWrapper(file, "utf-8", newline=""))
            for line in reader:
                if any(cell.strip() for cell in line):
                    return line, reader.line_num
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable(path, error) from error
    raise UnreadableSource(f"{path.name!r} holds no lines; leave it out or fill it.")


def _parsed(files: Files, names: tuple[str, ...], skipped: Sequence[int], first: int | None) -> Any:
    """All files as one stream, so that a column has one type whatever file its values are in."""
    pd = pandas()
    with ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        parts = [stack.enter_context(opened(path)) for path in files.paths]
        for part, lines in zip(parts, skipped, strict=True):
            for _ in range(lines):
                part.readline()
        stream = io.BufferedReader(_Chained(parts))
        try:
            return pd.read_csv(
                stream, header=None, names=list(names), index_col=False, low_memory=False, nrows=first, encoding="utf-8"
            )
        except (OSError, EOFError, ValueError, pd.errors.ParserWarning) as error:
            raise _explained(files, names, error) from error


def _explained(files: Files, names: tuple[str, ...], error: Exception) -> Exception:
    if isinstance(error, UnicodeDecodeError):
        return unreadable(Path(files.location), error)
    told = (str(error).strip().splitlines() or ["no lines"])[0].removeprefix("Error tokenizing data. C error: ")
    return UnreadableSource(
        f"{files.location!r} is no CSV of {len(names)} columns: {told.rstrip('.')};"
        " write one line a row, with text that holds commas in quotes."
    )


class _Chained(io.RawIOBase):
    """The bytes of files one after another, each ending with a line's end."""

    def __init__(self, parts: Sequence[IO[bytes]]) -> None:
        self._parts, self._last = list(parts), b"\n"

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes; none at the end."""
        while self._parts:
            got = self._parts[0].read(len(buffer))
            if got:
                self._last = got[-1:]
            else:
                self._parts.pop(0)
                got, self._last = (b"" if self._last == b"\n" else b"\n"), b"\n"
            if got:
                buffer[: len(got)] = got
                return len(got)
        return 0
