"""What DuckDB's errors mean to the person who gave the file, in one line."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from evenhand.core.errors import DataError, UnreadableSource


@contextmanager
def told(location: str) -> Iterator[None]:
    """Within it, what goes wrong in DuckDB is told in one line."""
    try:
        yield
    except duckdb.Error as error:
        raise explained(error, location) from error


def explained(error: duckdb.Error, location: str) -> DataError:
    """The error as one line: what was wrong, where, and what to do."""
    text = str(error)
    if isinstance(error, duckdb.OutOfMemoryException):
        return UnreadableSource(
            f"{location} needs more memory than allowed: {_first_line(text)}."
            " Raise it with read(..., memory_limit='4GB'), or count by fewer or coarser columns."
        )
    if "not utf-8" in text or "Invalid unicode" in text:
        return UnreadableSource(
            f"{location} is not UTF-8 text{_line(text)}."
            " Convert it first, for example: iconv -f latin1 -t utf-8 OLD > NEW."
        )
    if found := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text):
        return UnreadableSource(
            f"{location} is ragged{_line(text)}: {found[1]} columns are expected and {found[2]} found."
            " Quote entries that hold the separator, or mend that line."
        )
    if "value is not quoted" in text or "unterminated quote" in text or "Value with unterminated" in text:
        return UnreadableSource(f"{location} has a quote that is never closed{_line(text)}. Mend that line.")
    if "GZIP" in text or "gzip" in text or "ZSTD" in text or "frame descriptor" in text:
        return UnreadableSource(
            f"{location} is cut short or is not the compressed file that its name says. Copy it again."
        )
    if (
        "Parquet" in text
        or "magic bytes" in text
        or "outside file" in text
        or "ecompression" in text
        or "TProtocol" in text
    ):
        return UnreadableSource(f"{location} is not a whole Parquet file: {_first_line(text)}. Copy or write it again.")
    if "expected records" in text:
        return UnreadableSource(
            f"{location} does not hold objects; write one object a line (.jsonl) or an array of objects (.json)."
        )
    if "JSON" in text:
        return UnreadableSource(f"{location} does not hold good JSON: {_first_line(text)}. Mend it there.")
    return UnreadableSource(f"{location} cannot be read: {_first_line(text)}.")


def _line(text: str) -> str:
    found = re.search(r"CSV Error on Line: (\d+)", text)
    return f" (line {found[1]})" if found else ""


def _first_line(text: str) -> str:
    return re.sub(r"^[\w ]+ Error: ", "", text).splitlines()[0].strip().rstrip(".")
