"""Baseline: the rows that stand for absent features, in all the ways in which a Clarify configuration gives them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.baselines import ALL
from evenhand.clarify.config.analysis_config import AnalysisConfig, ShapConfig
from evenhand.core.errors import DataError, MissingExtra, SpecError, UnreadableSource

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Prepared:
    """What `Request` takes as the baseline, and the rows to explain, in types that can hold the baseline's values."""

    baseline: Any
    rows: "pd.DataFrame"
    described: str


def prepared(config: AnalysisConfig, shap: ShapConfig, rows: "pd.DataFrame") -> Prepared:
    """The baseline of a configuration for these rows, whose columns are the features.

    None is cluster centres, their number chosen; rows are lists (in the features' order), objects by feature name, or
    objects of `features`; a text is the place of a file of such rows, or a baseline of ours such as sample:100.
    Raises SpecError where baseline and num_clusters are both given, DataError for rows that do not fit the features.
    """
    if shap.num_clusters is not None and shap.baseline is not None:
        raise SpecError("shap has both baseline and num_clusters; give one of them.")
    if shap.num_clusters is not None:
        return Prepared(f"kmeans:{shap.num_clusters}", rows, f"{shap.num_clusters} cluster centres")
    if shap.baseline is None:
        return Prepared("kmeans", rows, "cluster centres, as many as fit best")
    if isinstance(shap.baseline, str) and _ours(shap.baseline):
        return Prepared(shap.baseline, rows, shap.baseline)
    given, described = shap.baseline, "rows of the configuration"
    names = [str(name) for name in rows.columns]
    if isinstance(given, str):
        given, described = _of_file(given, names), f"rows of {given}"
    cells = _by_name(_plain(given, config.features), names)
    return Prepared(cells, _widened(rows, cells), described)


def _ours(text: str) -> bool:
    return text.partition(":")[0].strip().lower() in ALL and "/" not in text


def _of_file(uri: str, names: Sequence[str]) -> Any:
    """The rows of a file: CSV with or without a header, JSON, JSON Lines or Parquet."""
    from evenhand.clarify.storage import local_copy

    path = local_copy(uri)
    kind = "".join(Path(uri).suffixes[-1:]).lower()
    try:
        if kind == ".parquet":
            return _frame_rows(path, names)
        text = path.read_text(encoding="utf-8-sig")
        if kind == ".jsonl" or (kind != ".csv" and "\n" in text.strip() and text.lstrip().startswith(("{", "["))):
            return _lines(text)
        if kind == ".json" or text.lstrip().startswith(("{", "[")):
            return json.loads(text)
    except (OSError, ValueError) as error:
        raise UnreadableSource(f"The baseline {uri!r} cannot be read: {str(error).splitlines()[0]}.") from None
    return _csv_rows(text, names)


def _lines(text: str) -> Any:
    """JSON Lines, or a document that merely has several lines."""
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        return json.loads(text)


def _frame_rows(path: Path, names: Sequence[str]) -> Any:
    try:
        import pandas
    except ModuleNotFoundError:
        raise MissingExtra("Reading Parquet", "pandas", "clarify") from None
    return _chosen(pandas.read_parquet(path).to_dict("list"), names)


def _csv_rows(text: str, names: Sequence[str]) -> Any:
    """The rows by order; or by name, where the first row holds every feature's name. Empty cells are missing."""
    import csv
    import io

    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    cells = [[None if cell == "" else cell for cell in row] for row in rows]
    if rows and set(names) <= set(rows[0]):
        place = {name: rows[0].index(name) for name in names}
        return [{name: row[at] for name, at in place.items()} for row in cells[1:] if len(row) == len(rows[0])]
    return cells


def _chosen(cells: Mapping[Any, Any], names: Sequence[str]) -> Any:
    return {name: cells[name] for name in names} if set(names) <= set(cells) else cells


def _plain(given: Any, path: str | None) -> Any:
    """Rows as lists or as objects by name, out of objects of `features` or of a document with the features' path."""
    if isinstance(given, Mapping):
        if set(given) == {"features"}:
            inner = given["features"]
            return inner if inner and isinstance(inner[0], (list, tuple)) else [inner]
        found = _searched(given, path)
        return _unwrapped(given, path) if found is None else found
    if isinstance(given, Sequence) and given and all(isinstance(row, Mapping) for row in given):
        if all(set(row) == {"features"} for row in given):
            return [row["features"] for row in given]
        found = [_searched(row, path) for row in given]
        return given if any(row is None for row in found) else found
    return given


def _unwrapped(given: Mapping[str, Any], path: str | None) -> Any:
    """The records of a request such as {"instances": [...]}; else the object itself."""
    (inner,) = given.values() if len(given) == 1 else (None,)
    holds_records = isinstance(inner, (list, tuple)) and inner and isinstance(inner[0], (Mapping, list, tuple))
    return _plain(inner, path) if holds_records else given


def _searched(given: Mapping[str, Any], path: str | None) -> Any:
    """What the features' JMESPath finds, or None."""
    if path is None:
        return None
    try:
        import jmespath
    except ModuleNotFoundError:
        raise MissingExtra("JMESPath", "jmespath", "clarify") from None
    return jmespath.search(path, given)


def _by_name(given: Any, names: Sequence[str]) -> dict[str, list[Any]]:
    """The cells of every feature."""
    if isinstance(given, Mapping):
        return {str(name): list(cell) if isinstance(cell, (list, tuple)) else [cell] for name, cell in given.items()}
    rows = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else []
    if rows and not isinstance(rows[0], (Mapping, list, tuple)):
        rows = [rows]
    if not rows:
        raise DataError("The baseline has no rows; give at least one row with a value for each feature.")
    if all(isinstance(row, Mapping) for row in rows):
        return _of_objects(rows)
    for number, row in enumerate(rows):
        if not isinstance(row, (list, tuple)) or len(row) != len(names):
            count = len(row) if isinstance(row, (list, tuple)) else 1
            raise DataError(
                f"Row {number} of the baseline has {count} values and there are {len(names)} features"
                f" ({', '.join(names[:12])}{', …' if len(names) > 12 else ''}); give one value for each feature."
            )
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _of_objects(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    for number, row in enumerate(rows):
        if set(row) != set(rows[0]):
            raise DataError(f"Row {number} of the baseline has other features than row 0; give every row the same.")
    return {str(key): [row[key] for row in rows] for key in rows[0]}


def _widened(rows: "pd.DataFrame", cells: Mapping[str, Sequence[Any]]) -> "pd.DataFrame":
    """The rows with whole numbers as floats in the columns where the baseline has fractions or nothing."""
    broken = [
        name
        for name in rows.columns
        if rows[name].dtype.kind in "iu" and any(_broken(cell) for cell in cells.get(name, ()))
    ]
    return rows.astype(dict.fromkeys(broken, "float64")) if broken else rows


def _broken(cell: Any) -> bool:
    try:
        return cell is None or float(cell) != int(float(cell))
    except (TypeError, ValueError, OverflowError):
        return isinstance(cell, float)
