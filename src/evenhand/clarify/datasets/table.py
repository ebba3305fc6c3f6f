"""Table: rows as a format's reader gives them, with what JSON already says of their columns."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.core.errors import DataError, MissingExtra

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of one dataset; JSON's paths say which of them are label and predicted label, others leave None."""

    rows: "pd.DataFrame"
    location: str
    files: int = 1
    label: str | None = None
    predicted_label: str | None = None
    notes: tuple[str, ...] = ()


def pandas() -> Any:
    """The package that holds tables; raises MissingExtra without it."""
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtra("Reading Clarify's datasets", "pandas", "clarify") from error
    return pd


def mismatch(headers: int, columns: int, location: str) -> DataError:
    """Their words for a list of headers of another length."""
    return DataError(
        "Headers in config do not match with the number of columns in the dataset."
        f" headers names {headers} columns and {location!r} has {columns}; name every column once, in order."
    )


def distinct(names: tuple[str, ...], location: str) -> tuple[str, ...]:
    """The names, if no two are the same; raises DataError."""
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise DataError(f"Two columns of {location!r} are called {twice!r}; give every column a name of its own.")
    return names
