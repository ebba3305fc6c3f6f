"""Traffic: lines that SageMaker wrote of an endpoint's requests and answers, and of the ground truth, as records."""

import base64
import binascii
import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evenhand.core.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """How lines become records: names of the columns of CSV, of the answers, and of what the monitor calls things.

    `columns` name the cells of a request in CSV; objects of JSON have names of their own. `answers` name the cells of
    an answer, in order; None leaves a cell out. `text` are columns whose cells stay text though they look like numbers.
    """

    columns: tuple[str, ...] = ()
    answers: tuple[str | None, ...] = ("prediction",)
    label: str = "label"
    id: str = "id"
    time: str = "time"
    text: tuple[str, ...] = ()


def predictions(line: Mapping[str, Any], traffic: Traffic) -> Iterator[dict[str, Any]]:
    """The records of one line of captured traffic, one for each row of the request; raises DataError."""
    captured, (key, when) = line.get("captureData"), _event(line)
    if not isinstance(captured, Mapping) or when is None:
        raise DataError("a line of captured traffic has captureData and eventMetadata.inferenceTime; this has not.")
    rows = [_named(row, traffic.columns, traffic) for row in _rows(captured.get("endpointInput"))]
    answers = [_named(row, traffic.answers, traffic) for row in _rows(captured.get("endpointOutput"))]
    if len(answers) != len(rows):
        raise DataError(f"event {key!r} has {len(rows):,} rows and {len(answers):,} answers.")
    for number, (row, answer) in enumerate(zip(rows, answers, strict=True)):
        yield {**row, **answer, traffic.id: _row_id(key, number, len(rows)), traffic.time: when}


def ground_truth(line: Mapping[str, Any], traffic: Traffic) -> Iterator[dict[str, Any]]:
    """The labels of one line of ground truth; raises DataError."""
    rows = _rows(line.get("groundTruthData"))
    key, _ = _event(line)
    for number, row in enumerate(rows):
        value = (
            row if not isinstance(row, list | Mapping) else next(iter(_named(row, (traffic.label,), traffic).values()))
        )
        yield {traffic.id: _row_id(key, number, len(rows)), traffic.label: value}


def _event(line: Mapping[str, Any]) -> tuple[str, str | None]:
    """The id that traffic and truth share: that of the inference where it was given, else that of the event."""
    event = line.get("eventMetadata")
    event = event if isinstance(event, Mapping) else {}
    key = event.get("inferenceId") or event.get("eventId")
    if not isinstance(key, str):
        raise DataError("a line has no eventMetadata.eventId, so nothing can be joined to it.")
    when = event.get("inferenceTime")
    return key, when if isinstance(when, str) else None


def _row_id(key: str, number: int, rows: int) -> str:
    return key if rows == 1 else f"{key}/{number}"


def _rows(part: Any) -> list[Any]:
    """What was sent, answered or true: rows of cells, objects or single values."""
    if not isinstance(part, Mapping) or not isinstance(part.get("data"), str):
        raise DataError("a line holds no text under data.")
    text, encoding = part["data"], str(part.get("encoding", "CSV")).upper()
    if encoding == "BASE64":
        try:
            text = base64.b64decode(text, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            raise DataError("data is said to be BASE64 of text and is not.") from None
    kind = str(part.get("observedContentType") or ("application/json" if encoding == "JSON" else "text/csv"))
    if "json" not in kind:
        return [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    documents = [_document(each) for each in (text.splitlines() if "jsonlines" in kind else [text]) if each.strip()]
    return [row for document in documents for row in _listed(document)]


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise DataError("data is said to be JSON and is not.") from None


def _listed(document: Any) -> list[Any]:
    """The rows of a document, under the key that templates usually have."""
    if isinstance(document, Mapping):
        for key in ("instances", "predictions", "features"):
            if key in document:
                return _listed(document[key])
        return [document]
    if isinstance(document, list) and document and all(isinstance(row, list | Mapping) for row in document):
        return [row["features"] if isinstance(row, Mapping) and "features" in row else row for row in document]
    return [document]


def _named(row: Any, names: Sequence[str | None], traffic: Traffic) -> dict[str, Any]:
    if isinstance(row, Mapping):
        return dict(row)
    cells = row if isinstance(row, list) else [row]
    if names and len(cells) != len(names):
        raise DataError(f"a row has {len(cells):,} cells, and {len(names):,} names are given for them.")
    given = names or tuple(f"column_{place}" for place in range(len(cells)))
    return {name: _cell(cell, name in traffic.text) for name, cell in zip(given, cells, strict=True) if name}


def _cell(cell: Any, text: bool) -> Any:
    """A cell of CSV as a number where it is one; an empty one is missing."""
    if not isinstance(cell, str):
        return cell
    if text or not cell:
        return cell or None
    try:
        number = float(cell)
    except ValueError:
        return cell
    return number if math.isfinite(number) else None
