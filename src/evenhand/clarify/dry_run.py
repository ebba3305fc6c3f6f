"""dry_run: the first rows of the data and one question to the model, to see in seconds whether a run would start."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.config.rules import needs_model
from evenhand.core.errors import DataError, EvenhandError, ModelError

if TYPE_CHECKING:
    from evenhand.clarify.analysis import Dataset

T = TypeVar("T")

ROWS, SECONDS = 20, 4.0


@dataclass(frozen=True)
class DryRun:
    """What was seen: rows read and their columns, the first predictions where a model was asked, and the time."""

    rows: int
    features: tuple[str, ...]
    columns: tuple[str, ...]
    predictions: tuple[Any, ...] | None
    seconds: float
    notes: tuple[str, ...] = ()


def dry_run(
    config: AnalysisConfig, data: str | None, *, model: Any = None, rows: int = ROWS, seconds: float = SECONDS
) -> DryRun:
    """Read the first rows and ask the model about them once.

    Images and time series are only looked for. Raises DataError or ModelError where something is missing or does not
    answer within `seconds`, and whatever reading and asking raise.
    """
    begun = time.perf_counter()
    if config.dataset_type == "application/x-image" or config.time_series_data_config is not None:
        note = _looked_for(config, data)
        return DryRun(0, (), (), None, time.perf_counter() - begun, (note,))
    dataset = _within(lambda: _first(config, data, rows), seconds, DataError("The data cannot be read"))
    predictions, notes = None, dataset.notes
    if model is not None or (config.predictor is not None and needs_model(config)):
        left = max(0.1, seconds - (time.perf_counter() - begun))
        predictions = _within(lambda: _asked(config, dataset, model), left, ModelError("The model does not answer"))
    columns = tuple(map(str, dataset.rows.columns))
    return DryRun(len(dataset.rows), dataset.features, columns, predictions, time.perf_counter() - begun, notes)


def _first(config: AnalysisConfig, data: str | None, rows: int) -> "Dataset":
    from evenhand.clarify.datasets import read_dataset

    dataset = read_dataset(config, data, first=rows)
    if not len(dataset.rows):
        raise DataError("The data has no rows.")
    return dataset


def _asked(config: AnalysisConfig, dataset: "Dataset", model: Any) -> tuple[Any, ...]:
    from evenhand.clarify.predicting import predictor_of

    predictor = predictor_of(config, model=model)
    return tuple(predictor.predicted(dataset.rows[list(dataset.features)]).labels.tolist())


def _looked_for(config: AnalysisConfig, data: str | None) -> str:
    """That the data is there, where its rows are no table."""
    place = data or config.dataset_uri
    if place is None:
        raise DataError("There is no data: give --data, or dataset_uri in the config.")
    if "://" in place:
        return f"{place} was not looked at."
    path = Path(place)
    if not path.exists() or (path.is_dir() and next(path.iterdir(), None) is None):
        raise DataError(f"There is nothing at {place!r}.")
    return f"{place} is there; the model was not asked."


def _within(work: Callable[[], T], seconds: float, late: EvenhandError) -> T:
    """What work returns, unless it takes too long; then it is left behind."""
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise type(late)(f"{late} within {seconds:.1f} seconds.")
    return done[0]
