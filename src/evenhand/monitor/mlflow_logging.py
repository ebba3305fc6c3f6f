"""Reports and outcomes in MLflow: numbers as metrics, the page and the JSON as artifacts, the verdict as a tag."""

import math
import re
import time
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from evenhand.core.errors import MissingExtra
from evenhand.core.finding import Finding
from evenhand.core.outcome import Drift, Outcome
from evenhand.core.report import Report
from evenhand.core.window import moment
from evenhand.renderers import render

# What MLflow allows in the key of a metric, and how many metrics in a call.
_UNSAFE = re.compile(r"[^A-Za-z0-9_.\- ]+")
MOST_KEY = 240
MOST_METRICS = 1_000

Named = dict[str, float]


def log_report(
    report: Report, *, run_id: str | None = None, folder: str = "evenhand", tracking_uri: str | None = None
) -> str:
    """Log a report to a run of MLflow and return the run's id.

    Every finding with a finite value becomes the metric `METRIC/facet/group`, with `/low` and `/high` for its interval;
    the page and report.json become artifacts in `folder`; the verdict, the fingerprint of the counts and the title
    become tags. Without `run_id` it is the active run, or a new one that is ended again. Raises MissingExtra.
    """
    with _Run(run_id, tracking_uri) as run:
        run.metrics(_of_findings(report.findings), 0, None)
        run.tags(
            {
                "evenhand.verdict": report.verdict, "evenhand.title": report.title[:500],
                "evenhand.fingerprint": report.provenance.fingerprint, "evenhand.rows": str(report.provenance.rows),
            }
        )  # fmt: skip
        run.pages(report, folder)
        return run.id


def log_outcome(
    outcome: Outcome, *, run_id: str | None = None, folder: str = "evenhand", tracking_uri: str | None = None
) -> str:
    """Log what a monitor found in a window to a run of MLflow and return the run's id.

    Every drift's value and distance become the metrics `kind/about` and `kind/about/distance`, with the end of the
    window as time and its hour as step, so that logging windows one after the other draws a line; logged again, a
    window has the same points. The report, where there is one, goes to `folder`/start of the window. Raises
    MissingExtra.
    """
    end = moment(outcome.end).timestamp()
    with _Run(run_id, tracking_uri) as run:
        counts = {"window/rows": float(outcome.rows), "window/labelled": float(outcome.labelled)}
        counts["window/drifted"] = float(len(outcome.drifted))
        run.metrics({**counts, **_of_drifts(outcome.drifts)}, int(end // 3600), int(end * 1000))
        run.tags({"evenhand.monitor": outcome.monitor, "evenhand.status": outcome.status})
        if outcome.report is not None:
            run.pages(outcome.report, f"{folder}/{_safe(outcome.start)}")
        return run.id


class _Run:
    """The run that is logged to, by MLflow's client, which leaves the process's active run and address alone."""

    def __init__(self, run_id: str | None, tracking_uri: str | None) -> None:
        self._mlflow = _mlflow()
        self._client = self._mlflow.MlflowClient(tracking_uri=tracking_uri)
        active = self._mlflow.active_run() if tracking_uri is None else None
        self._mine = run_id is None and active is None
        self.id: str = run_id or (active.info.run_id if active is not None else self._made())

    def _made(self) -> str:
        name = self._mlflow.environment_variables.MLFLOW_EXPERIMENT_ID.get() or self._default()
        return str(self._client.create_run(name, run_name="evenhand").info.run_id)

    def _default(self) -> str:
        name = self._mlflow.environment_variables.MLFLOW_EXPERIMENT_NAME.get() or "Default"
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found is not None else self._client.create_experiment(name))

    def metrics(self, named: Named, step: int, milliseconds: int | None) -> None:
        """Log numbers, in as few calls as MLflow allows."""
        from mlflow.entities import Metric

        when = round(time.time() * 1000) if milliseconds is None else milliseconds
        found = [Metric(key, value, when, step) for key, value in named.items()]
        for start in range(0, len(found), MOST_METRICS):
            self._client.log_batch(self.id, metrics=found[start : start + MOST_METRICS])

    def tags(self, named: dict[str, str]) -> None:
        """Log texts."""
        for key, value in named.items():
            self._client.set_tag(self.id, key, value)

    def pages(self, report: Report, folder: str) -> None:
        """Log the page and the JSON."""
        self._client.log_text(self.id, render(report, "html"), f"{folder}/report.html")
        self._client.log_text(self.id, report.to_json(), f"{folder}/report.json")

    def __enter__(self) -> "_Run":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._mine:
            self._client.set_terminated(self.id, "FINISHED" if kind is None else "FAILED")


def _mlflow() -> Any:
    try:
        import mlflow
        import mlflow.environment_variables
    except ImportError as error:
        raise MissingExtra("Logging to MLflow", "mlflow", "mlflow") from error
    return mlflow


def _of_findings(findings: Iterable[Finding]) -> Named:
    named: Named = {}
    for finding in findings:
        parts = [finding.metric, finding.facet, finding.group, *([finding.label_class] if finding.label_class else [])]
        parts += [f"vs {finding.against}"] if finding.against not in ("", "the rest", "rest") else []
        key = metric_key(*parts)
        _put(named, key, finding.value)
        if finding.interval is not None:
            _put(named, f"{key}/low", finding.interval.low)
            _put(named, f"{key}/high", finding.interval.high)
    return named


def _of_drifts(drifts: Iterable[Drift]) -> Named:
    named: Named = {}
    for drift in drifts:
        key = metric_key(drift.kind, drift.about)
        _put(named, key, drift.value)
        _put(named, f"{key}/distance", drift.distance)
        _put(named, f"{key}/baseline", drift.baseline)
    return named


def _put(named: Named, key: str, value: float | None) -> None:
    if value is not None and math.isfinite(value):
        named[key] = value


def metric_key(*parts: str) -> str:
    """A key that MLflow takes; names that had to be changed or cut keep a hash, so that no two become one."""
    plain = "/".join(_safe(part) for part in parts)
    if plain == "/".join(part.replace("=", "_") for part in parts) and len(plain) <= MOST_KEY:
        return plain
    return f"{plain[: MOST_KEY - 9]}_{sha256('/'.join(parts).encode(errors='replace')).hexdigest()[:8]}"


def _safe(text: str) -> str:
    """Letters, digits, underscores, dashes, points and blanks; never a step up in a path."""
    return _UNSAFE.sub("_", text).strip(" .") or "_"
