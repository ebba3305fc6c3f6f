"""Spreadsheets: one sheet of an Excel or OpenDocument file, its first row the header."""

import datetime
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evenhand.core.errors import DataError, MissingExtra, UnreadableSource, suggestion
from evenhand.core.values import written
from evenhand.sources.csv_files import apart
from evenhand.sources.duckdb_frame import DuckDBFrame
from evenhand.sources.frames import read_frame

# A spreadsheet is read into memory whole; a full sheet of a million rows unpacks to less.
MOST_UNPACKED = 2_000_000_000


def read_spreadsheet(file: Path, sheet: str | None, *, memory_limit: str, threads: int | None) -> DuckDBFrame:
    """The sheet of this name, or the only one."""
    name, (header, *rows) = _sheet(file, sheet)
    if not rows:
        raise DataError(f"The sheet {name!r} of {file} holds no rows, only column names.")
    names, notes = apart([_text(cell) for cell in header])
    columns = {column: _column([row[place] for row in rows]) for place, column in enumerate(names)}
    location = f"{file}, sheet {name!r}"
    frame = read_frame(columns, memory_limit=memory_limit, threads=threads, location=location, notes=notes)
    if frame is None:
        raise UnreadableSource(f"{location} cannot be read.")
    return frame


def _sheet(file: Path, sheet: str | None) -> tuple[str, list[list[Any]]]:
    try:
        import python_calamine
    except ImportError as error:
        raise MissingExtra("Reading a spreadsheet", "python-calamine", "spreadsheets") from error
    _check_size(file)
    try:
        with python_calamine.load_workbook(file) as book:
            name = _chosen(file, book.sheet_names, sheet)
            # Calamine keeps the empty rows and columns before the first entry unless told to skip them.
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=True)
    except (python_calamine.CalamineError, OSError) as error:
        raise UnreadableSource(
            f"{file} is not a whole spreadsheet: {str(error).splitlines()[0]}. Save it again."
        ) from error
    if not rows:
        raise UnreadableSource(f"The sheet {name!r} of {file} is empty; it has neither column names nor rows.")
    return name, rows


def _check_size(file: Path) -> None:
    """Raise UnreadableSource for an archive that unpacks to more than any spreadsheet: it would fill the memory."""
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
    if unpacked > MOST_UNPACKED:
        raise UnreadableSource(
            f"{file} unpacks to {unpacked / 1e9:.1f} GB, more than the {MOST_UNPACKED / 1e9:g} GB allowed for a "
            "spreadsheet; save the sheet as CSV or Parquet."
        )


def _chosen(file: Path, names: Sequence[str], sheet: str | None) -> str:
    if sheet is None:
        if len(names) == 1:
            return names[0]
        raise UnreadableSource(f"{file} has {len(names)} sheets: {', '.join(map(repr, names))}. Name one with sheet=.")
    if sheet not in names:
        raise UnreadableSource(f"No sheet {sheet!r} in {file}.{suggestion(sheet, list(names))}")
    return sheet


def _column(cells: Sequence[Any]) -> list[Any]:
    """The cells as one type: numbers, true or false, or else text; empty cells are missing."""
    values = [None if cell == "" else cell for cell in cells]
    present = [value for value in values if value is not None]
    if all(isinstance(value, bool) for value in present):
        return values
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in present):
        whole = all(float(value).is_integer() and abs(value) < 2**53 for value in present)
        return [int(value) if whole and value is not None else value for value in values]
    return [None if value is None else _text(value) for value in values]


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, (bool, int, float)):
        return written(cell)
    return cell.isoformat() if isinstance(cell, (datetime.date, datetime.time)) else str(cell)
