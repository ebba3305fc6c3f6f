"""Series: each item's forecast explained by asymmetric Shapley values of its steps, as Clarify does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evenhand.clarify.analysis import Explained, Section
from evenhand.clarify.config.analysis_config import AnalysisConfig, AsymmetricConfig
from evenhand.clarify.explanations.journal import Journal
from evenhand.clarify.explanations.series_data import Item, Names, names_of, read_items
from evenhand.clarify.explanations.series_files import line_of, results_place, write_series
from evenhand.clarify.explanations.series_model import Ask, asking_of
from evenhand.clarify.explanations.stepwise import Stepwise
from evenhand.clarify.storage import local_copy
from evenhand.core.attributions import Explainer
from evenhand.core.errors import SpecError, suggestion
from evenhand.explainers.asymmetric import Asymmetric, Direction
from evenhand.explaining.job import Progress
from evenhand.modalities.series import SeriesBaseline, SeriesGame

WORKING = ".evenhand/series.jsonl"
_DIRECTIONS: dict[str, Direction] = {
    "chronological": "chronological", "anti_chronological": "anti-chronological", "bidirectional": "both",
}  # fmt: skip
_PARTS = ("target_time_series", "related_time_series", "static_covariates")


@dataclass(frozen=True)
class _Absent:
    """What absent parts hold; `static` has each item's values by its identifier, None where none are given."""

    target: str = "zero"
    related: str = "zero"
    static: Mapping[str, Any] | None = None


def explain_series(
    config: AnalysisConfig, data: str | Path | None, model: Any, output: Path, *, progress: Progress | None = None
) -> Explained:
    """Explain every item's forecast, step by step, and write `asymmetric_shapley_value/…/out.jsonl` below `output`.

    `data` is a JSON file or a folder of them; `dataset_uri` goes before it. `model` is a callable that takes a
    `SeriesBatch` and gives m × horizon numbers, or a URL; without either the predictor's endpoint is asked. Items that
    are finished are kept in a working file, so that a run that was killed goes on after them. Raises SpecError,
    DataError, ModelError.
    """
    asymmetric, series = config.methods.asymmetric_shapley_value, config.time_series_data_config
    if asymmetric is None or series is None:
        raise SpecError("Time series need methods.asymmetric_shapley_value and time_series_data_config.")
    if asymmetric.granularity == "fine_grained" and asymmetric.direction != "chronological":
        raise SpecError(
            f"fine_grained and {asymmetric.direction} are not supported together; choose chronological, or timewise."
        )
    given = config.dataset_uri or data
    if given is None:
        raise SpecError("There are no series: give the place of a JSON file or folder, or set dataset_uri.")
    items, names, absent = read_items(given, series), names_of(series, config.headers), _absent(asymmetric)
    asking = asking_of(model, config.predictor)
    place = results_place(output, asymmetric)
    about = config.model_dump(mode="json") | {"items": [_about(item) for item in items], "model": _name(model)}
    with Journal(output / WORKING, about) as journal:
        for number, item in enumerate(items):
            if str(number) not in journal.done:
                journal.add(str(number), _line(item, names, asymmetric, absent, asking(item)))
            if progress is not None:
                progress("series", number + 1, len(items))
        write_series(place, [journal.done[str(number)] for number in range(len(items))])
        journal.finish()
    section = {
        "explanation_results_path": str(place), "direction": asymmetric.direction, "granularity": asymmetric.granularity
    }  # fmt: skip
    return Explained({"asymmetric_shapley_value": section}, _facts(asymmetric, absent, items, names), files=(place,))


def _line(item: Item, names: Names, asymmetric: AsymmetricConfig, absent: _Absent, ask: Ask) -> Section:
    fine = asymmetric.granularity == "fine_grained"
    static = dict(zip(names.static, item.static, strict=True))
    game = SeriesGame(
        item.target, ask, related=item.related, static=static, by="feature in step" if fine else "step",
        baseline=SeriesBaseline(absent.target, absent.related, _static(item, names, absent) if fine else {}),
    )  # fmt: skip
    found = _explainer(game, asymmetric, names).explain(game, np.arange(1), 0)
    return line_of(item, names, game, found)


def _explainer(game: SeriesGame, asymmetric: AsymmetricConfig, names: Names) -> Explainer:
    if asymmetric.granularity == "timewise":
        return Asymmetric(game.blocks, direction=_DIRECTIONS[asymmetric.direction])
    rule = (1 + max(len(names.related), len(names.static))) ** 2
    return Stepwise(game.blocks, samples=asymmetric.num_samples or rule)


def _static(item: Item, names: Names, absent: _Absent) -> dict[str, Any]:
    """The covariates' baseline of this item; without any they stay as they are and are no players."""
    if absent.static is None or not names.static:
        return {}
    values = absent.static.get(str(item.item_id))
    if values is None:
        raise SpecError(
            f"baseline.static_covariates has no values for the item {item.item_id!r}."
            f"{suggestion(str(item.item_id), list(map(str, absent.static)))}"
        )
    if not isinstance(values, list) or len(values) != len(names.static):
        raise SpecError(
            f"baseline.static_covariates of the item {item.item_id!r} is {values!r}; give a list of"
            f" {len(names.static)} values: {', '.join(names.static)}."
        )
    return dict(zip(names.static, values, strict=True))


def _absent(asymmetric: AsymmetricConfig) -> _Absent:
    baseline = asymmetric.baseline
    if baseline is None:
        return _Absent()
    given = _file(baseline) if isinstance(baseline, str) else baseline
    if not isinstance(given, Mapping):
        raise SpecError(f"The baseline of series is an object of {', '.join(_PARTS)}, not {given!r}.")
    for name in given:
        if name not in _PARTS:
            raise SpecError(f"The baseline has no part {name!r}.{suggestion(str(name), list(_PARTS))}")
    static = given.get("static_covariates")
    if static is not None and not isinstance(static, Mapping):
        raise SpecError("baseline.static_covariates is an object of item identifiers and lists of values.")
    levels = [_level(given.get(name, "zero"), name) for name in _PARTS[:2]]
    return _Absent(levels[0], levels[1], None if static is None else {str(name): each for name, each in static.items()})


def _level(value: Any, part: str) -> str:
    level = value.lower() if isinstance(value, str) else value
    if level not in ("zero", "mean"):
        raise SpecError(f"baseline.{part} is {value!r}; choose zero or mean.")
    return str(level)


def _file(place: str) -> Any:
    try:
        return json.loads(local_copy(place).read_bytes())
    except OSError as error:
        raise SpecError(f"The baseline {place!r} cannot be read: {error.strerror}; give the object itself.") from error
    except ValueError as error:
        raise SpecError(f"The baseline {place!r} is no JSON: {error}.") from error


def _about(item: Item) -> list[Any]:
    related = None if item.related is None else item.related.tolist()
    return [item.item_id, item.times, item.target.tolist(), related, item.static]


def _name(model: Any) -> str:
    return model if isinstance(model, str) else getattr(model, "__qualname__", type(model).__name__)


def _facts(asymmetric: AsymmetricConfig, absent: _Absent, items: list[Item], names: Names) -> Section:
    notes = []
    if names.static and (asymmetric.granularity == "timewise" or absent.static is None):
        notes.append("Static covariates stay as they are in every coalition and get no scores.")
    return {
        "method": "asymmetric_shapley_value", "items": len(items), "notes": notes,
        "baseline": {"target_time_series": absent.target, "related_time_series": absent.related,
                     "static_covariates": absent.static is not None},
    }  # fmt: skip
