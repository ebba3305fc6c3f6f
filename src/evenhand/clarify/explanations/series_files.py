"""Series files: lines of asymmetric_shapley_value/<granularity>_<direction>/out.jsonl."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.analysis import Section
from evenhand.clarify.config.analysis_config import AsymmetricConfig
from evenhand.clarify.explanations.journal import json_line
from evenhand.clarify.explanations.series_data import Item, Names
from evenhand.core.attributions import Attributions
from evenhand.core.writing import write_whole
from evenhand.modalities.series import SeriesGame


def line_of(item: Item, names: Names, game: SeriesGame, found: Attributions) -> Section:
    """One item: the forecast of its baseline, and what each step of the forecast owes to each player."""
    features = (names.target, *names.related)
    explanations = [
        _explanation(item, features, game, place, found.values[0, place]) for place in range(len(game.players))
    ]
    return {"item_id": item.item_id, "offset": found.base[0].tolist(), "explanations": explanations}


def _explanation(
    item: Item, features: Sequence[str], game: SeriesGame, place: int, values: NDArray[np.float64]
) -> dict[str, Any]:
    step, feature = int(game.places.steps[place]), int(game.places.features[place])
    named = {"feature_name": game.players[place] if step < 0 else features[feature]} if step < 0 or feature >= 0 else {}
    timed = {"timestamp": item.times[step]} if step >= 0 else {}
    return {**named, **timed, "scores": values.tolist()}


def results_place(output: Path, asymmetric: AsymmetricConfig) -> Path:
    """Where the lines are written."""
    return output / "asymmetric_shapley_value" / f"{asymmetric.granularity}_{asymmetric.direction}" / "out.jsonl"


def write_series(place: Path, lines: Sequence[Any]) -> None:
    """Write one line an item, in the order of the data."""
    write_whole(place, "".join(f"{json_line(line)}\n" for line in lines))
