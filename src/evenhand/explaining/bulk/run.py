"""Run: a job whose rows many workers explain, each a part of them; sums and a sample come back."""

import json
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evenhand.core.arrays import fill
from evenhand.core.attributions import Explainer
from evenhand.core.errors import DataError, EvenhandError, SpecError
from evenhand.core.explanation import VALUES, Explanation, stored_of
from evenhand.core.moments import EVERYBODY
from evenhand.core.spread import Spread
from evenhand.core.travel import packed
from evenhand.explaining.bulk.layout import Layout, Lines
from evenhand.explaining.bulk.parts import ByEvaluations, ByTrees, Explaining, Shipped, Way
from evenhand.explaining.bulk.sums import Picking, Summing, Sums, picked, summed
from evenhand.explaining.finishing import Totals, features_at, kept_priors, making_of, shown_of
from evenhand.explaining.forests import ForestExplainer, outputs_named, parsed, window_of
from evenhand.explaining.geometry import Geometry
from evenhand.explaining.importances import scale_of
from evenhand.explaining.job import Job, priors_of, settled
from evenhand.explaining.ledger import JOB, check_explanation, unfinished
from evenhand.explaining.windows import spread_of
from evenhand.models.shipping import pack

# Up to so many rows are explained in this process, and so many are kept of more.
FEW = 20_000


class _Plan(NamedTuple):
    """How all rows are explained: settled in this process, by the first of them."""

    way: Way
    geometry: Geometry
    explainer: Explainer


def in_bulk(job: Job) -> Spread | None:
    """The frame whose workers explain the job's rows; None where this process does."""
    return spread_of(job.table) if job.height > FEW else None


def run_spread(job: Job, frame: Spread, *, by_trees: bool) -> Explanation:
    """Explain every row where it is; raises SpecError for what cannot be done there."""
    _check(job)
    started = time.monotonic()
    plan = _by_trees(job) if by_trees else _by_evaluations(job)
    layout = Layout(tuple(job.players), job.outputs, tuple(job.request.facets))
    shipped = Shipped.of(job, pack(job.model), plan.explainer)
    work = Explaining(shipped, plan.way, plan.geometry, job.places, job.height, layout)
    with _workplace(job) as folder:
        job.progress("explaining", 0, job.height)
        # Designs come whole, so that nothing depends on where the engine cuts; rows that were chosen are numbered anew.
        together = plan.geometry.design if job.places is None else 1
        values = frame.mapped(work, job.columns, layout.schema(), out=folder / VALUES, together=together)
        job.progress("adding up", 0, 1)
        sample = _sample(job)
        lines = picked(values, Picking(layout, sample if job.places is None else job.places[sample]))
        pooled = priors_of(plan.explainer) is not None
        sums = summed(values, Summing(layout, _scale(lines, len(layout.outputs)), pooled))
        _check_whole(job, sums, lines, len(sample))
        seconds = time.monotonic() - started
        return _kept(job, _explanation(job, plan, lines, sums, seconds), folder)


def _check(job: Job) -> None:
    if job.request.interactions:
        raise SpecError(
            f"interactions are not found for more than {FEW:,} rows of a frame that many workers go through; ask for"
            f" fewer, such as rows={FEW}, or leave interactions out."
        )
    if not isinstance(job.request.method, str):
        try:
            packed(job.explainer)
        except Exception as error:
            raise SpecError(
                f"The explainer {job.explainer.name} cannot be sent to workers: {error}; make it of parts that pickle,"
                f" or ask for at most {FEW:,} rows."
            ) from error


def _by_trees(job: Job) -> _Plan:
    forest, _ = parsed(job)
    job.outputs = outputs_named(job, forest)
    window = window_of(job)
    job.explainer = ForestExplainer()  # type: ignore[assignment]
    return _Plan(ByTrees(), Geometry(window, window, window), job.explainer)


def _by_evaluations(job: Job) -> _Plan:
    geometry, explainer, _ = settled(job, {})
    return _Plan(ByEvaluations(geometry), geometry, explainer)


