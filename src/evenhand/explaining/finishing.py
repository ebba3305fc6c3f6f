"""Finishing: the explanation that a finished job leaves — importances, provenance, and rows to show."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from evenhand.core.explanation import Explanation, stored_of
from evenhand.core.making import Making
from evenhand.explainers.priors import Priors
from evenhand.explaining.importances import sizes_without_noise
from evenhand.explaining.job import Finished, Job
from evenhand.explaining.ledger import Ledger
from evenhand.explaining.versions import versions
from evenhand.explaining.windows import windows

Floats = NDArray[np.float64]

# Rows whose values are kept for pictures.
SHOWN = 1000
_SLICE = 65_536
_KEPT = ("attributions", "errors", "base", "predictions", "evaluations")


def explanation_of(job: Job, finished: Finished) -> Explanation:
    """The explanation, written to the job's folder where there is one."""
    ledger = finished.ledger
    importance, errors = importance_of(
        ledger, finished.geometry.design // finished.geometry.chunk, pooled=finished.priors is not None
    )
    shown = shown_of(job.height, job.request.seed)
    kept: dict[str, Any] = {name: ledger.arrays[name] for name in _KEPT}
    whole = Explanation(
        players=tuple(job.players),
        outputs=job.outputs,
        rows=np.arange(job.height) if job.places is None else job.places,
        importance=importance,
        importance_errors=errors,
        making=_making(job, finished),
        members={name: tuple(columns) for name, columns in job.players.items()},
        groups=ledger.groups(),
        shown=shown,
        features=features_at(job, shown if job.places is None else job.places[shown]),
        interactions=ledger.arrays.get("interactions"),
        priors=kept_priors(finished.priors),
        **kept,
    )
    folder = ledger.finish(stored_of(whole))
    return whole if folder is None else Explanation.load(folder)


def importance_of(ledger: Ledger, chunks_a_design: int, *, pooled: bool) -> tuple[Floats, Floats]:
    """The mean |attribution| over all rows, less what noise adds to it, and its standard error; players × outputs.

    Chunks of one design share its noise, so their deviations are added before they are squared.
    """
    values = ledger.arrays["attributions"]
    total = np.zeros(values.shape[1:])
    for start in range(0, len(values), _SLICE):
        part = slice(start, start + _SLICE)
        total += sizes_without_noise(values[part], ledger.arrays["errors"][part], pooled=pooled).sum(axis=0)
        ledger.release()
    deviations = np.sqrt(ledger.arrays["shared"])
    variance = np.zeros(values.shape[1:])
    for start in range(0, len(deviations), chunks_a_design):
        variance += np.square(deviations[start : start + chunks_a_design].sum(axis=0))
    return np.maximum(total / len(values), 0.0), np.sqrt(variance) / len(values)


def largest_gap(ledger: Ledger) -> float:
    """The largest |Σ attributions − (prediction − base)|, relative to the larger of prediction and base in size."""
    worst = 0.0
    for start in range(0, ledger.shape.rows, _SLICE):
        part = slice(start, start + _SLICE)
        base, full = ledger.arrays["base"][part], ledger.arrays["predictions"][part]
        gap = np.abs(ledger.arrays["attributions"][part].sum(axis=1) - (full - base))
        size = np.maximum(np.maximum(np.abs(base), np.abs(full)), np.finfo(float).tiny)
        worst = max(worst, float((gap / size).max()))
        ledger.release()
    return worst


@dataclass(frozen=True)
class Totals:
    """What is known of all rows of a finished job, for the result to say."""

    fingerprint: str
    evaluations: int
    model_rows: int
    gap: float
    pooled: bool
    seconds: float


def _making(job: Job, finished: Finished) -> Making:
    ledger = finished.ledger
    totals = Totals(
        fingerprint=hashlib.sha256(ledger.arrays["done"].tobytes()).hexdigest(),
        evaluations=int(ledger.arrays["evaluations"].sum()),
        model_rows=finished.model_rows,
        gap=largest_gap(ledger),
        pooled=finished.priors is not None,
        seconds=finished.seconds,
    )
    return making_of(job, totals)


def making_of(job: Job, totals: Totals) -> Making:
    """How the explanation of a job was made."""
    request = job.request
    return Making(
        explainer=job.explainer.name,
        model=job.model.name,
        source=job.table.location,
        fingerprint=totals.fingerprint,
        baseline=job.baseline.description,
        baseline_rows=len(job.baseline),
        link=request.link,
        budget=str(request.budget),
        seed=request.seed,
        rows=job.height,
        evaluations=totals.evaluations,
        model_rows=totals.model_rows,
        model_batch=job.paced.size,
        gap=totals.gap,
        pooled=totals.pooled,
        notes=tuple(job.notes),
        versions=versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(totals.seconds, 3),
    )


def kept_priors(found: Priors | None) -> dict[str, Floats]:
    """Priors as the arrays that are kept with a result."""
    if found is None:
        return {}
    return {"single": found.single, "triple": found.triple, "noise": np.array([found.noise])}


def shown_of(height: int, seed: int) -> NDArray[np.int64]:
    """Which of so many rows are shown one by one."""
    if height <= SHOWN:
        return np.arange(height)
    random = np.random.default_rng((seed, 2))
    return np.sort(random.choice(height, SHOWN, replace=False))


def features_at(job: Job, places: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """The values of the rows at these places: numbers as float64 (NaN where missing), everything else as text."""
    parts = [part for _, part in windows(job.table, job.features, places, SHOWN)]
    if isinstance(parts[0], np.ndarray):
        whole = np.concatenate(parts)
        return {name: np.asarray(whole[:, at], np.float64) for at, name in enumerate(job.features)}
    table = nw.concat([nw.from_native(part, eager_only=True) for part in parts])
    return {name: _values(table[name]) for name in job.features}


def _values(series: nw.Series[Any]) -> NDArray[Any]:
    if series.dtype.is_numeric() and not isinstance(series.dtype, nw.Decimal):
        values, missing = series.to_list(), series.is_null().to_list()
        return np.array([np.nan if gone else float(value) for value, gone in zip(values, missing, strict=True)])
    found = np.empty(len(series), object)
    found[:] = [None if value is None or value != value else str(value) for value in series.to_list()]
    return found
