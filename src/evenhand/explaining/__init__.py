"""Explaining: from a model and a table to an Explanation."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evenhand.baselines import Baseline, make_baseline
from evenhand.core.attributions import Explainer
from evenhand.core.audit_file import BASELINE_FILES
from evenhand.core.errors import DataError, SpecError
from evenhand.core.explanation import Explanation
from evenhand.core.reasons import Reasons
from evenhand.core.writing import write_whole
from evenhand.explaining.asking import limited
from evenhand.explaining.bulk import in_bulk, run_spread
from evenhand.explaining.curves import curves_of
from evenhand.explaining.finishing import explanation_of
from evenhand.explaining.forests import run_forest, tree_reason
from evenhand.explaining.job import Job, Progress, run_job
from evenhand.explaining.ledger import check_folder
from evenhand.explaining.methods import explainer_of, players_of
from evenhand.explaining.reasons import ranked, reasons_of
from evenhand.explaining.request import Method, Request, memory_of
from evenhand.explaining.slices import columns_of
from evenhand.explaining.windows import ArrayTable, FrameTable, Table, chosen_rows, joined, sample_of
from evenhand.models import load_model
from evenhand.sources import read

# Features whose curves a report shows.
CURVES = 6
# Rows that a baseline is made of.
BASELINE_SAMPLE = 20_000


def explain(
    model: Any,
    frame: Any,
    *,
    baseline: Any = None,
    budget: int | Literal["auto"] = "auto",
    seed: int = 0,
    explainer: Method | Explainer = "auto",
    features: Sequence[str] | None = None,
    players: Mapping[str, Sequence[str]] | None = None,
    facets: Sequence[str] = (),
    rows: int | Sequence[int] | NDArray[Any] | None = None,
    link: Literal["identity", "logit"] = "identity",
    target: float = 0.02,
    interactions: bool = False,
    pooled: bool | Literal["auto"] = "auto",
    classes: Sequence[Any] | None = None,
    trust_pickle: bool = False,
    memory: str | int = "1GB",
    threads: int | None = None,
    out: str | Path | None = None,
    resume: bool = True,
    progress: Progress | None = None,
) -> Explanation:
    """Attribute each prediction of a model to its inputs: Shapley values with standard errors.

    `model` is anything `load_model` takes, `frame` anything `read` takes or an array of rows × columns. `baseline`
    says what absent inputs are: "kmeans:10", "kmeans", "mean", "median", "sample:100", a file, or rows; by default
    cluster centres. `budget` is the number of evaluations a row, or "auto": as many as bring every standard error
    under `target` of the range of the row's attributions. `features` are the columns the model takes; `players` puts
    columns together, such as one-hot columns, under a name. `facets` (as in an audit) are kept with each row, so that
    reasons can be compared between groups. `rows` explains a random sample of that many, or the rows named. `link` is
    "logit" to explain log odds. `explainer` is chosen by itself, or one of auto, exact, regression, permutation,
    owen, tree, proxy, or an object with `explain(game, rows, seed)`.

    With `out`, the result is a folder of arrays (`Explanation.load`), and an interrupted job goes on where it
    stopped. `memory` bounds what the job holds, whatever the number of rows. More than 20,000 rows of a frame that many
    workers go through (`read(..., engine=...)`) are explained where they are: the result then holds a random sample of
    them, sums over all of them, and the folder (`values`) of Parquet files with every row's attributions, which on
    several machines must lie in an `out` that all of them see. Raises EvenhandError with one line that
    says what is wrong; finished parts stay in `out`.
    """
    request = Request(
        baseline=baseline, features=features, rows=rows, classes=classes, trust_pickle=trust_pickle, method=explainer,
        budget=budget, target=target, seed=seed, players=players, facets=facets, link=link, interactions=interactions,
        pooled=pooled, memory=memory_of(memory), threads=threads, out=None if out is None else Path(out), resume=resume,
    )  # fmt: skip
    return explained(model, frame, request, progress)[0]


def explained(model: Any, frame: Any, request: Request, progress: Progress | None = None) -> tuple[Explanation, Job]:
    """What `explain` does, for a request that is made already; the job says how to ask the model more."""
    check_folder(request.out)
    with limited(request.threads):
        job = _job(model, frame, request, progress or _silent)
        return _ran(job), job


def explained_reasons(
    model: Any,
    frame: Any,
    request: Request,
    *,
    curves: int = CURVES,
    level: float = 0.95,
    progress: Progress | None = None,
) -> tuple[Explanation, Reasons]:
    """An explanation, and what a report says of it, with the curves of the most important features."""
    if curves < 0:
        raise SpecError(f"curves={curves} must be a number of features from 0 up.")
    explanation, job = explained(model, frame, request, progress)
    features = [member for player in ranked(explanation) for member in explanation.members[player]][:curves]
    with limited(request.threads):
        drawn = curves_of(job, features)
    return explanation, reasons_of(explanation, level=level, seed=request.seed, curves=drawn)


def _ran(job: Job) -> Explanation:
    reason = tree_reason(job)
    if job.request.method == "tree" and reason is not None:
        raise SpecError(f"explainer=tree does not apply: {reason} Use explainer=regression.")
    frame = in_bulk(job)
    if frame is not None:
        found = run_spread(job, frame, by_trees=reason is None)
    else:
        found = explanation_of(job, run_job(job)) if reason is not None else run_forest(job)
    if job.request.out is not None:
        write_whole(job.request.out / "baseline.csv", _as_csv(job))
    return found


def _job(model: Any, frame: Any, request: Request, progress: Progress) -> Job:
    loaded = load_model(model, trust_pickle=request.trust_pickle, classes=request.classes)
    table = _table(frame, request.features or loaded.features)
    if table.height == 0:
        raise DataError("The data has no rows.")
    chosen = tuple(request.features or loaded.features or table.columns)
    if isinstance(table, ArrayTable) and request.facets:
        raise SpecError("facets need a table with named columns; give a dataframe instead of an array.")
    columns = tuple(dict.fromkeys((*chosen, *columns_of(request.facets, table.columns))))
    players = players_of(request, chosen)
    return Job(
        model=loaded, table=table, features=chosen, columns=columns,
        places=chosen_rows(table.height, request.rows, request.seed),
        baseline=_baseline(request.baseline, table, chosen, request.seed), players=players, request=request,
        explainer=explainer_of(request, players), paced=Job.pacing(loaded), progress=progress,
    )  # fmt: skip


def _baseline(spec: Any, table: Table, features: Sequence[str], seed: int) -> Baseline:
    if isinstance(spec, Baseline):
        return spec
    sample = sample_of(table, features, BASELINE_SAMPLE, seed)
    columns = list(features)
    if isinstance(spec, Path) or (isinstance(spec, str) and spec.lower().endswith(BASELINE_FILES)):
        given = read(str(spec))
        rows = joined(list(given.batches([name for name in features if name in given.kinds], BASELINE_SAMPLE)))
        found = make_baseline(rows, sample, columns=columns, seed=seed)
        return replace(found, description=f"{found.description} from {given.location}")
    return make_baseline(spec, sample, columns=columns, seed=seed)


def _table(frame: Any, names: Sequence[str] | None) -> Table:
    if isinstance(frame, np.ndarray):
        return ArrayTable.of(frame, names if names is not None and len(names) == frame.shape[-1] else None)
    return FrameTable(read(frame))


def _as_csv(job: Job) -> str:
    import csv
    import io

    import narwhals as nw

    rows = job.baseline.rows
    text = io.StringIO()
    writer = csv.writer(text)
    weights = [] if job.baseline.weights is None else [job.baseline.weights.tolist()]
    if isinstance(rows, np.ndarray):
        columns = [rows[:, place].tolist() for place in range(rows.shape[1])]
    else:
        columns = [nw.from_native(rows, eager_only=True)[name].to_list() for name in job.features]
    writer.writerow([*job.features, *(["baseline weight"] if weights else [])])
    writer.writerows(zip(*columns, *weights, strict=True))
    return text.getvalue()


def _silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


__all__ = ["Request", "explain", "explained", "explained_reasons"]
