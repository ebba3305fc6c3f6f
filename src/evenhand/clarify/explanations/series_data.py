"""Series data: items with times, target, related series and covariates, read from Clarify's three JSON layouts."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.config.analysis_config import Name, TimeSeriesDataConfig
from evenhand.clarify.datasets.files import files_of, text_of
from evenhand.core.errors import DataError, UnreadableSource
from evenhand.modalities.single import unlike
from evenhand.models.remote.answer_places import searched

Numbers = NDArray[np.float64]
_WORD = re.compile(r'"((?:[^"\\]|\\.)+)"|([A-Za-z_]\w*)')


@dataclass(frozen=True, eq=False)
class Item:
    """One series: T values of the target, related series of T or T + K steps × p, covariates, and each step's time."""

    item_id: Any
    times: tuple[Any, ...]
    target: Numbers
    related: Numbers | None
    static: tuple[Any, ...]


@dataclass(frozen=True)
class Names:
    """What the target, the related series and the static covariates are called; no two alike."""

    target: str
    related: tuple[str, ...]
    static: tuple[str, ...]


@dataclass(frozen=True)
class _Parts:
    """Values of one document by step (or by item for covariates), as lists."""

    ids: list[Any]
    times: list[Any]
    target: list[Any]
    related: list[list[Any]]
    static: list[list[Any]]


def read_items(data: str | Path, config: TimeSeriesDataConfig) -> list[Item]:
    """The items of a JSON file, or of all JSON files of a folder or address, in the order they come in.

    Raises UnreadableSource and DataError.
    """
    files = files_of(data, "application/json").paths
    found = [item for file in files for item in _items(_document(file), config, file.name)]
    if not found:
        raise DataError("The data holds no item, so there is no series to explain.")
    ids = [str(item.item_id) for item in found]
    twice = next((each for each in ids if ids.count(each) > 1), None) if len(set(ids)) < len(ids) else None
    if twice is not None:
        raise DataError(f"The item {twice!r} occurs in several places; give each item once.")
    return found


def names_of(config: TimeSeriesDataConfig, headers: Sequence[str] | None) -> Names:
    """Names of the parts: of the headers (item_id, timestamp, target, related …, static …), or of the expressions."""
    related, static = config.related_time_series or (), config.static_covariates or ()
    places = [config.target_time_series, *related, *static]
    if headers is not None:
        if len(headers) != 2 + len(places):
            raise DataError(
                f"Headers in config do not match with the number of columns in the dataset. There are {len(headers)}"
                f" headers for {2 + len(places)} parts: item_id, timestamp, target, related series, static covariates."
            )
        called = tuple(headers[2:])
    else:
        called = unlike([_last_word(place) for place in places])
    end = 1 + len(related)
    return Names(called[0], tuple(called[1:end]), tuple(called[end:]))


def _document(file: Path) -> Any:
    try:
        return json.loads(text_of(file))
    except (ValueError, RecursionError) as error:
        raise UnreadableSource(f"{file.name!r} is no JSON: {error}.") from error


def _items(document: Any, config: TimeSeriesDataConfig, file: str) -> list[Item]:
    if config.dataset_format == "item_records" and isinstance(document, list):
        # Item by item, so that expressions which flatten, such as [*].series[].value, keep items apart.
        return [item for record in document for item in _nested(_found([record], config, file), file, single=True)]
    parts = _found(document, config, file)
    nested = bool(parts.times) and all(isinstance(each, list) for each in parts.times)
    if config.dataset_format == "item_records" or (config.dataset_format is None and nested):
        return _nested(parts, file, single=False)
    return _flat(parts, file)


