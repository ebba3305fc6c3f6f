"""Records: values found in JSON become columns, each of one type, under the config's names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evenhand.clarify.datasets.table import Table, distinct, mismatch, pandas
from evenhand.core.errors import DataError


@dataclass(frozen=True)
class Found:
    """What the expressions found: features a row (a list, or an object of names and values), and further columns.

    `outcomes` holds `label` and `predicted_label`, as far as the config has them, with what the config calls them.
    """

    features: list[Any]
    outcomes: dict[str, tuple[str, list[Any]]]


def table_of(found: Found, headers: Sequence[str] | None, location: str, files: int) -> Table:
    """One table: features…, label, predicted label, in this order, as `headers` names them.

    Raises DataError for rows of different lengths, headers that do not fit, and values that are no cells.
    """
    names, columns = _columns(found.features, location)
    for what, (_, values) in found.outcomes.items():
        if len(values) != len(found.features):
            raise DataError(
                f"{location!r} has {len(found.features):,} rows of features and {len(values):,} values at {what};"
                " both expressions must find one for each row."
            )
        columns.append(values)
    every = _named(names, [name for name, _ in found.outcomes.values()], headers, location)
    outcomes = dict(zip(found.outcomes, every[len(names) :], strict=True))
    data = {name: settled(values, name) for name, values in zip(every, columns, strict=True)}
    return Table(
        pandas().DataFrame(data, columns=list(every)), location, files, outcomes.get("label"),
        outcomes.get("predicted_label"),
    )  # fmt: skip


def _columns(records: list[Any], location: str) -> tuple[list[str], list[list[Any]]]:
    if not records:
        raise DataError(f"Data must contain features. {location!r} holds no rows at the config's features.")
    if all(isinstance(record, dict) for record in records):
        keys = list(dict.fromkeys(key for record in records for key in record))
        return keys, [[record.get(key) for record in records] for key in keys]
    if not all(isinstance(record, list) for record in records):
        raise DataError(
            f"Data must contain features. The config's features must find a list of values for each row of"
            f" {location!r}, such as features (JSON Lines) or rows[*].features (JSON)."
        )
    widths = {len(record) for record in records}
    if len(widths) > 1 or widths == {0}:
        raise DataError(
            f"Data must contain features. The rows of {location!r} hold from {min(widths)} to {max(widths)} features;"
            " all must hold as many, and at least one."
        )
    return [f"column_{place}" for place in range(widths.pop())], [list(column) for column in zip(*records, strict=True)]


def _named(names: list[str], outcomes: list[str], headers: Sequence[str] | None, location: str) -> tuple[str, ...]:
    count = len(names) + len(outcomes)
    if headers is None:
        return distinct((*names, *outcomes), location)
    if len(headers) == count:
        return distinct(tuple(headers), location)
    if len(headers) == count - 1 and len(outcomes) > 1:
        return distinct((*headers, outcomes[-1]), location)  # headers of the data alone, without the predictions
    if len(headers) == len(names) and outcomes:
        raise DataError(
            f"Headers must contain label. headers names {len(headers)} columns, and {location!r} has {len(names)}"
            f" features and then {' and '.join(outcomes)}; add them at the end of headers."
        )
    raise mismatch(len(headers), count, location)


def settled(values: list[Any], name: str) -> Any:
    """The values as a column of one type, as read_csv has them: int64, float64 with NaN, bool, or text.

    Raises DataError for lists and objects.
    """
    pd = pandas()
    kinds = {type(value) for value in values} - {type(None)}
    if odd := kinds - {bool, int, float, str}:
        raise DataError(f"The column {name!r} holds a {odd.pop().__name__}, which is no single value; pick one of its.")
    if (str in kinds and len(kinds) > 1) or (bool in kinds and kinds & {int, float}):
        return pd.Series([value if value is None else str(value) for value in values], dtype="str", name=name)
    if not kinds:
        return pd.Series(values, dtype="float64", name=name)
    if kinds == {str}:
        return pd.Series(values, dtype="str", name=name)
    return pd.Series(values, name=name) if kinds != {bool} else _truths(values, name)


def _truths(values: list[Any], name: str) -> Any:
    pd = pandas()
    if None not in values:
        return pd.Series(values, dtype=bool, name=name)
    # As read_csv: truth values beside missing ones stay what they are.
    return pd.Series([float("nan") if value is None else value for value in values], dtype=object, name=name)
