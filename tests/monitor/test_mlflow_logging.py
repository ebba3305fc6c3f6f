"""Reports and outcomes reach MLflow: a real tracking store, read back by MLflow's own client."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evenhand as eh
from evenhand.core.outcome import Drift, Outcome
from evenhand.demo import demo
from evenhand.monitor.mlflow_logging import log_outcome, log_report, metric_key
from tests.conftest import absent

# MLflow's own tables use a strategy that SQLAlchemy 2.1 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")

ALLOWED = re.compile(r"[/\w.\- :]*")


@pytest.fixture
def client(tmp_path: Path) -> Any:
    """A client of a tracking store in a folder."""
    try:
        import mlflow
    except ImportError:
        absent("mlflow")
    return mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")


@pytest.fixture
def run_id(client: Any, tmp_path: Path) -> str:
    experiment = client.create_experiment("loans", artifact_location=(tmp_path / "artifacts").as_uri())
    return str(client.create_run(experiment).info.run_id)


@pytest.mark.slow
def test_a_report_is_logged_whole(client: Any, run_id: str, tmp_path: Path) -> None:
    report = demo()
    assert log_report(report, run_id=run_id, tracking_uri=client.tracking_uri) == run_id
    found = client.get_run(run_id)
    finite = [each for each in report.findings if each.value is not None and abs(each.value) != float("inf")]
    points = {key: value for key, value in found.data.metrics.items() if not key.endswith(("/low", "/high"))}
    assert len(points) == len(finite)
    ratio = next(each for each in report.findings if (each.metric, each.group) == ("DI", "sex=Female"))
    assert ratio.interval is not None
    assert found.data.metrics["DI/sex/sex_Female"] == ratio.value
    assert found.data.metrics["DI/sex/sex_Female/low"] == ratio.interval.low
    assert found.data.tags["evenhand.verdict"] == "past"
    assert found.data.tags["evenhand.fingerprint"] == report.provenance.fingerprint
    (kept,) = tmp_path.rglob("report.json")
    assert eh.Report.load(kept) == report
    assert (kept.parent / "report.html").read_text().startswith("<!doctype html>")
    assert found.info.status == "RUNNING", "a run that is not ours is not ended"


def drift(value: float, about: str = "DI of sex=f") -> Drift:
    return Drift(
        kind="bias", about=about, metric="DI", value=value, baseline=0.9, distance=0.1, rows=100, verdict="drift",
        reading="It moved.",
    )  # fmt: skip


@pytest.mark.slow
def test_windows_draw_a_line(client: Any, run_id: str) -> None:
    for day, value in ((20, 0.9), (21, 0.7), (21, 0.7)):
        outcome = Outcome(
            monitor="loans", start=f"2026-11-{day}T00:00:00+00:00", end=f"2026-11-{day + 1}T00:00:00+00:00",
            rows=100, labelled=50, status="drift", drifts=(drift(value), drift(float("inf"), "DI of sex=m")),
        )  # fmt: skip
        log_outcome(outcome, run_id=run_id, tracking_uri=client.tracking_uri)
    line = {
        (point.step, point.timestamp, point.value) for point in client.get_metric_history(run_id, "bias/DI of sex_f")
    }
    assert sorted(value for _, _, value in line) == [0.7, 0.9]
    assert {timestamp for _, timestamp, _ in line} == {1_795_219_200_000, 1_795_305_600_000}
    assert client.get_run(run_id).data.metrics["window/labelled"] == 50
    assert "bias/DI of sex_m" not in client.get_run(run_id).data.metrics


@pytest.mark.slow
def test_a_run_of_our_own_is_ended(client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    experiment = client.create_experiment("own", artifact_location=(tmp_path / "own").as_uri())
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
    made = log_report(demo(), tracking_uri=client.tracking_uri)
    assert client.get_run(made).info.status == "FINISHED"
    assert client.get_run(made).info.experiment_id == experiment


@given(parts=st.lists(st.text(max_size=300), min_size=1, max_size=4))
def test_keys_are_those_that_mlflow_takes(parts: list[str]) -> None:
    key = metric_key(*parts)
    assert ALLOWED.fullmatch(key)
    assert len(key) <= 250
    assert not key.startswith("/")
    assert not {"", ".", ".."} & set(key.split("/"))


@given(
    parts=st.lists(
        st.lists(st.text("ab=/.<é", max_size=3), min_size=1, max_size=2), min_size=2, max_size=2, unique_by=tuple
    )
)
def test_different_names_have_different_keys(parts: list[list[str]]) -> None:
    first, second = ("/".join(each) for each in parts)
    if first.replace("=", "_") != second.replace("=", "_"):
        assert metric_key(*parts[0]) != metric_key(*parts[1])


def test_without_mlflow_the_pip_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(
        eh.MissingExtra, match=r"Logging to MLflow needs the package 'mlflow': pip install 'evenhand\[mlflow\]'"
    ):
        log_report(demo())
