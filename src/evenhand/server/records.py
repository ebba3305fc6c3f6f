"""Records: rows that came as JSON become a table, or are refused in one line."""

from typing import Any

from evenhand.core.errors import MissingExtra
from evenhand.server.problems import Refused
from evenhand.server.settings import Sizes


def table_of(found: Any, sizes: Sizes) -> Any:
    """A table of PyArrow of one record, a list of them, or {"records": […]}; raises Refused."""
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtra("Capturing records", "pyarrow", "server") from error
    records = _records(found)
    if len(records) > sizes.records:
        raise Refused(413, f"{len(records):,} records are more than {sizes.records:,} at once; send them in parts.")
    columns: dict[str, None] = {}
    for number, record in enumerate(records, start=1):
        _check(record, number, sizes)
        columns.update(dict.fromkeys(record))
        if len(columns) > sizes.columns:
            raise Refused(413, f"More than {sizes.columns:,} columns; leave out what no audit reads.")
    arrays = {}
    for name in columns:
        try:
            arrays[name] = pyarrow.array([record.get(name) for record in records])
        except (pyarrow.ArrowException, OverflowError, TypeError):
            raise Refused(
                422, f"The values of {name[:100]!r} are of different types; send one type in each column."
            ) from None
    return pyarrow.table(arrays)


def _records(found: Any) -> list[Any]:
    if isinstance(found, dict) and isinstance(found.get("records"), list):
        unknown = sorted(set(found) - {"records"})
        if unknown:
            raise Refused(422, f"Beside 'records' there is {unknown[0][:100]!r}; a batch holds 'records' alone.")
        found = found["records"]
    records = found if isinstance(found, list) else [found]
    if not records:
        raise Refused(422, "There are no records in it.")
    return records


def _check(record: Any, number: int, sizes: Sizes) -> None:
    if not isinstance(record, dict) or not record:
        raise Refused(422, f"Record {number} is no object of columns and values.")
    for name, value in record.items():
        if not name or len(name) > 500 or "\0" in name:
            raise Refused(422, f"Record {number} has a column name that is empty, too long or holds NUL.")
        if isinstance(value, str):
            if len(value) > sizes.text:
                raise Refused(413, f"Record {number}: the text in {name!r} is longer than {sizes.text:,}.")
        elif isinstance(value, dict | list):
            raise Refused(422, f"Record {number}: {name!r} holds a list or object; values are texts, numbers or null.")
