"""Forests: a job whose model is an ensemble of trees on the scale that is explained, read from the trees themselves."""

import time
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from evenhand.core.attributions import Attributions, efficient
from evenhand.core.explanation import Explanation
from evenhand.explainers.trees import Forest, applies, encoded, explain_forest, parse, work
from evenhand.explaining.finishing import explanation_of
from evenhand.explaining.geometry import Geometry
from evenhand.explaining.job import Finished, Job, Recipe, fingerprints
from evenhand.explaining.ledger import Ledger, Shape
from evenhand.explaining.slices import groups_of

# Rows whose values are found at once; tables over the background are made anew for each.
WINDOW = 16_384
# Beyond this, sampling is the better use of anyone's time.
MOST_SECONDS = 3600.0


class ForestExplainer:
    """The name that results of this file bear; trees are explained by `run_forest`."""

    name = "tree"


def tree_reason(job: Job) -> str | None:
    """None where the trees are to be read, or else why not."""
    method, original = job.request.method, job.model.original
    if method not in ("auto", "tree"):
        return "another explainer was asked for."
    if job.request.interactions:
        return "interactions come from evaluations."
    if job.request.held:
        return "columns are held at each row's own values."
    logit = job.request.link == "logit"
    reason = applies(original, None if logit else "prediction")
    if reason is not None:
        return reason
    forest = parse(original)
    if logit and (method == "auto" or forest is None or forest.scale == "prediction"):
        # A margin's mean over baseline rows is not the log odds of a mean, so it is explained only where it is meant.
        return "the trees do not add up on the scale of log odds."
    if forest is None or forest.columns != len(job.features):
        return "the model and the data differ in their columns."
    if _codes_missing(forest, job):
        return "the data has text columns, which the model encodes in a way of its own."
    seconds = work(forest, job.height, len(job.baseline), _grouped(job))
    if seconds > MOST_SECONDS:
        return f"it would take about {seconds:,.0f} seconds."
    return None


def run_forest(job: Job) -> Explanation:
    """Exact values of every row, window by window."""
    started = time.monotonic()
    forest, chosen = parsed(job)
    job.outputs, window = outputs_named(job, forest), window_of(job)
    shape = Shape(job.height, len(job.players), len(job.outputs), window, tuple(job.request.facets), interactions=False)
    ledger = Ledger(shape, job.request.out, job.settings, job.request.memory // 2, resume=job.request.resume)
    background = numbers_of(forest, job.baseline.rows)
    for start, rows in job.windows(window):
        ledger.write_groups(start, groups_of(rows, job.request.facets))
        ((_, mark),) = fingerprints(job.features_of(rows), window)
        if not ledger.is_done(start // window, mark):
            numbers = numbers_of(forest, job.features_of(rows))
            ledger.write(start // window, explained_by_trees(job, forest, numbers, background, chosen), mark)
        ledger.release()
        job.progress("explaining", min(start + window, job.height), job.height)
    job.explainer = ForestExplainer()  # type: ignore[assignment]
    geometry = Geometry(window, window, window)
    return explanation_of(job, Finished(ledger, geometry, None, 0, time.monotonic() - started))


def parsed(job: Recipe) -> tuple[Forest, list[int]]:
    """The model's trees, and which of their outputs are explained."""
    forest = parse(job.model.original)
    if forest is None:
        raise AssertionError("tree_reason is asked first")
    return forest, outputs_of(forest)


def outputs_named(job: Recipe, forest: Forest) -> tuple[str, ...]:
    """What the outputs that are explained are called."""
    if forest.scale == "prediction":
        return job.model.outputs(len(outputs_of(forest)))
    return tuple(f"margin of {name}" for name in forest.outputs)


def window_of(job: Recipe) -> int:
    """How many rows are read at once."""
    return min(WINDOW, max(job.request.memory // 64 // max(len(job.features), 1), 256))


def explained_by_trees(
    job: Recipe, forest: Forest, rows: NDArray[np.float64], background: NDArray[np.float64], chosen: Sequence[int]
) -> Attributions:
    """The exact values of these rows, read from the trees."""
    values, base, full = explain_forest(
        forest, rows, background, _grouped(job), weights=job.baseline.weights, memory_bytes=job.request.memory // 4
    )
    values, base, full = values[:, :, chosen], np.repeat(base[None, chosen], len(rows), axis=0), full[:, chosen]
    values = efficient(values, base, full, np.abs(values).max(axis=2) > 0)
    none = np.zeros(len(rows), np.int64)
    return Attributions(values, np.zeros_like(values), base, full, none, np.zeros(values.shape[1:]))


def outputs_of(forest: Forest) -> list[int]:
    """Two complementary probabilities are one output, the second."""
    if forest.scale == "prediction" and len(forest.outputs) == 2:
        return [1]
    return list(range(len(forest.outputs)))


def _grouped(job: Recipe) -> list[list[int]]:
    place = {name: at for at, name in enumerate(job.features)}
    return [[place[name] for name in columns] for columns in job.players.values()]


def _codes_missing(forest: Forest, job: Job) -> bool:
    """Whether some column is neither numbers nor categories that the forest knows by name."""
    rows = job.baseline.rows
    if isinstance(rows, np.ndarray):
        return False
    table = nw.from_native(rows, eager_only=True)
    names = forest.categories or (None,) * len(job.features)
    return any(
        known is None and not (table[name].dtype.is_numeric() or table[name].dtype == nw.Boolean)
        for name, known in zip(job.features, names, strict=True)
    )


def numbers_of(forest: Forest, rows: Any) -> NDArray[np.float64]:
    """Rows as the numbers that the trees compare."""
    if isinstance(rows, np.ndarray):
        return np.asarray(rows, np.float64)
    table = nw.from_native(rows, eager_only=True)
    return encoded(forest, [table[name].to_numpy() for name in table.columns])
