"""Reading: the rows of a run from all the places that the config names, and what each column is for."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evenhand.clarify.analysis import Dataset
from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.datasets.captured import read_captured
from evenhand.clarify.datasets.columns import located
from evenhand.clarify.datasets.csv_files import read_csv
from evenhand.clarify.datasets.files import files_of
from evenhand.clarify.datasets.joining import Joined, joined
from evenhand.clarify.datasets.json_documents import read_json
from evenhand.clarify.datasets.json_lines import read_json_lines
from evenhand.clarify.datasets.parquet_files import read_parquet
from evenhand.clarify.datasets.recorded import PREDICTED, recorded_labels
from evenhand.clarify.datasets.table import Table
from evenhand.clarify.outcomes import labels_like
from evenhand.core.errors import DataError, SpecError

if TYPE_CHECKING:
    import pandas as pd

_FACETS, _PREDICTIONS = "facet_dataset_uri", "predicted_label_dataset_uri"


def read_dataset(config: AnalysisConfig, data: str | Path | None, *, first: int | None = None) -> Dataset:
    """The rows that the config describes, of a file, a folder or an address; `dataset_uri` goes before `data`.

    `first` reads only so many rows. Raises DataError and UnreadableSource with one line that says what does not fit.
    """
    table = _main(config, data, first)
    others = _others(config, first)
    rows_of = joined(table, others, config.joinsource_name_or_index)
    brought = dict(zip((called for called, _ in others), rows_of.brought, strict=True))
    columns = list(table.rows.columns)
    label = table.label if table.label is not None else _label(config, columns)
    rows, predicted = _predicted(config, table, rows_of, brought.get(_PREDICTIONS), label)
    every = [name for name in rows.columns if name != predicted] if brought.get(_PREDICTIONS) else list(rows.columns)
    return Dataset(
        rows=rows, features=_features(config, columns, {label, predicted, rows_of.join}), label=label,
        predicted_label=predicted, facets=_facets(config, every), join=rows_of.join, dropped=rows_of.dropped,
        group_variable=None if config.group_variable is None else located(
            config.group_variable, every, "group_variable"
        ),
        notes=(*table.notes, *rows_of.notes),
    )  # fmt: skip


def _main(config: AnalysisConfig, data: str | Path | None, first: int | None) -> Table:
    place = config.dataset_uri or data
    if place is None:
        raise SpecError("There is no data: give the place of a file or folder, or set dataset_uri in the config.")
    if config.dataset_type == "application/x-image":
        raise SpecError("Images are no table; read them with image_files.")
    files = files_of(place, config.dataset_type)
    if config.dataset_type == "application/jsonlines":
        return read_json_lines(files, config, first=first)
    if config.dataset_type == "application/json":
        return read_json(files, config, first=first)
    if config.dataset_type == "application/x-parquet":
        return read_parquet(files, config.headers, first=first)
    if config.dataset_type == "application/sagemakercapturejson":
        return read_captured(files, config, first=first)
    return read_csv(files, config.headers, named=_named(config), first=first)


def _named(config: AnalysisConfig) -> Sequence[str]:
    """Columns of the data that the config names, which tell a header from a line of data."""
    facets = [facet.name_or_index for facet in config.facet or ()]
    places = (config.label, config.group_variable, config.joinsource_name_or_index, *facets)
    return [place for place in places if isinstance(place, str)]


def _others(config: AnalysisConfig, first: int | None) -> tuple[tuple[str, Table], ...]:
    """The tables of facets and of predictions; with a key all their rows are read, as partners may stand anywhere."""
    most = first if config.joinsource_name_or_index is None else None
    facets = [facet.name_or_index for facet in config.facet or ()]
    asked = config.predictor
    places = [config.predicted_label, asked.label if asked else None, asked.probability if asked else None, PREDICTED]
    both = (
        (_FACETS, config.facet_dataset_uri, config.facet_headers, facets),
        (_PREDICTIONS, config.predicted_label_dataset_uri, config.predicted_label_headers, places),
    )
    return tuple(
        (
            called,
            read_csv(
                files_of(uri, "text/csv"), headers, first=most,
                named=[name for name in (*names, config.joinsource_name_or_index) if isinstance(name, str)],
            ),
        )
        for called, uri, headers, names in both
        if uri is not None
    )  # fmt: skip


def _label(config: AnalysisConfig, columns: list[str]) -> str | None:
    if config.label is None:
        return None
    return located(config.label, columns, "label", "Headers must contain label.")


def _predicted(
    config: AnalysisConfig, table: Table, found: Joined, brought: tuple[str, ...] | None, label: str | None
) -> tuple["pd.DataFrame", str | None]:
    """The rows with their predicted labels, and what that column is called."""
    if brought is not None:
        series = recorded_labels(config, found.rows, brought)
        name = next((name for name in (PREDICTED, config.predicted_label) if name in brought), PREDICTED)
        rows = found.rows.drop(columns=list(brought))
        if str(name) in rows.columns:
            raise DataError(f"The data has a column {name!r} besides {_PREDICTIONS}; leave one of them out.")
        values = series if label is None else labels_like(series.to_numpy(), rows[label])
        return rows.assign(**{str(name): values}), str(name)
    if table.predicted_label is not None:
        return found.rows, table.predicted_label
    if config.predicted_label is None:
        return found.rows, None
    return found.rows, located(config.predicted_label, list(table.rows.columns), "predicted_label")


def _features(config: AnalysisConfig, columns: list[str], taken: set[str | None]) -> tuple[str, ...]:
    out = {located(place, columns, "excluded_columns", "Feature names not found.") for place in _excluded(config)}
    features = tuple(name for name in columns if name not in taken and name not in out)
    if not features:
        raise DataError(
            "Data must contain features. Every column is label, predicted label, key or excluded; shorten"
            " excluded_columns."
        )
    return features


def _excluded(config: AnalysisConfig) -> Sequence[int | str]:
    return config.excluded_columns or ()


def _facets(config: AnalysisConfig, columns: list[str]) -> tuple[str, ...]:
    return tuple(
        located(facet.name_or_index, columns, "facet.name_or_index", "Unable to locate the facet.")
        for facet in config.facet or ()
    )
