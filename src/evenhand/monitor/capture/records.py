"""Records: what is taken in — flat rows with an id and a time — checked, and in the types that are kept."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from evenhand.core.errors import DataError, EvenhandError, MissingExtra
from evenhand.core.monitor import Monitor
from evenhand.core.window import EPOCH, moment
from evenhand.monitor.capture.columns import Kind

MOST_ROWS = 200_000
MOST_TEXT = 10_000
MOST_NAME = 300
MOST_ID = 256
AHEAD = timedelta(days=1)
_EXACT = 2**53

Clock = Callable[[], datetime]


def now() -> datetime:
    """The clock of the machine."""
    return datetime.now(UTC)


def arrow() -> Any:
    """The package pyarrow; raises MissingExtra."""
    try:
        import pyarrow
        import pyarrow.compute
    except ModuleNotFoundError as error:
        raise MissingExtra("Keeping records", "pyarrow", "monitor") from error
    return pyarrow


@dataclass(frozen=True)
class Columned:
    """Rows as columns of Arrow, with plain kinds."""

    values: Mapping[str, Any]
    kinds: Mapping[str, Kind]
    rows: int


def table_of(batch: Any) -> Mapping[str, Any]:
    """The columns of one record, a list of records, a dict of columns, or any table that Arrow can take.

    Raises DataError where it is none of these, or too large.
    """
    pa = arrow()
    if isinstance(batch, Mapping) and not any(isinstance(value, list | np.ndarray) for value in batch.values()):
        batch = [batch]
    if isinstance(batch, list | tuple):
        return _from_records(batch)
    try:
        table = pa.table(dict(batch) if isinstance(batch, Mapping) else batch)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, UnicodeError) as error:
        raise DataError(f"The records are no table: {_line(error)}. Send objects, or a table of Arrow.") from None
    if len(set(table.column_names)) < table.num_columns:
        raise DataError("Two columns of the records have the same name; rename one of them.")
    _check_size(table.num_rows)
    return {name: _whole(table.column(place)) for place, name in enumerate(table.column_names)}


def _from_records(records: Sequence[Any]) -> Mapping[str, Any]:
    _check_size(len(records))
    for row, record in enumerate(records):
        if not isinstance(record, Mapping) or not all(isinstance(name, str) for name in record):
            raise DataError(f"Record {row + 1} is no object of names and values.")
    names = dict.fromkeys(name for record in records for name in record)
    return {name: _column(name, [record.get(name) for record in records]) for name in names}


def _column(name: str, values: list[Any]) -> Any:
    pa = arrow()
    kinds = {type(value) for value in values} - {type(None)}
    if (bool in kinds and len(kinds) > 1) or (str in kinds and len(kinds) > 1):
        shown = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise DataError(f"Column {name!r} mixes {shown}; send one kind of value.")
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, UnicodeError) as error:
        raise DataError(f"Column {name!r} cannot be kept: {_line(error)}.") from None


def _check_size(rows: int) -> None:
    if rows > MOST_ROWS:
        raise DataError(f"{rows:,} records are too many at once; send at most {MOST_ROWS:,}.")


def _whole(column: Any) -> Any:
    whole = column.combine_chunks()
    return whole if not hasattr(whole, "chunks") else arrow().concat_arrays(whole.chunks)


def plain(values: Mapping[str, Any]) -> Columned:
    """Columns as numbers, text or booleans; raises DataError for anything else."""
    kept, kinds, rows = {}, {}, 0
    for name, column in values.items():
        if not name or len(name) > MOST_NAME:
            raise DataError(f"The name of a column has {len(name):,} signs; it may have from 1 to {MOST_NAME}.")
        kept[name], kinds[name] = _plain(name, column)
        rows = len(column)
    return Columned(kept, kinds, rows)


def _plain(name: str, column: Any) -> tuple[Any, Kind]:
    pa = arrow()
    types, kind = pa.types, column.type
    if types.is_dictionary(kind):
        return _plain(name, column.dictionary_decode())
    if types.is_null(kind):
        return column, "unknown"
    if types.is_boolean(kind):
        return column, "boolean"
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return _numbers(name, column), "number"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return _texts(name, column), "text"
    if types.is_temporal(kind):
        return column.cast(pa.string()), "text"
    raise DataError(f"Column {name!r} holds {kind}; records are flat: numbers, text, true or false, and times.")


def _numbers(name: str, column: Any) -> Any:
    pa = arrow()
    if pa.types.is_integer(column.type) and column.type.bit_width == 64 and len(column) > column.null_count:
        least, most = (int(value.as_py()) for value in pa.compute.min_max(column).values())
        if max(-least, most) > _EXACT:
            raise DataError(f"Column {name!r} holds numbers beyond 2^53, which are not exact; send them as text.")
    numbers = column.cast(pa.float64(), safe=False)
    if pa.compute.any(pa.compute.is_inf(numbers)).as_py():
        raise DataError(f"Column {name!r} holds an infinite number; send null, or leave the record out.")
    return numbers


def _texts(name: str, column: Any) -> Any:
    pa = arrow()
    longest = pa.compute.max(pa.compute.binary_length(column.cast(pa.large_string()))).as_py() or 0
    if longest > MOST_TEXT:
        raise DataError(f"Column {name!r} holds a text of {longest:,} bytes; at most {MOST_TEXT:,} are kept.")
    return column.cast(pa.string())


def ids(column: Any, name: str) -> Any:
    """Ids as text; 7, 7.0 and "7" are the same; raises DataError where one is missing or is no id."""
    pa = arrow()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        numbers = column.to_numpy(zero_copy_only=False)
        known = numbers[~np.isnan(numbers)]
        if not np.all((known == np.floor(known)) & (np.abs(known) <= _EXACT)):
            raise DataError(f"Column {name!r} holds ids that are no whole numbers; send them as text.")
        column = pa.array(numbers, from_pandas=True).cast(pa.int64())
    if column.null_count:
        raise DataError(f"Record {_first_null(column)} has no id; every record needs its {name!r}.")
    if pa.types.is_integer(column.type):
        return column.cast(pa.string())
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise DataError(f"Column {name!r} holds {column.type}; an id is text or a whole number.")
    lengths = pa.compute.binary_length(column).to_numpy()
    if len(lengths) and not (lengths.min() > 0 and lengths.max() <= MOST_ID):
        raise DataError(f"Column {name!r} holds an id of no or too many signs; from 1 to {MOST_ID} bytes are kept.")
    return column.cast(pa.string())


def _first_null(column: Any) -> int:
    return int(np.argmax(column.is_null().to_numpy(zero_copy_only=False))) + 1


def times(column: Any, monitor: Monitor, clock: datetime) -> Any:
    """Times in UTC, from ISO text, seconds (or milliseconds …) since 1970, or datetimes; raises DataError.

    A time may be at most a day ahead of the clock, and not before what is kept or where the windows begin.
    """
    pa, name = arrow(), monitor.time
    if column.null_count:
        raise DataError(f"Record {_first_null(column)} has no time; every record needs its {name!r}.")
    micros = _micros(column, name)
    least, most = _bounds(monitor, clock)
    if len(micros) and (micros.min() < least or micros.max() >= most):
        _refuse(micros, least, most, name)
    return pa.array(micros, pa.int64()).cast(pa.timestamp("us"))


def _micros(column: Any, name: str) -> Any:
    pa, kind = arrow(), column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return column.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False).cast(pa.int64()).to_numpy()
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _from_epoch(column.cast(pa.float64(), safe=False).to_numpy(), name)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return np.array([_parsed(text, name, row) for row, text in enumerate(column.to_pylist(), 1)], np.int64)
    raise DataError(f"Column {name!r} holds {kind}; a time is ISO 8601 text, seconds since 1970, or a datetime.")


def _from_epoch(numbers: Any, name: str) -> Any:
    """Seconds; larger numbers than any date has are milliseconds, microseconds or nanoseconds."""
    if not np.all(np.isfinite(numbers) & (np.abs(numbers) < 1e20)):
        raise DataError(f"Column {name!r} holds a number that is no time; send seconds since 1970.")
    scale = np.select([np.abs(numbers) < 1e11, np.abs(numbers) < 1e14, np.abs(numbers) < 1e17], [1e6, 1e3, 1.0], 1e-3)
    return np.round(numbers * scale).astype(np.int64)


def _parsed(text: str, name: str, row: int) -> int:
    try:
        return micros_of(moment(text.strip()))
    except (EvenhandError, OverflowError):
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        raise DataError(
            f"Record {row} has the {name} {shown!r}, which is no time; write 2026-11-20T13:00:00Z."
        ) from None


def micros_of(when: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _bounds(monitor: Monitor, clock: datetime) -> tuple[int, int]:
    earliest = [EPOCH]
    if monitor.keep is not None:
        earliest.append(clock - monitor.keep)
    if monitor.windows.since is not None:
        earliest.append(moment(monitor.windows.since))
    return micros_of(max(earliest)), micros_of(clock + AHEAD)


def _refuse(micros: Any, least: int, most: int, name: str) -> None:
    row = int(np.argmax((micros < least) | (micros >= most)))
    shown, bound = (_shown(int(value)) for value in (micros[row], most if micros[row] >= most else least))
    if micros[row] >= most:
        raise DataError(
            f"Record {row + 1} has the {name} {shown}, more than a day ahead of the clock; mend the clock that sent it."
        )
    raise DataError(f"Record {row + 1} has the {name} {shown}, and nothing before {bound} is kept.")


def _shown(micros: int) -> str:
    try:
        return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros):%Y-%m-%dT%H:%M:%SZ}"
    except OverflowError:
        return f"{math.trunc(micros / 1e6)} seconds after 1970"


def _line(error: Exception) -> str:
    return str(error).splitlines()[0][:200].rstrip(".") if str(error) else type(error).__name__
