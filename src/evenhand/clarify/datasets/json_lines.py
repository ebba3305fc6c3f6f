"""JSON Lines: one object a line, dense ({"features": […]}) or of any shape that JMESPath reaches into."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.datasets.files import Files, opened, unreadable
from evenhand.clarify.datasets.records import Found, table_of
from evenhand.clarify.datasets.table import Table
from evenhand.core.errors import DataError, UnreadableSource
from evenhand.models.remote.answer_places import searched


def read_json_lines(files: Files, config: AnalysisConfig, *, first: int | None = None) -> Table:
    """The rows of these files; without `features` in the config, `features` of each line, or the line's own keys.

    Raises DataError where an expression finds nothing, UnreadableSource for lines that are no JSON.
    """
    lines = list(islice(documents(files), first))
    features: list[Any] = []
    outcomes: dict[str, tuple[str, list[Any]]] = {
        what: (str(place), [])
        for what, place in (("label", config.label), ("predicted_label", config.predicted_label))
        if place is not None
    }
    for number, line in enumerate(lines, start=1):
        features.append(_features(line, config.features, number, files.location))
        for place, values in outcomes.values():
            values.append(found_at(place, line, f"row {number:,} of {files.location!r}"))
    own = [what for what, (place, _) in outcomes.items() if features and _among(features, place)]
    if own and config.features is None:
        features = [_without(record, {outcomes[what][0] for what in own}) for record in features]
    return table_of(Found(features, outcomes), config.headers, files.location, len(files.paths))


def documents(files: Files) -> Iterator[Any]:
    """One document a line of these files."""
    for path in files.paths:
        yield from _lines(path)


def found_at(expression: str, document: Any, where: str) -> Any:
    """What the expression finds in the document (None where nothing); raises DataError where it does not fit."""
    try:
        return searched(_quoted(expression), document)
    except ValueError as error:
        raise DataError(f"The expression {expression!r} does not fit {where}; correct it.") from error


def _quoted(expression: str) -> str:
    # A key such as class-label is no expression unless it is in quotes.
    plain = expression.replace("-", "").replace("_", "").replace(" ", "")
    return json.dumps(expression) if plain.isalnum() and not expression.isidentifier() else expression


def _features(line: Any, expression: str | None, number: int, location: str) -> Any:
    if expression is not None:
        found = found_at(expression, line, f"row {number:,} of {location!r}")
        if found is None:
            raise DataError(
                f"Data must contain features. Row {number:,} of {location!r} has nothing at {expression!r};"
                f" {_described(line)}"
            )
        return found
    if isinstance(line, dict) and isinstance(line.get("features"), list):
        return line["features"]
    if isinstance(line, dict | list):
        return line
    raise DataError(f"Data must contain features. Row {number:,} of {location!r} is a bare value; set features.")


def _described(line: Any) -> str:
    keys = ", ".join(repr(str(key)[:40]) for key in list(line)[:8]) if isinstance(line, dict) else ""
    return f"its keys are {keys}." if keys else "it has no keys."


def _among(features: list[Any], place: str) -> bool:
    return isinstance(features[0], dict) and place in features[0]


def _without(record: Any, names: set[str]) -> Any:
    return {key: value for key, value in record.items() if key not in names}


def _lines(path: Path) -> Iterator[Any]:
    try:
        with opened(path) as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _parsed(line, number, path)
    except (OSError, EOFError) as error:
        raise unreadable(path, error) from error


def _parsed(line: bytes, number: int, path: Path) -> Any:
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise UnreadableSource(
            f"Line {number:,} of {path.name!r} is no JSON; JSON Lines has one whole object on each line."
        ) from error