def _found(document: Any, config: TimeSeriesDataConfig, file: str) -> _Parts:
    def at(place: Name) -> list[Any]:
        expression = place if isinstance(place, str) else f"[{place}]" if _columns(document) else f"[*][{place}]"
        try:
            found = searched(expression, document)
        except ValueError as error:
            raise DataError(f"{error} It was asked of the data in {file!r}.") from error
        if found is None or found == []:
            raise DataError(f"{expression!r} finds nothing in {file!r}; give a JMESPath to where it stands.")
        return found if isinstance(found, list) else [found]

    return _Parts(
        at(config.item_id), at(config.timestamp), at(config.target_time_series),
        [at(each) for each in config.related_time_series or ()], [at(each) for each in config.static_covariates or ()],
    )  # fmt: skip


def _columns(document: Any) -> bool:
    return isinstance(document, list) and bool(document) and not isinstance(document[0], (list, dict))


def _nested(parts: _Parts, file: str, *, single: bool) -> list[Item]:
    """One entry an item, each with a list of its steps; a single item may give its steps without a list around them."""
    count = len(parts.ids)

    def steps(values: list[Any], what: str) -> list[list[Any]]:
        if single and count == 1 and not (len(values) == 1 and isinstance(values[0], list)):
            return [values]
        if len(values) != count or not all(isinstance(each, list) for each in values):
            raise DataError(f"The {what} in {file!r} are not one list for each of {count} items; see dataset_format.")
        return values

    times, targets = steps(parts.times, "timestamps"), steps(parts.target, "target time series")
    related = [steps(each, "related time series") for each in parts.related]
    if any(len(each) != count for each in parts.static):
        raise DataError(f"The static covariates in {file!r} are not one value for each of {count} items.")
    return [
        _item(item_id, times[place], targets[place], [each[place] for each in related],
              [each[place] for each in parts.static])
        for place, item_id in enumerate(parts.ids)
    ]  # fmt: skip


def _flat(parts: _Parts, file: str) -> list[Item]:
    """One entry a step, with the identifiers repeated; steps of an item stand in the order they come in."""
    lengths = {len(each) for each in (parts.ids, parts.times, parts.target, *parts.related, *parts.static)}
    if len(lengths) > 1:
        shown = ", ".join(map(str, sorted(lengths)))
        raise DataError(f"The parts of the series in {file!r} have different lengths ({shown}); give one entry a step.")
    places: dict[str, list[int]] = {}
    for place, item_id in enumerate(parts.ids):
        places.setdefault(json.dumps(item_id), []).append(place)
    return [
        _item(parts.ids[own[0]], [parts.times[place] for place in own], [parts.target[place] for place in own],
              [[each[place] for place in own] for each in parts.related], [each[own[0]] for each in parts.static])
        for own in places.values()
    ]  # fmt: skip


def _item(item_id: Any, times: list[Any], target: list[Any], related: list[list[Any]], static: list[Any]) -> Item:
    """One item; steps at the end without a target, but with related values, are the known future."""
    known = list(target)
    while related and known and known[-1] is None:
        known.pop()
    if not known:
        raise DataError(f"The item {item_id!r} has no target value.")
    beside = None if not related else np.stack([_numbers(each, item_id) for each in _even(related, item_id)], axis=1)
    steps = len(known) if beside is None else len(beside)
    if len(times) < steps:
        raise DataError(f"The item {item_id!r} has {len(times)} timestamps for {steps} steps; give each step one.")
    return Item(item_id, tuple(times[:steps]), _numbers(known, item_id), beside, tuple(static))


def _even(related: list[list[Any]], item_id: Any) -> list[list[Any]]:
    if len({len(each) for each in related}) > 1:
        raise DataError(f"The related time series of the item {item_id!r} have different lengths.")
    return related


def _numbers(values: list[Any], item_id: Any) -> Numbers:
    try:
        return np.array([np.nan if value is None else float(value) for value in values])
    except (TypeError, ValueError) as error:
        raise DataError(
            f"Could not convert string to float. The item {item_id!r} holds what is no number in a series."
        ) from error


def _last_word(place: Name) -> str:
    if not isinstance(place, str):
        return f"column_{place}"
    words = [quoted or bare for quoted, bare in _WORD.findall(place)]
    return words[-1] if words else place
