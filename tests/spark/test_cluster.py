"""Audits, predictions and explanations on a real cluster of two workers, one of which is lost midway."""

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import evenhand as eh
from tests.spark import cluster_jobs
from tests.spark.cluster import Cluster, Driver, spark_cluster

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("spark")]

# More than one process explains by itself, and more than one batch that the driver asks the model for.
ROWS, EXPLAINED, FILES = 60_000, 21_000, 6
PATIENCE = 250.0


@dataclass
class Asked:
    """A job that the driver was given."""

    driver: Driver
    file: Path
    out: Path

    @property
    def answered(self) -> bool:
        return self.file.exists()

    def answer(self) -> dict[str, Any]:
        _until(lambda: self.answered, self.driver)
        answer: dict[str, Any] = json.loads(self.file.read_text())
        return answer

    def done(self) -> Path:
        answer = self.answer()
        assert "error" not in answer, answer
        return self.out


@dataclass
class Cloud:
    """The cluster, a driver that waits for jobs, and the tables that they are about."""

    cluster: Cluster
    driver: Driver
    folder: Path

    @property
    def table(self) -> Path:
        return self.folder / "people"

    @property
    def few(self) -> Path:
        return self.folder / "few people"

    def ask(self, name: str, table: Path, *, partition: str = "1m", **more: Any) -> Asked:
        number = len(list(self.folder.glob("*.answer")))
        asked = Asked(self.driver, self.folder / f"{number}.answer", self.folder / f"{number}.out")
        job = {"name": name, "table": str(table), "partition": partition, "more": more}
        self.driver.tell(json.dumps({**job, "out": str(asked.out), "answer": str(asked.file)}))
        return asked


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    with spark_cluster(folder / "cluster") as cluster:
        driver = cluster.drive("tests.spark.cluster_jobs", [cluster.url])
        found = Cloud(cluster, driver, folder)
        cluster_jobs.write_table(found.table, ROWS, FILES)
        cluster_jobs.write_table(found.few, EXPLAINED, FILES)
        yield found


@pytest.fixture(scope="module")
def predicted(cloud: Cloud) -> eh.Report:
    return cluster_jobs.predict(str(cloud.table), None, None)


@pytest.fixture(scope="module")
def explained(cloud: Cloud) -> eh.Explanation:
    return cluster_jobs.explain(str(cloud.few), None, None)


def test_an_audit_is_that_of_one_machine(cloud: Cloud) -> None:
    asked = cloud.ask("audit", cloud.table)
    alone = cluster_jobs.audit(str(cloud.table), None, None)
    _same_reports(eh.Report.from_json(asked.done().read_bytes()), alone)
    assert len(alone.findings) > 100
    assert alone.provenance.rows == ROWS


def test_predictions_are_those_of_one_machine(cloud: Cloud, predicted: eh.Report) -> None:
    asked = cloud.ask("predict", cloud.table)
    _same_reports(eh.Report.from_json(asked.done().read_bytes()), predicted)


@pytest.mark.parametrize("partition", ["128k", "64m"])
def test_an_explanation_is_that_of_one_machine(cloud: Cloud, explained: eh.Explanation, partition: str) -> None:
    asked = cloud.ask("explain", cloud.few, partition=partition)
    _same_explanations(eh.Explanation.load(asked.done()), explained)


def test_a_worker_lost_while_predicting_changes_nothing(cloud: Cloud, predicted: eh.Report) -> None:
    marks = _folder(cloud, "marks of predicting")
    asked = cloud.ask("predict", cloud.table, marks=str(marks), seconds=2e-4)
    _lose_a_worker(cloud, asked, marks)
    _same_reports(eh.Report.from_json(asked.done().read_bytes()), predicted)


def test_a_worker_lost_while_explaining_changes_nothing(cloud: Cloud, explained: eh.Explanation) -> None:
    marks = _folder(cloud, "marks of explaining")
    asked = cloud.ask("explain", cloud.few, partition="128k", marks=str(marks), seconds=1e-7)
    _lose_a_worker(cloud, asked, marks)
    _same_explanations(eh.Explanation.load(asked.done()), explained)


