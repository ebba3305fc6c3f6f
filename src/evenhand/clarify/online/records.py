"""Records: the body of a request, CSV or JSON Lines, read record by record, every odd value refused by name."""

import codecs
import csv
import io
import json
import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from evenhand.clarify.online.online_config import ContentType
from evenhand.core.errors import DataError
from evenhand.core.visible import visible
from evenhand.models.remote.answer_places import searched

_SHOWN = 40
_MOST_DIGITS = 400
_MOST_CELLS = 100_000
LONGEST_LINE = 4 * 2**20


@dataclass(frozen=True)
class Line:
    """One record: how it was written, and its cells."""

    written: str
    cells: Sequence[Any]


def lines_of(body: bytes, kind: ContentType, attribute: str | None, what: str) -> Iterator[Line]:
    """The records of a body one by one; raises DataError naming the record that is wrong."""
    if b"\0" in body:
        raise DataError(f"{what} holds a NUL character.")
    lines = _decoded(body, what)
    return _csv_lines(lines, what) if kind == "text/csv" else _json_lines(lines, attribute, what)


def _decoded(body: bytes, what: str) -> Iterator[str]:
    """Its lines as text, one at a time: the whole as text would take up to four times the memory."""
    start = 3 if body.startswith(codecs.BOM_UTF8) else 0
    for number_of, line in enumerate(io.BytesIO(body), start=1):
        if len(line) > LONGEST_LINE:
            raise DataError(f"{what}, line {number_of}, has {len(line):,} bytes; at most {LONGEST_LINE:,} are read.")
        _check_cells(max(line.count(b","), line.count(b"[") + line.count(b"{")), what)
        try:
            yield line[start:].decode()
        except UnicodeDecodeError:
            raise DataError(f"{what} is not UTF-8 text in line {number_of}.") from None
        start = 0


def number(value: Any, where: str) -> float:
    """A cell as a number, NaN where it is missing; raises DataError for text, NaN, infinity and numbers too large."""
    if value is None or value == "":
        return math.nan
    if isinstance(value, str | int | float):
        if isinstance(value, str) and (len(value) > _MOST_DIGITS or "_" in value):
            _no_number(value, where)
        try:
            found = float(value)
        except (ValueError, OverflowError):
            _no_number(value, where)
        if not math.isfinite(found):
            raise DataError(f"{where} is {shown(value)}, no finite number; leave it empty where it is missing.")
        return found
    _no_number(value, where)


def text_of(value: Any, where: str) -> str | None:
    """A cell as text, None where it is missing; raises DataError for lists and objects."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise DataError(f"{where} is {shown(value)}, where one value should stand.")


def numbers_of(cells: "array[float]") -> np.ndarray[Any, Any]:
    """Numbers as an array, whole ones as integers."""
    values = np.array(cells, np.float64)
    if len(values) and np.all(np.abs(values) < 2**53) and np.all(values == np.floor(values)):
        return values.astype(np.int64)
    return values


def shown(value: Any) -> str:
    """A value as an error may repeat it: short, on one line."""
    text = repr(value) if isinstance(value, str) else type(value).__name__
    text = str(value) if isinstance(value, float) else text
    return visible(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _no_number(value: Any, where: str) -> NoReturn:
    raise DataError(f"Could not convert string to float: {where} is {shown(value)}, where a number should stand.")


def _csv_lines(lines: Iterable[str], what: str) -> Iterator[Line]:
    written: list[str] = []
    reader = csv.reader(_watched(lines, written, what), strict=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise DataError(f"{what} is no CSV in line {reader.line_num}: {error}.") from None
        if cells is None:
            return
        if cells:
            yield Line("".join(written).rstrip("\r\n"), cells)
        written.clear()


def _watched(lines: Iterable[str], written: list[str], what: str) -> Iterator[str]:
    """The lines, kept until their record is whole; a record of far too many cells ends before it fills the memory."""
    count = 0
    for line in lines:
        count = line.count(",") + (count if written else 0)
        _check_cells(count, what)
        written.append(line)
        yield line


def _check_cells(count: int, what: str) -> None:
    if count > _MOST_CELLS:
        raise DataError(f"{what} has a record of more than {_MOST_CELLS:,} values.")


def _json_lines(lines: Iterable[str], attribute: str | None, what: str) -> Iterator[Line]:
    place = 0
    for line in lines:
        if line.strip():
            place += 1
            yield Line(line.strip(), _features(_parsed(line, f"{what}, record {place},"), attribute, what, place))


def _parsed(line: str, where: str) -> Any:
    try:
        return json.loads(line, parse_constant=_constant)
    except DataError as error:
        raise DataError(f"{where} holds {error}, which JSON does not know; use null.") from None
    except RecursionError:
        raise DataError(f"{where} is nested too deeply.") from None
    except ValueError as error:
        said = str(error).split(":")[0]
        raise DataError(f"{where} is no JSON: {said}.") from None


def _constant(name: str) -> NoReturn:
    raise DataError(name)


def _features(document: Any, attribute: str | None, what: str, place: int) -> Sequence[Any]:
    if attribute is None:
        if isinstance(document, list):
            return document
        hint = "set InferenceConfig.FeaturesAttribute to say where its features stand"
        raise DataError(f"{what}, record {place}, is no list of features; {hint}.")
    try:
        found = searched(attribute, document)
    except (ValueError, RecursionError):
        found = None
    if found is None:
        raise DataError(f"Data must contain features: {what}, record {place}, has none at {attribute!r}.")
    return found if isinstance(found, list) else [found]
