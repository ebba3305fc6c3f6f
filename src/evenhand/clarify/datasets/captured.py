"""Captured traffic of endpoints: requests are features, answers predicted labels, ground truth labels."""

import base64
import binascii
import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from evenhand.clarify.config.analysis_config import AnalysisConfig, PredictorConfig
from evenhand.clarify.datasets.files import Files
from evenhand.clarify.datasets.json_lines import documents, found_at
from evenhand.clarify.datasets.records import settled
from evenhand.clarify.datasets.table import Table, distinct, mismatch, pandas
from evenhand.clarify.outcomes import from_numbers
from evenhand.core.errors import DataError
from evenhand.models.remote.answer_places import Places
from evenhand.models.remote.replies import Reply, read_reply

_LABEL, _PREDICTED = "label", "predicted_label"
_TYPES = {"CSV": "text/csv", "JSON": "application/json"}


@dataclass(frozen=True)
class _Part:
    """What was sent or answered, as text."""

    text: str
    kind: str


@dataclass
class _Gathered:
    """Rows so far; outcomes only where every request has them."""

    features: list[list[Any]]
    names: list[str] | None
    labels: list[Any]
    predictions: list[Any]


def read_captured(files: Files, config: AnalysisConfig, *, first: int | None = None) -> Table:
    """One row for each row of a request, with its answer as predicted label and the ground truth as label.

    Places in answers are predictor.label and predictor.probability, or else predicted_label. Raises DataError for
    records that do not hold what captured traffic holds.
    """
    gathered = _Gathered([], None, [], [])
    for number, record in enumerate(islice(documents(files), first), start=1):
        _gather(record, config, gathered, f"record {number:,} of {files.location!r}")
    if not gathered.features:
        raise DataError(f"Data must contain features. {files.location!r} holds no captured requests.")
    return _table(gathered, config, files, first)


def _gather(record: Any, config: AnalysisConfig, into: _Gathered, where: str) -> None:
    captured = record.get("captureData") if isinstance(record, dict) else None
    if not isinstance(captured, dict) or not isinstance(captured.get("endpointInput"), dict):
        raise DataError(f"{where} has no captureData.endpointInput; each line of captured traffic has one.")
    rows, names = _requested(_part(captured["endpointInput"], where), config, where)
    if names is not None:
        into.names = names
    into.features += rows
    if isinstance(captured.get("endpointOutput"), dict):
        into.predictions += _answered(_part(captured["endpointOutput"], where), config, len(rows), where)
    truth = record.get("groundTruthData")
    if isinstance(truth, dict):
        into.labels += _true(_part(truth, where), len(rows), where)