def test_a_model_that_raises_is_told_in_one_line(cloud: Cloud) -> None:
    answer = cloud.ask("refuse", cloud.table).answer()
    assert answer["error"] == "ModelError"
    assert "nobody is that old" in answer["line"]
    assert "\n" not in answer["line"]


def _lose_a_worker(cloud: Cloud, asked: Asked, marks: Path) -> None:
    """End one worker when both have begun to ask the model, and see that the other goes on; then make up for it."""
    kept, lost = cloud.cluster.alive
    _until(lambda: all(_begun(marks) & set(cloud.cluster.executors(worker)) for worker in (kept, lost)), cloud.driver)
    assert not asked.answered
    killed = cloud.cluster.kill_worker(lost)
    moment = time.time_ns()
    assert not asked.answered
    assert _begun(marks) & set(killed)
    asked.answer()
    assert _begun(marks, moment) & set(cloud.cluster.executors(kept))
    assert not _begun(marks, moment) & set(killed)
    assert "Lost executor" in cloud.driver.said
    cloud.cluster.add_worker()


def _begun(marks: Path, since: int = 0) -> set[int]:
    """The processes that have begun a call of the model since then."""
    found = (mark.name.split() for mark in marks.iterdir())
    return {int(process) for process, moment, what in found if what == "begun" and int(moment) >= since}


def _folder(cloud: Cloud, name: str) -> Path:
    made = cloud.folder / name
    made.mkdir()
    return made


def _until(true: Callable[[], bool], driver: Driver) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert driver.running, driver.said
        assert time.monotonic() < end, driver.said
        time.sleep(0.02)


def _same_reports(found: eh.Report, wanted: eh.Report) -> None:
    assert found.provenance.fingerprint == wanted.provenance.fingerprint
    assert found.provenance.rows == wanted.provenance.rows
    for part in ("verdict", "summary", "findings", "profiles", "metrics", "missing"):
        _same(getattr(found, part), getattr(wanted, part), part)


def _same(found: Any, wanted: Any, at: str) -> None:
    """Whole numbers and texts to the last bit, floats to 1e-9."""
    if hasattr(wanted, "model_dump"):
        found, wanted = found.model_dump(), wanted.model_dump()
    if isinstance(wanted, dict):
        assert list(found) == list(wanted), at
        for name in wanted:
            _same(found[name], wanted[name], f"{at} {name}")
    elif isinstance(wanted, (list, tuple)):
        assert len(found) == len(wanted), at
        for place, (one, other) in enumerate(zip(found, wanted, strict=True)):
            _same(one, other, f"{at} {place}")
    elif isinstance(wanted, float):
        assert math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9), f"{at}: {found} is not {wanted}"
    else:
        assert found == wanted, at


def _same_explanations(found: eh.Explanation, wanted: eh.Explanation) -> None:
    """The sample that came back, the sums over all rows, and the files with every row, each once."""
    assert found.players == wanted.players
    for part in ("importance", "importance_errors"):
        _close(getattr(found, part), getattr(wanted, part), part)
    for part in ("attributions", "errors", "base", "predictions"):
        _close(getattr(found, part), getattr(wanted, part)[found.rows], part)
    assert list(found.groups["sex"]) == list(wanted.groups["sex"][found.rows])
    assert found.values is not None
    table = pq.read_table(found.values).sort_by("row")
    assert table["row"].to_pylist() == list(range(EXPLAINED))
    assert table["evaluations"].to_pylist() == wanted.evaluations.tolist()
    _close(table["prediction"].to_numpy(), wanted.predictions[:, 0], "written predictions")
    for place, player in enumerate(wanted.players):
        _close(table[player].to_numpy(), wanted.attributions[:, place, 0], player)


def _close(found: Any, wanted: Any, name: str) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9, err_msg=name)
