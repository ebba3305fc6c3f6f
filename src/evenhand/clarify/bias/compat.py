"""The numbers of smclarify 0.5, faults included, from counts instead of passes over the rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.analysis import Dataset, Section
from evenhand.clarify.bias.catalogue import NO_STRATUM, POST, Stage, entry, section
from evenhand.clarify.bias.cells import Cells, Sides
from evenhand.clarify.bias.formulas import FORMULAS
from evenhand.clarify.bias.inferring import (
    Column,
    Mask,
    categories_among,
    interval,
    places,
    plain,
    positive_rows,
    understood,
    values_text,
    within,
)
from evenhand.clarify.bias.neighbours import flip_test
from evenhand.clarify.config.analysis_config import AnalysisConfig, FacetConfig
from evenhand.core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

OTHER_TYPE = "Predicted Label Column series datatype is not the same as Label Column series"
NONE_PREDICTED = (
    "No Label values are present in the predicted Label Column,"
    "Positive Predicted Index Series contains all False values"
)
NO_VALUES = "Positive label values or thresholds are empty for Label column"
# Their handler of a failing facet fails itself, with the text of CPython 3.11.
UNBOUND = "cannot access local variable 'metric_description' where it is not associated with a value"
ADVICE = "So the whole report fails in smclarify 0.5; the arithmetic 'correct' may still answer."

# Distances that the flip test may take when its value is only wanted for comparison.
MOST_DISTANCES = 4e9
FLIPS_LEFT_OUT = "Left out beside the correct value, for so many rows; ask for the arithmetic compat."

Asked = dict[Stage, tuple[str, ...]]


def compat_sections(config: AnalysisConfig, dataset: Dataset, asked: Asked, *, beside: bool = False) -> Section:
    """Both stages as smclarify 0.5 gives them; raises DataError, its text first, where its whole report fails.

    `beside` says that the numbers are only for comparison, so that a flip test of very many rows may be left out.
    """
    report = _Report(config, dataset, beside)
    try:
        return {stage: report.stage(stage, codes) for stage, codes in asked.items()}
    except (ValueError, TypeError, KeyError, IndexError, RuntimeError, OverflowError) as error:
        raise DataError(f"{' '.join(str(error).split())}. {ADVICE}") from error


@dataclass(frozen=True, eq=False)
class Strata:
    """The place of each row's stratum from 1, 0 where it is dropped, and how often each one counts; or the problem."""

    places: NDArray[np.int64] | None = None
    repeats: NDArray[np.int64] | None = None
    problem: str | None = None


