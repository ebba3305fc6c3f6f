"""Columns: the config's names and places, found among the columns of a table."""

from collections.abc import Sequence

from evenhand.clarify.config.analysis_config import Name
from evenhand.core.errors import DataError, suggestion


def located(place: Name, columns: Sequence[str], what: str, complaint: str = "") -> str:
    """The column of this name or 0-based place; raises DataError, `complaint` first, where there is none."""
    if isinstance(place, str) and place in columns:
        return place
    number = place if isinstance(place, int) else (int(place) if place.isdecimal() else None)
    if number is not None and 0 <= number < len(columns):
        return columns[number]
    start = f"{complaint} " if complaint else ""
    if isinstance(place, int):
        raise DataError(
            f"{start}{what} is column {place}, and the data has {len(columns)}, counted from 0; correct it or name it."
        )
    raise DataError(f"{start}{what} is {place!r}, which is no column of the data.{suggestion(place, list(columns))}")
