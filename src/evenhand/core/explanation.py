"""Explanation: attributions of many rows as columns, with standard errors; saved, loaded and turned into a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.core.arrays import Stored, read_arrays, write_arrays
from evenhand.core.errors import MissingExtra, SpecError, UnreadableSource
from evenhand.core.making import Making
from evenhand.core.moments import Moments, Slice
from evenhand.core.places import ImagePlaces, Places, SeriesPlaces, TextPlaces


@dataclass(frozen=True, eq=False)
class Explanation:
    """What each prediction owes to each player, with standard errors.

    `attributions` and `errors` are rows × players × outputs; `base` and `predictions` rows × outputs; a row's
    attributions sum to prediction − base. `rows` says which rows of the source these are; `evaluations` counts the
    coalitions asked for each. `importance` (players × outputs) is the mean |attribution| over these rows and
    `importance_errors` the standard error of the estimation. `groups` gives each row's group of each facet. `features`
    holds the values of each column, and `shown` the places (among these rows) that they belong to. `interactions` is
    rows × players × players × outputs. Large arrays may be memory-mapped files.

    Where many workers explained more rows than a result holds, the rows here are a random sample of them; `importance`
    and `moments` (sums by facet and group) are of all rows, and `values` is the folder of Parquet files with every
    row's attributions.
    """

    players: tuple[str, ...]
    outputs: tuple[str, ...]
    rows: NDArray[np.int64]
    attributions: NDArray[np.float64]
    errors: NDArray[np.float64]
    base: NDArray[np.float64]
    predictions: NDArray[np.float64]
    evaluations: NDArray[np.int64]
    importance: NDArray[np.float64]
    importance_errors: NDArray[np.float64]
    making: Making
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)
    shown: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    features: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    interactions: NDArray[np.float64] | None = None
    priors: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    places: Places | None = None
    moments: Mapping[Slice, Moments] = field(default_factory=dict)
    values: str | None = None

    def __len__(self) -> int:
        return len(self.attributions)

    def to_frame(self, backend: str | None = None) -> Any:
        """One row for each row and output: base, prediction, each player's attribution and its standard error.

        `backend` is pandas, polars or pyarrow; by default the first of them that is installed.
        """
        return in_columns(self._columns(), backend)

    def _columns(self) -> dict[str, NDArray[Any]]:
        count = len(self.outputs)
        columns: dict[str, NDArray[Any]] = {"row": np.repeat(self.rows, count)}
        if count > 1:
            columns["output"] = np.tile(np.array(self.outputs, object), len(self))
        columns["base"] = self.base.ravel()
        columns["prediction"] = self.predictions.ravel()
        for place, player in enumerate(self.players):
            columns[_free(player, columns)] = self.attributions[:, place].ravel()
        for place, player in enumerate(self.players):
            columns[_free(f"{player} (standard error)", columns)] = self.errors[:, place].ravel()
        return columns

    def save(self, folder: str | Path) -> None:
        """Write the explanation to a folder, whole or not at all; raises EvenhandError where one is there already."""
        write_arrays(folder, stored_of(self))

    @classmethod
    def load(cls, folder: str | Path) -> "Explanation":
        """Read an explanation written by `save`; arrays stay in their files and are read where they are used."""
        return from_stored(read_arrays(folder), str(folder))


_ARRAYS = (
    "rows", "attributions", "errors", "base", "predictions", "evaluations", "importance", "importance_errors", "shown",
)  # fmt: skip
_MAPS = ("groups", "features", "priors")
_PLACES: Mapping[str, type[Places]] = {"text": TextPlaces, "image": ImagePlaces, "series": SeriesPlaces}


# The folder of all rows' values beside the arrays.
VALUES = "values"


def stored_of(explanation: Explanation) -> Stored:
    """Everything that belongs into the folder of an explanation."""
    folders = {} if explanation.values is None else {VALUES: Path(explanation.values)}
    return Stored(arrays_of(explanation), facts_of(explanation), folders)


def arrays_of(explanation: Explanation) -> dict[str, NDArray[Any]]:
    """Every array of an explanation by the name of its file."""
    found: dict[str, NDArray[Any]] = {name: getattr(explanation, name) for name in _ARRAYS}
    for kind in _MAPS:
        # Names are users' and may be no file names; their place is.
        found |= {f"{kind} {place}": array for place, array in enumerate(getattr(explanation, kind).values())}
    if explanation.interactions is not None:
        found["interactions"] = explanation.interactions
    if explanation.places is not None:
        parts = vars(explanation.places).items()
        found |= {f"places {name}": part for name, part in parts if isinstance(part, np.ndarray)}
    if explanation.moments:
        found["moments counts"] = np.stack([each.counts for each in explanation.moments.values()])
        found["moments sums"] = np.stack([each.sums for each in explanation.moments.values()])
    return found


def facts_of(explanation: Explanation) -> dict[str, Any]:
    """What is not an array, as JSON holds it."""
    places = explanation.places
    return {
        "players": explanation.players,
        "outputs": explanation.outputs,
        "members": explanation.members,
        "making": explanation.making.model_dump(mode="json"),
        "places": next((name for name, kind in _PLACES.items() if isinstance(places, kind)), None),
        "text": places.text if isinstance(places, TextPlaces) else None,
        "moments": [list(key) for key in explanation.moments],
        "values": None if explanation.values is None else VALUES,
        **{kind: list(getattr(explanation, kind)) for kind in _MAPS},
    }


def from_stored(stored: Stored, location: str) -> Explanation:
    """The explanation whose arrays and facts these are; raises UnreadableSource where something is missing."""
    arrays, facts = stored.arrays, stored.facts
    named: dict[str, Any] = {name: arrays[name] for name in _ARRAYS if name in arrays}
    try:
        named |= {kind: {name: arrays[f"{kind} {at}"] for at, name in enumerate(facts[kind])} for kind in _MAPS}
        return Explanation(
            players=tuple(facts["players"]),
            outputs=tuple(facts["outputs"]),
            members={name: tuple(columns) for name, columns in facts["members"].items()},
            making=Making.model_validate(facts["making"]),
            interactions=arrays.get("interactions"),
            places=_places(arrays, facts),
            moments=_moments(arrays, facts),
            values=str(Path(location) / VALUES) if facts.get("values") else None,
            **named,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableSource(
            f"{location!r} is not an explanation of evenhand: {error} is missing or wrong."
        ) from None


def _places(arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> Places | None:
    kind = _PLACES.get(facts["places"])
    if kind is None:
        return None
    parts: dict[str, Any] = {"text": facts["text"]} if kind is TextPlaces else {}
    parts |= {each.name: arrays[f"places {each.name}"] for each in fields(kind) if each.name not in parts}
    return kind(**parts)


def _moments(arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> dict[Slice, Moments]:
    keys = [(facet, group) for facet, group in facts.get("moments", ())]
    return {
        key: Moments(np.array(arrays["moments counts"][place]), np.array(arrays["moments sums"][place]))
        for place, key in enumerate(keys)
    }


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """The name of a column, marked where another column has it."""
    return name if name not in taken else _free(f"{name}*", taken)


def in_columns(columns: Mapping[str, NDArray[Any]], backend: str | None = None) -> Any:
    """A native dataframe of these columns; raises MissingExtra where no dataframe library is installed."""
    import narwhals as nw

    for name in (backend,) if backend is not None else ("pandas", "polars", "pyarrow"):
        try:
            return nw.from_dict(dict(columns), backend=name).to_native()  # type: ignore[arg-type]
        except ModuleNotFoundError:
            continue
        except ValueError as error:
            raise SpecError(f"backend={backend!r} must be pandas, polars or pyarrow.") from error
    raise MissingExtra("A dataframe", backend or "pandas", backend or "pandas")