class _Report:
    """The columns of one run as smclarify understands them, each looked at once."""

    def __init__(self, config: AnalysisConfig, dataset: Dataset, beside: bool) -> None:
        self._config, self._rows, self._dataset, self._beside = config, dataset.rows, dataset, beside

    def stage(self, stage: Stage, codes: tuple[str, ...]) -> Section:
        if not self._config.label_values_or_threshold:
            raise ValueError(NO_VALUES)
        facets: dict[str, list[Section]] = {}
        for facet, name in zip(self._config.facet or (), self._dataset.facets, strict=True):
            facets.setdefault(name, []).extend(self._facet(stage, codes, facet, name))
        return section(str(self._dataset.label), values_text(self._label), facets)

    @cached_property
    def _label(self) -> Column:
        return understood(self._rows[self._dataset.label], self._config.label_values_or_threshold)

    @cached_property
    def _positive(self) -> Mask:
        return positive_rows(self._label)

    @cached_property
    def _accepted(self) -> Mask:
        label = self._label
        predicted = understood(self._rows[self._dataset.predicted_label], label.values)
        if predicted.kind != label.kind:
            raise ValueError(OTHER_TYPE)
        found = _above_in_both(label, predicted) if label.kind == "continuous" else positive_rows(predicted)
        if not found.any():
            raise ValueError(NONE_PREDICTED)
        return found

    @cached_property
    def _strata(self) -> "Strata":
        """The strata of the rows, or why there are none."""
        name = self._dataset.group_variable
        if name is None or self._rows.empty:
            return Strata(problem=NO_STRATUM)
        return strata_of(self._rows[name])

    def _facet(self, stage: Stage, codes: tuple[str, ...], facet: FacetConfig, name: str) -> Iterator[Section]:
        column = understood(self._rows[name], facet.value_or_threshold)
        positive = self._positive
        accepted = self._accepted if stage == POST else None
        column_places, groups = _groups(column)
        cells = Cells.of(column_places, positive, accepted, self._strata.places, self._strata.repeats)
        for text, values in groups:
            group = _group(column, values)
            sides = cells.sides(group)
            metrics = [self._metric(code, sides, lambda group=group: group[column_places], name) for code in codes]
            yield {"value_or_threshold": text, "metrics": metrics}

    def _metric(self, code: str, sides: Sides, rows: Any, facet: str) -> Section:
        try:
            if code == "FT":
                return self._flips(sides, rows, facet)
            if code in ("CDDL", "CDDPL") and self._strata.problem is not None:
                raise ValueError(self._strata.problem)
            return entry(code, FORMULAS[code](sides))
        except (ValueError, TypeError) as error:
            return entry(code, None, str(error))

    def _flips(self, sides: Sides, rows: Any, facet: str) -> Section:
        features = self._features(facet)
        if self._beside and sides.a.rows * sides.d.rows * max(features.shape[1], 1) > MOST_DISTANCES:
            return entry("FT", None, FLIPS_LEFT_OUT)
        return entry("FT", flip_test(features, rows(), self._accepted))

    def _features(self, facet: str) -> "pd.DataFrame":
        """All columns but the facet and the outcomes; other facets and the stratum stay, as with them."""
        dropped = {facet, self._dataset.label, self._dataset.predicted_label, self._dataset.join}
        return self._rows[[column for column in self._rows.columns if column not in dropped]]


def _above_in_both(label: Column, predicted: Column) -> Mask:
    """Predictions above the threshold, up to the largest label or prediction."""
    import pandas as pd

    numbers = predicted.series.astype(label.series.dtype)
    return within(numbers, interval(pd.concat([label.series, numbers]), label.values))


def _groups(column: Column) -> tuple[NDArray[np.int64], list[tuple[str, list[Any]]]]:
    """The place of each row, and the groups that are reported, with their texts."""
    if column.kind == "continuous":
        ranges = interval(column.series, column.values)
        return within(column.series, ranges).astype(np.int64), [(",".join(map(str, ranges)), column.values)]
    listed = [column.values] if column.values else [[value] for value in column.series.unique()]
    return places(column.series), [(",".join(map(str, values)), values) for values in listed]


def _group(column: Column, values: list[Any]) -> Mask:
    """Which places are in the group."""
    if column.kind == "continuous":
        return np.array([False, True])
    try:
        return categories_among(column.series, values)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise RuntimeError(f"{UNBOUND} ({error})") from error


def strata_of(series: "pd.Series[Any]") -> Strata:
    """The strata of a column; or the text of their failure to sort them."""
    import pandas as pd

    values = np.asarray(plain(series))
    codes, distinct = pd.factorize(values)
    repeats = np.ones(len(distinct), np.int64)
    if values.dtype == object and ((codes < 0).any() or not all(isinstance(value, str) for value in distinct)):
        try:
            # Missing values are not ordered, so that sorting can leave one stratum in several places: it counts again.
            repeats = np.bincount([place for place in map(_finder(distinct), np.unique(values)) if place >= 0],
                                  minlength=len(distinct))  # fmt: skip
        except TypeError as error:
            return Strata(problem=str(error))
    return Strata(np.asarray(codes, np.int64) + 1, repeats)


def _finder(distinct: NDArray[Any]) -> Callable[[Any], int]:
    known = {value: place for place, value in enumerate(distinct)}
    return lambda value: known.get(value, -1)
