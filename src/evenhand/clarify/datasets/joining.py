"""Joining: sensitive columns and recorded predictions from tables of their own, put beside the rows they belong to."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand.clarify.config.analysis_config import Name
from evenhand.clarify.datasets.columns import located
from evenhand.clarify.datasets.table import Table
from evenhand.core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Joined:
    """The rows that every table has, in the order of the data; what the other tables brought, and what was lost."""

    rows: "pd.DataFrame"
    join: str | None
    brought: tuple[tuple[str, ...], ...] = ()
    dropped: int = 0
    notes: tuple[str, ...] = ()


def joined(table: Table, others: tuple[tuple[str, Table], ...], place: Name | None) -> Joined:
    """The table with the columns of the others, by the key at `place`, or by order where each is one file.

    Raises DataError for a key that is missing or names two rows, tables without key of different lengths or of many
    files, and columns of one name in two tables.
    """
    join = None if place is None else located(place, list(table.rows.columns), "joinsource_name_or_index")
    so_far = Joined(table.rows, join)
    for called, other in others:
        so_far = _beside(so_far, table, called, other) if join is None else _by_key(so_far, called, other, place)
    return Joined(
        so_far.rows.reset_index(drop=True), join, so_far.brought, len(table.rows) - len(so_far.rows), so_far.notes
    )


def _beside(left: Joined, table: Table, called: str, other: Table) -> Joined:
    if table.files > 1 or other.files > 1:
        raise DataError(
            f"The rows of {called} cannot be told apart by order, as there are several files; set"
            " joinsource_name_or_index to a column that names each row."
        )
    if len(left.rows) != len(other.rows):
        raise DataError(
            f"The data has {len(left.rows):,} rows and {called} {len(other.rows):,}; make them equal, or set"
            " joinsource_name_or_index to a column that names each row."
        )
    brought = _new(left, called, list(other.rows.columns))
    rows = left.rows.assign(**{name: other.rows[name].to_numpy() for name in brought})
    for name in brought:  # to_numpy makes objects of text
        rows[name] = rows[name].astype(other.rows[name].dtype)
    return Joined(rows, None, (*left.brought, brought), 0, (*left.notes, *other.notes))


def _by_key(left: Joined, called: str, other: Table, place: Name | None) -> Joined:
    key = left.join or ""
    columns = list(other.rows.columns)
    theirs = key if key in columns else located(place or key, columns, f"joinsource_name_or_index in {called}")
    brought = _new(left, called, [name for name in columns if name != theirs])
    right = other.rows.rename(columns={theirs: key})
    one, two = _alike(left.rows, right, key)
    for rows, where in ((one, "the data"), (two, called)):
        known = rows[key].dropna()
        if known.duplicated().any():
            twice = known[known.duplicated()].iloc[0]
            raise DataError(
                f"The key {key!r} has {str(twice)!r} more than once in {where}; a key names one row of each."
            )
    kept = one[one[key].isin(two[key].dropna())]
    rows = kept.merge(two[two[key].notna()], on=key, how="left", validate="one_to_one")
    lost, left_over = len(one) - len(rows), len(two) - len(rows)
    note = () if not lost and not left_over else (
        f"Joined by {key!r}: {lost:,} of {len(one):,} rows of the data and {left_over:,} of {len(two):,} rows"
        f" of {called} found no partner and were left out.",
    )  # fmt: skip
    if rows.empty:
        raise DataError(f"No {key!r} of the data is in {called}; a join by it leaves no rows.")
    return Joined(rows, key, (*left.brought, brought), lost, (*left.notes, *other.notes, *note))


def _alike(left: "pd.DataFrame", right: "pd.DataFrame", key: str) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """Keys that are text in one table and numbers in the other are compared as text."""
    textual = [frame[key].dtype.kind in "OUS" for frame in (left, right)]
    if textual[0] == textual[1]:
        return left, right
    return left.assign(**{key: left[key].astype("str")}), right.assign(**{key: right[key].astype("str")})


def _new(left: Joined, called: str, names: list[str]) -> tuple[str, ...]:
    both = [name for name in names if name in left.rows.columns]
    if both:
        raise DataError(
            f"The data and {called} both have a column {both[0]!r}; give those of {called} other names by its headers."
        )
    return tuple(names)
