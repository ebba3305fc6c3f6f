"""Text columns: which columns hold free text, which categories or numbers, and what each holds when it is absent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from evenhand.clarify.analysis import Dataset
from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.explanations.baseline import prepared
from evenhand.core.errors import DataError, SpecError, suggestion

if TYPE_CHECKING:
    import pandas as pd

# A column of more words a cell on average is free text.
_WORDS = 3.0
# So is one of at least two words whose cells are nearly all different.
_WORDS_IF_UNLIKE, _UNLIKE, _ENOUGH = 2.0, 0.9, 10

Kind = Literal["numerical", "categorical", "free_text"]
Row = dict[str, Any]


@dataclass(frozen=True)
class Kinds:
    """The columns of free text, and those of numbers; all others are categories."""

    texts: tuple[str, ...]
    numbers: frozenset[str]

    def of(self, name: str) -> Kind:
        """The kind of one column, in Clarify's words."""
        return "free_text" if name in self.texts else "numerical" if name in self.numbers else "categorical"


def kinds_of(dataset: Dataset) -> Kinds:
    """The kinds of the features; raises DataError where none holds free text."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    rows = dataset.rows
    numbers = {name for name in dataset.features if is_numeric_dtype(rows[name]) and not is_bool_dtype(rows[name])}
    words = {name: _words(rows[name]) for name in dataset.features if name not in numbers}
    texts = [name for name, mean in words.items() if _free(rows[name], mean)]
    if not texts:
        likeliest = max(words, key=lambda name: words[name], default=None)
        if likeliest is None or words[likeliest] <= 1:
            raise DataError(
                "text_config is given, and no feature holds free text: columns of text have more than three words a"
                f" cell. The features are {', '.join(map(repr, dataset.features[:12]))}; leave text_config out."
            )
        texts = [likeliest]
    return Kinds(tuple(texts), frozenset(numbers))


def absent_rows(config: AnalysisConfig, dataset: Dataset, kinds: Kinds) -> list[Row]:
    """What each feature holds when it is absent, for each baseline row; an empty text drops units.

    Without a baseline, texts are dropped, numbers are at their mean and categories at the commonest. Raises SpecError,
    and DataError for a file that does not fit.
    """
    shap = config.methods.shap
    baseline = shap.baseline if shap is not None else None
    if shap is not None and isinstance(baseline, str):
        cells = prepared(config, shap, dataset.rows.loc[:, list(dataset.features)]).baseline
        if not isinstance(cells, Mapping):
            raise SpecError(f"The baseline {baseline!r} is for tables; give rows, or the place of a file of rows.")
        baseline = [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]
    if baseline is None:
        return [{name: _centre(dataset.rows[name], kinds.of(name)) for name in dataset.features}]
    listed = [baseline] if isinstance(baseline, Mapping) or not _rows(baseline) else list(baseline)
    return [_row(each, dataset.features, kinds) for each in listed]


def _rows(baseline: Sequence[Any]) -> bool:
    return bool(baseline) and all(isinstance(row, (list, tuple, Mapping)) for row in baseline)


def _row(row: Any, features: Sequence[str], kinds: Kinds) -> Row:
    if isinstance(row, Mapping):
        row = row["features"] if set(row) == {"features"} else row
    if isinstance(row, Mapping):
        unknown = next((name for name in row if name not in features), None)
        if unknown is not None:
            raise SpecError(f"The baseline has a column {unknown!r}.{suggestion(str(unknown), list(features))}")
        named = dict(row)
    elif len(row) == len(features):
        named = dict(zip(features, row, strict=True))
    else:
        raise SpecError(f"A baseline row has {len(row)} values and the data {len(features)} features; give one each.")
    return {name: _absent(named.get(name), name, kinds) for name in features if name in named or name in kinds.texts}


def _absent(value: Any, name: str, kinds: Kinds) -> Any:
    if name in kinds.texts:
        return "" if value is None else str(value)
    if name not in kinds.numbers or not isinstance(value, str):
        return value
    try:
        return float(value)  # files of CSV hold text
    except ValueError as error:
        raise SpecError(f"Could not convert string to float. The baseline of {name!r} is {value!r}.") from error


def _words(column: "pd.Series[Any]") -> float:
    cells = [cell for cell in column.tolist() if isinstance(cell, str) and cell.strip()]
    return sum(len(cell.split()) for cell in cells) / len(cells) if cells else 0.0


def _free(column: "pd.Series[Any]", words: float) -> bool:
    unlike = column.nunique() >= _UNLIKE * len(column) and len(column) >= _ENOUGH
    return words > _WORDS or (words >= _WORDS_IF_UNLIKE and unlike)


def _centre(column: "pd.Series[Any]", kind: Kind) -> Any:
    if kind == "free_text":
        return ""
    known = column.dropna()
    if not len(known):
        return None
    if kind == "numerical":
        return float(known.mean())
    commonest = known.mode().iloc[0]
    return commonest.item() if hasattr(commonest, "item") else commonest
