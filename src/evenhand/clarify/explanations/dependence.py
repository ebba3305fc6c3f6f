"""Dependence: Clarify's blocks of partial dependence — buckets of numbers or all categories, and mean predictions."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from evenhand.clarify.analysis import Dataset, Section
from evenhand.clarify.explanations.table_labels import labels_of
from evenhand.explainers.feature import Feature, distinct, feature_of
from evenhand.models import LoadedModel

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Progress = Callable[[str, int, int], None]

UNSUPPORTED = (
    "Detected data type is not supported for PDP. PDP can only be computed for numerical or categorical columns"
)
# Rows the model is asked for to draw one curve, and the most of the table's rows that they are made of.
MODEL_ROWS = 500_000
ROWS = 10_000
BATCH = 16_384
# A text column is free text where a value has more words than this and most values occur once.
WORDS = 4
SHARE = 0.5


def dependence(
    model: LoadedModel,
    dataset: Dataset,
    features: Sequence[str],
    *,
    grid_resolution: int,
    seed: int = 0,
    label_names: Sequence[Any] | None = None,
    progress: Progress | None = None,
) -> tuple[list[Section], list[str]]:
    """A block for each of these features, and what there is to say of how they were made.

    PD(x) = mean over rows of f(x, the row's other features) (Friedman 2001). Numbers are set to the centres of
    `grid_resolution` buckets of equal width, categories to each of them; `data_distribution` is the share of the
    values in each. Text and times give an error in the block.
    """
    rows = dataset.rows[list(dataset.features)].reset_index(drop=True)
    count = model.values(rows.head(1)).shape[1]
    labels = labels_of(model, dataset, count, label_names)
    blocks, notes = [], []
    for done, name in enumerate(features):
        if progress is not None:
            progress("partial dependence", done, len(features))
        axis = feature_of(rows, name)
        block, means, said = _block(model, rows, axis, grid_resolution, seed)
        if means is not None:
            block["model_predictions"] = labels.answers(means).T.tolist()
        block["label_headers"] = list(labels.names)
        blocks.append(block)
        notes += said
    return blocks, notes


def _block(
    model: LoadedModel, rows: "pd.DataFrame", axis: Feature, grid_resolution: int, seed: int
) -> tuple[Section, Floats | None, list[str]]:
    """A block without its labels, the mean answers (values × outputs), and notes."""
    kind: str = {"number": "numerical", "category": "categorical"}.get(axis.kind, axis.kind)
    if kind == "categorical" and is_free_text(rows[axis.name]):
        kind = "free_text"
    if kind in ("free_text", "time") or not axis.present.any():
        return {"feature_name": axis.name, "data_type": kind, "error": UNSUPPORTED}, None, []
    values, shares, sources = _categories(axis) if kind == "categorical" else _buckets(axis, grid_resolution)
    some = _sampled(axis.height, len(values), seed)
    means = np.stack([
        _mean(model, axis, some, value if sources is None else int(sources[place]), numerical=sources is None)
        for place, value in enumerate(values)
    ])  # fmt: skip
    block = {"feature_name": axis.name, "data_type": kind, "feature_values": values, "data_distribution": shares}
    return block, means, list(_notes(axis, len(some)))


def _buckets(axis: Feature, count: int) -> tuple[list[Any], list[float], None]:
    """Centres of buckets of equal width over the range, and the share of the values in each; one for a constant."""
    present = axis.levels[axis.present]
    low, high = float(present.min()), float(present.max())
    if low == high:
        return [low], [1.0], None
    edges = low + (high - low) * (np.arange(count + 1) / count)
    place = np.clip(np.searchsorted(edges, present, side="right") - 1, 0, count - 1)
    shares = np.bincount(place, minlength=count) / len(present)
    return ((edges[1:] + edges[:-1]) / 2).tolist(), shares.tolist(), None


def _categories(axis: Feature) -> tuple[list[Any], list[float], NDArray[np.intp]]:
    """All categories, the share of the values in each, and a row that has it."""
    found, first = distinct(axis)
    counts = np.bincount(axis.levels[axis.present].astype(np.intp), minlength=len(axis.names))[found.astype(np.intp)]
    return [axis.names[int(level)] for level in found], (counts / counts.sum()).tolist(), first


def _sampled(height: int, values: int, seed: int) -> NDArray[np.intp]:
    """All rows, or as many of them as the model can be asked for at every value."""
    most = min(ROWS, max(MODEL_ROWS // values, 100))
    if height <= most:
        return np.arange(height)
    return np.sort(np.random.default_rng((seed, 3)).choice(height, most, replace=False)).astype(np.intp)


def _mean(model: LoadedModel, axis: Feature, some: NDArray[np.intp], value: Any, *, numerical: bool) -> Floats:
    """The mean answer for some rows with the feature set to a number, or to the value that a row has."""
    total: Floats = np.zeros(())
    for start in range(0, len(some), BATCH):
        part = some[start : start + BATCH]
        asked = _set(axis, part, value) if numerical else axis.moved(part, np.full(len(part), value))
        total = total + model.values(asked).sum(axis=0)
    return total / len(some)


def _set(axis: Feature, part: NDArray[np.intp], value: float) -> Any:
    """These rows with a number in the column: of the column's own type, where that is of fractions."""
    table = nw.maybe_reset_index(axis.rows[part])
    kind = table[axis.name].dtype
    written = nw.lit(value, kind if kind.is_float() else nw.Float64())
    return table.with_columns(written.alias(axis.name)).to_native()


def is_free_text(column: Any) -> bool:
    """Whether a column holds sentences: many words a value, and mostly different values."""
    texts = [value for value in column.tolist() if isinstance(value, str)]
    if not texts or str(column.dtype) == "category":
        return False
    words = sum(len(text.split()) for text in texts) / len(texts)
    return words > WORDS and len(set(texts)) > SHARE * len(texts)


def _notes(axis: Feature, asked: int) -> Any:
    missing = axis.height - int(axis.present.sum())
    if missing:
        yield f"{missing:,} of {axis.height:,} rows have no value of {axis.name}; data_distribution is of the others."
    if asked < axis.height:
        yield f"The curve of {axis.name} is the mean over a random {asked:,} of {axis.height:,} rows."
