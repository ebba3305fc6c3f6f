"""What a config asks of the data, read without guessing: which values or range is positive, who each group is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.analysis import Dataset
from evenhand.clarify.config.analysis_config import AnalysisConfig, FacetConfig
from evenhand.core.errors import SpecError, ValueNotFound
from evenhand.core.facet import Facet
from evenhand.core.group import Group
from evenhand.core.values import coerced, normalised, quoted

if TYPE_CHECKING:
    import pandas as pd

# Whole numbers with more distinct values than this are a quantity, unless several values are listed.
MOST_CLASSES = 20
# One-vs-rest over more distinct numbers than this is a quantity that was left without a threshold.
MOST_NUMBERS = 50
SHOWN_VALUES = 12
ABSENT = {
    "label_values_or_threshold": "No Label values are present",
    "value_or_threshold": "Unable to locate the facet: no values are present",
}


@dataclass(frozen=True)
class Meaning:
    """What values of a column mean: these classes, or the numbers above a threshold; `shown` as in analysis.json."""

    column: str
    shown: str
    values: tuple[Any, ...] = ()
    above: float | None = None
    absent: tuple[Any, ...] = ()

    @property
    def group(self) -> Group:
        """The rows that are meant."""
        if self.above is not None:
            return Group.between(self.column, self.above, includes_low=False)
        return Group.of(self.column, *self.values)


@dataclass(frozen=True)
class Question:
    """One facet of the config: its text form, and the groups reported by what analysis.json calls them."""

    column: str
    text: str
    groups: dict[str, str]
    alone: str | None = None  # why there is nobody to compare with
    absent: tuple[Any, ...] = ()


def typed(rows: "pd.DataFrame") -> "pd.DataFrame":
    """The rows with categories as the values that they stand for, and values of several types as text."""
    import pandas as pd

    changed = {
        str(name): column.astype(object if column.isna().any() else column.cat.categories.dtype)
        for name, column in rows.items()
        if isinstance(column.dtype, pd.CategoricalDtype)
    }
    rows = rows.assign(**changed) if changed else rows
    mixed: dict[str, Any] = {}
    for name, column in rows.items():
        if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True).startswith("mixed"):
            mixed[str(name)] = column.map(str, na_action="ignore")
    return rows.assign(**mixed) if mixed else rows


def label_meaning(config: AnalysisConfig, dataset: Dataset, rows: "pd.DataFrame") -> Meaning:
    """Which labels are positive; raises SpecError where none are named, ValueNotFound where none occur."""
    if dataset.label is None:
        raise SpecError("Headers must contain label. Bias needs the column of true outcomes: give label.")
    if not config.label_values_or_threshold:
        raise SpecError(
            "Positive label values or thresholds are empty for Label column. Give label_values_or_threshold: the"
            f" favourable values of {dataset.label!r}, or one exclusive lower bound."
        )
    return _meaning(rows[dataset.label], dataset.label, config.label_values_or_threshold, "label_values_or_threshold")


def questions(config: AnalysisConfig, dataset: Dataset, rows: "pd.DataFrame") -> list[Question]:
    """The facets of the config; raises SpecError or ValueNotFound for what cannot be meant."""
    if not config.facet:
        raise SpecError("Unable to locate the facet. Bias needs facet: at least one column, by name_or_index.")
    return [_question(facet, name, rows) for facet, name in zip(config.facet, dataset.facets, strict=True)]


def _question(facet: FacetConfig, name: str, rows: "pd.DataFrame") -> Question:
    column = rows[name]
    if not facet.value_or_threshold:
        return _each_value(column, name)
    meaning = _meaning(column, name, facet.value_or_threshold, "value_or_threshold")
    text = str(meaning.group)
    inside = _inside(meaning, column)
    alone = "Negated Facet set is empty" if inside[column.notna().to_numpy()].all() else None
    return Question(name, text, {meaning.shown: text}, alone, meaning.absent)


def threshold_meaning(facet: FacetConfig, column: "pd.Series[Any]", name: str) -> Meaning | None:
    """Which rows lie above the threshold of a facet; None where it is divided by values."""
    if not facet.value_or_threshold:
        return None
    meaning = _meaning(column, name, facet.value_or_threshold, "value_or_threshold")
    return meaning if meaning.above is not None else None


def _each_value(column: "pd.Series[Any]", name: str) -> Question:
    """Every value against the others, in order of appearance."""
    values = [value for value in column.drop_duplicates().tolist() if normalised(value) is not None]
    if not values:
        raise ValueNotFound(f"Unable to locate the facet. Column {name!r} holds no value.")
    if _numeric(column) and len(values) > MOST_NUMBERS:
        raise SpecError(
            f"Threshold values must be provided for continuous features: {name!r} has {len(values):,} different"
            " numbers. Give value_or_threshold, one exclusive lower bound."
        )
    facet = Facet(column=name)
    groups = {str(value): str(facet.level_group(normalised(value))) for value in values}
    alone = "Negated Facet set is empty" if len(values) == 1 else None
    return Question(name, quoted(name), groups, alone)


def _meaning(column: "pd.Series[Any]", name: str, values: Sequence[Any], key: str) -> Meaning:
    known = column.drop_duplicates()
    levels = [normalised(value) for value in known.tolist()]
    levels = [level for level in levels if level is not None]
    if _numeric(column) and len(values) == 1 and not _names_class(values[0], levels):
        return _threshold(column, name, values[0], key)
    kind = "number" if _numeric(column) else "boolean" if all(isinstance(level, bool) for level in levels) else "text"
    wanted = coerced(name, kind, list(values))  # type: ignore[arg-type]
    texts = {str(level) if kind == "text" else level for level in levels}
    absent = tuple(value for value, given in zip(values, wanted, strict=True) if given not in texts)
    if len(absent) == len(values):
        raise ValueNotFound(
            f"{ABSENT[key]}: {_listed(values)} of {key} does not occur in {name!r}, which holds"
            f" {_listed(levels[:SHOWN_VALUES])}{', …' if len(levels) > SHOWN_VALUES else ''}."
        )
    return Meaning(name, ",".join(map(str, values)), tuple(wanted), absent=absent)


def _names_class(value: Any, levels: Sequence[Any]) -> bool:
    """Whether one value of a column of numbers is a class rather than a threshold."""
    whole = all(isinstance(level, int) for level in levels)
    return _number(value) in levels and (len(levels) <= 2 or (whole and len(levels) <= MOST_CLASSES))


def _threshold(column: "pd.Series[Any]", name: str, value: Any, key: str) -> Meaning:
    number = _number(value)
    if number is None:
        raise SpecError(
            f"Facet/label value provided must be a single numeric threshold for continuous data: {name!r} holds"
            f" numbers, and {key} is {value!r}."
        )
    largest = column.max()
    if not largest > number:
        raise ValueNotFound(
            f"{ABSENT[key]} above {value} of {key}: {name!r} holds numbers from {column.min()} to {largest}."
        )
    import pandas as pd

    shown = ",".join(map(str, pd.IntervalIndex.from_breaks([number, largest])))
    return Meaning(name, shown, above=number)


def _inside(meaning: Meaning, column: "pd.Series[Any]") -> Any:
    """Which rows are meant."""
    if meaning.above is not None:
        return (column > meaning.above).to_numpy(bool, na_value=False)
    if _numeric(column) or column.dtype == bool:
        return column.isin(list(meaning.values)).to_numpy()
    return column.map(lambda value: normalised(value) in meaning.values or str(value) in meaning.values).to_numpy(bool)


def inside(meaning: Meaning, column: "pd.Series[Any]") -> NDArray[np.bool_]:
    """Which rows of a column are meant, as a mask."""
    return np.asarray(_inside(meaning, column), bool)


def _numeric(column: "pd.Series[Any]") -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(map(repr, values))
