"""JSON documents: a matrix of features and lists of outcomes, wherever JMESPath finds them in the file."""

import json
from pathlib import Path
from typing import Any

from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.datasets.files import Files, text_of
from evenhand.clarify.datasets.json_lines import found_at
from evenhand.clarify.datasets.records import Found, table_of
from evenhand.clarify.datasets.table import Table
from evenhand.core.errors import DataError, UnreadableSource


def read_json(files: Files, config: AnalysisConfig, *, first: int | None = None) -> Table:
    """The rows of these files, each a document; without `features` in the config, a list of objects is its rows.

    Raises DataError where an expression finds nothing or other than one value a row, UnreadableSource for no JSON.
    """
    features: list[Any] = []
    outcomes: dict[str, tuple[str, list[Any]]] = {
        what: (str(place), [])
        for what, place in (("label", config.label), ("predicted_label", config.predicted_label))
        if place is not None
    }
    for path in files.paths:
        document, where = parsed(path), f"{path.name!r}"
        features += _matrix(document, config.features, where)
        for what, (place, values) in outcomes.items():
            values += _list(document, place, what, where)
        if first is not None and len(features) >= first:
            break
    shown = {what: (place, values[:first]) for what, (place, values) in outcomes.items()}
    records = features[:first]
    if config.features is None:
        own = {place.removeprefix("[*].") for place, _ in shown.values()}
        records = [{key: value for key, value in record.items() if key not in own} for record in records]
        shown = {what: (place.removeprefix("[*]."), values) for what, (place, values) in shown.items()}
    return table_of(Found(records, shown), config.headers, files.location, len(files.paths))


def parsed(path: Path) -> Any:
    """The document in this file; raises UnreadableSource."""
    try:
        return json.loads(text_of(path))
    except (ValueError, RecursionError) as error:
        raise UnreadableSource(
            f"{path.name!r} is no JSON document; where each line is one, dataset_type is application/jsonlines."
        ) from error


def _matrix(document: Any, expression: str | None, where: str) -> list[Any]:
    if expression is None:
        if isinstance(document, list) and all(isinstance(record, dict) for record in document):
            return document
        raise DataError(f"Data must contain features. Set features to where the rows stand in {where}.")
    found = found_at(expression, document, where)
    if not isinstance(found, list) or not all(isinstance(row, list | dict) for row in found):
        raise DataError(
            f"Data must contain features. features {expression!r} must find a list of rows in {where}, each a list of"
            f" values, and finds {'nothing' if found is None else f'a {type(found).__name__}'};"
            " write such as 'people[*].[age, income]'."
        )
    return found


def _list(document: Any, expression: str, what: str, where: str) -> list[Any]:
    found = found_at(expression, document, where)
    if found is None and isinstance(document, list):  # rows without features: the place is a key of each
        found = [record.get(expression) if isinstance(record, dict) else None for record in document]
    if not isinstance(found, list):
        raise DataError(
            f"{what} {expression!r} must find a list of one value a row in {where}, and finds"
            f" {'nothing' if found is None else f'a {type(found).__name__}'}; write such as 'people[*].hired'."
        )
    return found