def _part(captured: dict[str, Any], where: str) -> _Part:
    data, encoding = captured.get("data"), str(captured.get("encoding", "CSV")).upper()
    kind = str(captured.get("observedContentType") or _TYPES.get(encoding, "text/csv")).partition(";")[0].strip()
    if not isinstance(data, str):
        raise DataError(f"{where} holds no text under data.")
    if encoding == "BASE64":
        try:
            data = base64.b64decode(data, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise DataError(f"{where} is said to be BASE64 of text and is not.") from error
    return _Part(data, kind.lower())


def _requested(part: _Part, config: AnalysisConfig, where: str) -> tuple[list[list[Any]], list[str] | None]:
    """The rows of one request, and what their columns are called where it says so."""
    if part.kind == "text/csv":
        return _lines(part.text), None
    expression = config.features
    lines = part.text.splitlines() if part.kind == "application/jsonlines" else [part.text]
    rows: list[Any] = []
    for line in lines:
        document = _document(line, where)
        found = found_at(expression, document, where) if expression is not None else _usual(document)
        matrix = isinstance(found, list) and bool(found) and all(isinstance(row, list | dict) for row in found)
        rows += map(_unwrapped, found if matrix else [found])
    if rows and all(isinstance(row, dict) for row in rows):
        names = list(rows[0])
        return [[row.get(name) for name in names] for row in rows], names
    if not rows or not all(isinstance(row, list) for row in rows):
        raise DataError(f"Data must contain features. {where} has no list of values at features {expression!r}.")
    return rows, None


def _usual(document: Any) -> Any:
    """What stands under the keys that templates usually have."""
    for key in ("instances", "features"):
        if isinstance(document, dict) and key in document:
            return document[key]
    return document


def _unwrapped(row: Any) -> Any:
    return row["features"] if isinstance(row, dict) and "features" in row else row


def _document(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} holds a request that is no JSON.") from error


def _lines(text: str) -> list[list[Any]]:
    """Cells as text; their columns' types are settled later, over all requests."""
    return [list(line) for line in csv.reader(io.StringIO(text, newline="")) if line]


def _answered(part: _Part, config: AnalysisConfig, rows: int, where: str) -> list[Any]:
    asked = config.predictor or PredictorConfig()
    kind = part.kind if part.kind in ("application/json", "application/jsonlines") else "text/csv"
    label = asked.label
    if label is None and asked.probability is None and kind != "text/csv" and isinstance(config.predicted_label, str):
        label = config.predicted_label
    headers = tuple(asked.label_headers) if asked.label_headers else None
    places = Places(kind, asked.probability, label, headers)
    reply = read_reply(part.text.encode(), part.kind, places, rows, f"The answer in {where} does not fit")
    return _labels_of(reply, headers, config.probability_threshold, asked.probability is not None, where)


def _labels_of(reply: Reply, headers: tuple[Any, ...] | None, threshold: float, scores: bool, where: str) -> list[Any]:
    if reply.labels is not None:
        return list(reply.labels.tolist())
    return list(from_numbers(np.asarray(reply.numbers), headers, threshold, where, scores=scores).labels.tolist())


def _true(part: _Part, rows: int, where: str) -> list[Any]:
    values: list[Any]
    if part.kind == "text/csv":
        values = [line[0] for line in _lines(part.text)]
    else:
        document = _document(part.text, where)
        values = document if isinstance(document, list) else [document]
    if len(values) != rows:
        raise DataError(f"{where} has {len(values):,} true labels for {rows:,} rows.")
    return values


def _table(gathered: _Gathered, config: AnalysisConfig, files: Files, first: int | None) -> Table:
    columns, width = _features(gathered, files.location), len(gathered.features[0])
    outcomes = {}
    for what, values in ((_LABEL, gathered.labels), (_PREDICTED, gathered.predictions)):
        if values and len(values) != len(gathered.features):
            raise DataError(
                f"{len(values):,} of {len(gathered.features):,} rows of {files.location!r} have a {what};"
                " all or none must."
            )
        if values:
            given = getattr(config, what)
            outcomes[what] = given if isinstance(given, str) and given.isidentifier() else what
            columns.append((outcomes[what], values))
    names = _names([name for name, _ in columns], width, config, files.location)
    shown = dict(zip(outcomes, names[width:], strict=True))
    rows = pandas().DataFrame({name: _column(values, name) for name, (_, values) in zip(names, columns, strict=True)})
    return Table(
        rows.head(len(rows) if first is None else first), files.location, len(files.paths), shown.get(_LABEL),
        shown.get(_PREDICTED), files.notes,
    )  # fmt: skip


def _features(gathered: _Gathered, location: str) -> list[tuple[str, list[Any]]]:
    widths = {len(row) for row in gathered.features}
    if len(widths) > 1:
        raise DataError(f"The requests in {location!r} have from {min(widths)} to {max(widths)} columns.")
    names = gathered.names or [f"column_{place}" for place in range(widths.pop())]
    return list(zip(names, map(list, zip(*gathered.features, strict=True)), strict=True))


def _names(own: list[str], width: int, config: AnalysisConfig, location: str) -> tuple[str, ...]:
    headers = config.headers
    if headers is None:
        return distinct(tuple(own), location)
    if len(headers) == len(own):
        return distinct(tuple(headers), location)
    if len(headers) == width:  # the outcomes keep their own names
        return distinct((*headers, *own[width:]), location)
    raise mismatch(len(headers), len(own), location)


def _column(values: list[Any], name: str) -> Any:
    """Values of JSON as they are; cells of CSV in the type that all of them have."""
    if not all(isinstance(value, str) for value in values):
        return settled(values, name)
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([value] for value in values)
    text.seek(0)
    read: Callable[..., Any] = pandas().read_csv
    return read(text, header=None, names=[name], low_memory=False, skip_blank_lines=False)[name]
