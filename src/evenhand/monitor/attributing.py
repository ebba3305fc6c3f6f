"""Attributing: what drives a model's predictions in a window, against the same reference rows as in the baseline."""

import shutil
from pathlib import Path

from evenhand.core.explanation import Explanation
from evenhand.core.frame import Frame
from evenhand.core.monitor import Monitor
from evenhand.core.reasons import Reasons
from evenhand.counting import describing
from evenhand.explaining import Request, explained_reasons
from evenhand.models import load_model
from evenhand.monitor.baseline import Baseline

_ROWS = "baseline.csv"


def attributed(monitor: Monitor, frame: Frame, baseline: Baseline | None) -> tuple[Explanation, Reasons]:
    """Explain a sample of a window's rows; raises EvenhandError where the model does not answer.

    Absent inputs are those that the baseline's explanation took, so that the two can be compared.
    """
    against = None if baseline is None else baseline.explanation_folder / _ROWS
    return _explained(monitor, frame, against if against is not None and against.exists() else None, None)


def explain_baseline(monitor: Monitor, frame: Frame, baseline: Baseline) -> None:
    """Explain a sample of the baseline's rows, and keep that beside it; done once."""
    if baseline.explanation_folder.is_dir():
        return
    making = baseline.explanation_folder.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    _explained(monitor, frame, None, making)
    making.rename(baseline.explanation_folder)


def _explained(monitor: Monitor, frame: Frame, against: Path | None, out: Path | None) -> tuple[Explanation, Reasons]:
    audit = monitor.audit
    model = load_model(monitor.model)
    own = (monitor.id, monitor.time)
    describe = tuple(name for name in describing(audit, frame, ("facet", "stratum")) if name not in own)
    features = model.features or audit.features or describe
    rows = min(monitor.explained_rows, frame.height)
    request = Request(
        baseline=against, features=features, rows=rows, seed=audit.seed, facets=audit.facets, out=out,
    )  # fmt: skip
    return explained_reasons(model, frame, request, curves=0, level=audit.level)
