"""Kinds of columns: the error for one that is not of the kind that is needed."""

from evenhand.core.errors import DataError
from evenhand.core.values import Kind


def not_numbers(name: str, kind: Kind) -> DataError:
    """The error for a column that is needed as a number and is something else."""
    held = {"text": "text", "boolean": "true or false"}.get(kind, "dates, lists or other values")
    return DataError(
        f"Column {name!r} holds {held}, where numbers are needed; name a column of numbers,"
        " or turn its entries into numbers (leave missing ones empty)."
    )
