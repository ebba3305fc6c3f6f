"""Records of another store: checked one by one, and kept all or none."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby, islice
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from evenhand.core.bounty import Bounty, Submission, Verdict
from evenhand.core.errors import DataError, EvenhandError, suggestion
from evenhand.core.monitor import NAME, Monitor
from evenhand.core.outcome import Outcome
from evenhand.core.report import Report
from evenhand.core.tally import Tally
from evenhand.core.window import moment
from evenhand.stores.columns import Moment
from evenhand.stores.database import Database, first_line, first_problem
from evenhand.stores.exporting import EXPORTED
from evenhand.stores.tables import log

Record = tuple[str, Mapping[str, Any]]
_AT_ONCE = 200
# These become folders.
_FOLDERS = {
    ("monitors", "name"),
    ("bounties", "name"),
    *((kind, name) for kind in EXPORTED for name in ("monitor", "bounty")),
}


def _object(text: str) -> None:
    if not isinstance(json.loads(text), dict):
        raise ValueError("it is no JSON object")


_CONTENTS: dict[tuple[str, str], Callable[[str], Any]] = {
    ("definitions", "definition"): Monitor.model_validate_json,
    ("parts", "tally"): Tally.from_json,
    ("sums", "tally"): Tally.from_json,
    ("outcomes", "outcome"): Outcome.model_validate_json,
    ("outcomes", "report"): Report.from_json,
    ("reports", "report"): Report.from_json,
    ("bounties", "definition"): Bounty.model_validate_json,
    ("submissions", "submission"): Submission.model_validate_json,
    ("submissions", "verdict"): Verdict.model_validate_json,
    ("jobs", "payload"): _object,
    ("jobs", "result"): _object,
}


class Importing(Database):
    """How the contents of another store come in."""

    def import_(self, records: Iterator[tuple[str, Mapping[str, Any]]]) -> int:
        """Keep what `exported` gave, all or nothing; returns how many records.

        The store must be empty, except for keys and the log, to which that of the other is added. Raises DataError.
        """
        with self._writing() as connection:
            _require_empty(connection)
            count = 0
            for kind, rows in _batches(records):
                connection.execute(sa.insert(EXPORTED[kind]), rows)
                count += len(rows)
            if connection.dialect.name == "postgresql":
                _move_counters(connection)
            return count


def _require_empty(connection: sa.Connection) -> None:
    for kind, table in EXPORTED.items():
        if table is not log and connection.execute(sa.select(table).limit(1)).first() is not None:
            raise DataError(f"This store already holds {kind}; import into a store that is empty.")


def _batches(records: Iterator[Record]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    numbered = ((place, *record) for place, record in enumerate(records, 1))
    for kind, group in groupby(numbered, key=lambda each: each[1]):
        while batch := [_row(place, kind, record) for place, _, record in islice(group, _AT_ONCE)]:
            yield kind, batch


def _row(place: int, kind: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as a row; raises DataError."""
    table = EXPORTED.get(kind)
    if table is None:
        hint = suggestion(str(kind), list(EXPORTED))
        raise DataError(f"Record {place} is of no kind that is imported: {kind!r}.{hint}")
    names = set(table.c.keys())
    # Exports of an earlier evenhand lack what it did not keep yet.
    record = {**{column.name: None for column in table.c if "since" in column.info}, **record}
    if set(record) != names:
        wrong = ", ".join(sorted(map(repr, set(record) ^ names)))
        raise DataError(f"Record {place} ({kind}) has other fields than an export has: {wrong}.")
    try:
        row = {column.name: _value(kind, column, record[column.name]) for column in table.c}
    except (EvenhandError, ValueError, TypeError, RecursionError) as error:
        raise DataError(f"Record {place} ({kind}) cannot be kept: {_why(error)}") from None
    if table is log:
        del row["id"]
    return row


def _why(error: Exception) -> str:
    return f"{first_problem(error) if isinstance(error, ValidationError) else first_line(error)}."


def _value(kind: str, column: sa.Column[Any], value: Any) -> Any:
    if value is None:
        if column.nullable:
            return None
        raise ValueError(f"{column.name} is missing.")
    expected = str if isinstance(column.type, sa.types.TypeDecorator) else column.type.python_type
    right = isinstance(value, (int, float) if expected is float else expected)
    if not right or isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"{column.name} is {str(value)[:40]!r}.")
    if value not in column.info.get("allowed", (value,)):
        raise ValueError(f"{column.name} is {str(value)[:40]!r}; allowed are {', '.join(column.info['allowed'])}.")
    if isinstance(column.type, Moment):
        return moment(value)
    if (kind, column.name) in _FOLDERS and NAME.fullmatch(value) is None:
        raise ValueError(f"{column.name} is {value[:40]!r}, which is no name.")
    if (kind, column.name) in _CONTENTS:
        _CONTENTS[kind, column.name](value)
    return value


def _move_counters(connection: sa.Connection) -> None:
    """PostgreSQL numbers new rows from a counter that knows nothing of rows with numbers of their own."""
    for table in (table for table in EXPORTED.values() if "id" in table.c and table is not log):
        counter = sa.func.pg_get_serial_sequence(table.name, "id")
        highest = sa.select(sa.func.max(table.c.id)).scalar_subquery()
        connection.execute(sa.select(sa.func.setval(counter, sa.func.coalesce(highest, 1), highest.is_not(None))))