def _sample(job: Job) -> NDArray[np.int64]:
    """The numbers of the rows that are kept."""
    return np.sort(np.random.default_rng((job.request.seed, 4)).choice(job.height, FEW, replace=False))


def _check_whole(job: Job, sums: Sums, lines: Lines, kept: int) -> None:
    """Each row counts once; engines that read a table twice must read the same rows."""
    counts = sums.moments[EVERYBODY].counts
    if (counts != job.height).any() or len(lines.rows) != kept * len(counts):
        raise DataError(
            f"{counts.min():,.0f} of {job.height:,} rows of {job.table.location} came back explained; the table must"
            " not change while it is read, and each row must have one place."
        )


def _explanation(job: Job, plan: _Plan, lines: Lines, sums: Sums, seconds: float) -> Explanation:
    everybody = sums.moments[EVERYBODY]
    priors = priors_of(plan.explainer)
    layout = Layout(tuple(job.players), job.outputs, tuple(job.request.facets))
    order = np.lexsort((lines.output, lines.rows))
    first = order[:: len(job.outputs)]
    shape = (len(first), len(job.outputs), len(job.players))
    rows = lines.rows[first]
    shown = shown_of(len(rows), job.request.seed)
    asked = sums.evaluations * len(job.baseline) + (0 if isinstance(plan.way, ByTrees) else job.height)
    totals = Totals("", sums.evaluations, asked, sums.gap, priors is not None, seconds)
    return Explanation(
        players=layout.players,
        outputs=layout.outputs,
        rows=rows,
        attributions=np.ascontiguousarray(lines.values[order].reshape(shape).transpose(0, 2, 1)),
        errors=np.ascontiguousarray(lines.errors[order].reshape(shape).transpose(0, 2, 1)),
        base=lines.base[order].reshape(shape[:2]),
        predictions=lines.predictions[order].reshape(shape[:2]),
        evaluations=lines.evaluations[first],
        importance=np.maximum(everybody.size, 0.0),
        importance_errors=np.sqrt(sums.shared) / job.height,
        making=making_of(job, totals),
        members={name: tuple(columns) for name, columns in job.players.items()},
        groups={facet: labels[first] for facet, labels in lines.groups.items()},
        shown=shown,
        features=features_at(job, rows[shown]),
        priors=kept_priors(priors),
        moments=sums.moments,
    )


def _scale(lines: Lines, outputs: int) -> NDArray[np.float64]:
    """How large predictions are, output by output."""
    chosen = [lines.output == output for output in range(outputs)]
    return np.array([scale_of(lines.predictions[here], lines.base[here]) for here in chosen])


@contextmanager
def _workplace(job: Job) -> Iterator[Path]:
    """A folder to write to, which is gone again where anything fails."""
    out = job.request.out
    folder = Path(tempfile.mkdtemp(prefix="evenhand-")) if out is None else _begun(unfinished(out))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _begun(folder: Path) -> Path:
    """The folder of an unfinished result, empty but for the file that says whose it is."""
    try:
        if folder.exists():
            if json.loads((folder / JOB).read_text()) != {"spread": True}:
                raise SpecError(
                    f"{str(folder)!r} holds an unfinished explanation that workers cannot go on with; remove it, or"
                    " choose another folder."
                )
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        (folder / JOB).write_text(json.dumps({"spread": True}))
    except OSError as error:
        raise EvenhandError(f"Cannot write {str(folder)!r}: {error.strerror}.") from None
    return folder


def _kept(job: Job, found: Explanation, folder: Path) -> Explanation:
    """The result in its folder; without one, the values live in a temporary folder as long as the result."""
    out = job.request.out
    whole = replace(found, values=str(folder / VALUES))
    if out is None:
        weakref.finalize(whole, shutil.rmtree, folder, ignore_errors=True)
        return whole
    (folder / JOB).unlink()
    fill(folder, stored_of(whole))
    if out.exists():
        check_explanation(out)
        shutil.rmtree(out)
    folder.rename(out)
    return Explanation.load(out)
