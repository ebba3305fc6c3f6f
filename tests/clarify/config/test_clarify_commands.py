"""The commands `evenhand clarify validate` and `schema`, with the dry run on a real table and a real model."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.config.published_schema import published_schema
from evenhand.clarify.config.reading import read_config
from evenhand.clarify.container import COMPLETED, STOPPED, layout
from evenhand.clarify.dry_run import dry_run
from evenhand.cli import app
from evenhand.core.errors import DataError, EvenhandError, ModelError, SpecError
from tests.clarify.config.documents import SAMPLES, changed

RUNNER = CliRunner()
MODEL = """
import time

def older(rows):
    return [0.9 if row[0] > 40 else 0.1 for row in rows.itertuples(index=False)]

def slow(rows):
    time.sleep(60)
"""


def said(*arguments: str) -> str:
    done = RUNNER.invoke(app, ["clarify", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a config, a table and a module with models."""
    document = {**SAMPLES["csv_bias_by_names"], "group_variable": "Amount"}
    del document["predictor"]
    (tmp_path / "analysis_config.json").write_text(json.dumps(document))
    (tmp_path / "data").mkdir()
    lines = [f"{20 + row % 50},{row % 2},{row},{row % 3 % 2}" for row in range(500)]
    (tmp_path / "data" / "credit.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / f"models_{tmp_path.name}.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_schema_is_printed() -> None:
    assert json.loads(said("schema")) == published_schema()


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_samples_are_valid(name: str) -> None:
    place = Path(__file__).parent / "samples" / f"{name}.json"
    count = ", with 1 warning" if name == "empty_methods" else ""
    assert said("validate", str(place), "--strict").splitlines()[-1] == f"{place} is valid{count}."


def test_warnings_are_printed_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(changed("csv_bias_by_names", "probability_threshold", 1) | {"version": "9"}))
    lines = said("validate", str(path)).splitlines()
    assert [line.split(":")[1].strip() for line in lines[:2]] == ["probability_threshold", "version"]
    assert lines[2:] == [f"{path} is valid, with 2 warnings."]
    with pytest.raises(SpecError, match=r"probability_threshold: it must be a number with a decimal point, and is 1\."):
        said("validate", str(path), "--strict")


def test_a_dry_run_reads_rows_and_asks_the_model_once_within_five_seconds(folder: Path) -> None:
    begun = time.perf_counter()
    shown = said(
        "validate", "analysis_config.json", "--data", "data", "--dry-run", "--model",
        f"python:models_{folder.name}:older",
    )  # fmt: skip
    assert time.perf_counter() - begun < 5
    assert "Read 20 rows; the model is sent 3 of 4 columns." in shown
    assert "The model answered: " in shown


def test_a_dry_run_without_a_model_where_none_is_needed() -> None:
    config, _ = read_config(changed("csv_bias_by_names", "methods", {"pre_training_bias": {"methods": "all"}}))
    with pytest.raises(EvenhandError):
        dry_run(config, "no/such/folder")


def test_a_dry_run_does_not_wait_for_a_silent_model(folder: Path) -> None:
    def slow(rows: Any) -> list[float]:
        time.sleep(60)
        return [0.0] * len(rows)

    config, _ = read_config(folder, has_model=True)
    begun = time.perf_counter()
    with pytest.raises(ModelError, match=r"The model does not answer within \d\.\d seconds\."):
        dry_run(config, str(folder / "data"), model=slow, seconds=1.5)
    assert time.perf_counter() - begun < 5


def test_a_dry_run_looks_for_images(tmp_path: Path) -> None:
    config = AnalysisConfig.model_validate(SAMPLES["image_detection"])
    with pytest.raises(DataError, match="There is nothing at"):
        dry_run(config, str(tmp_path))
    (tmp_path / "a.jpg").write_bytes(b"")
    assert dry_run(config, str(tmp_path)).notes == (f"{tmp_path} is there; the model was not asked.",)


@pytest.mark.usefixtures("folder")
def test_models_are_named_in_full() -> None:
    arguments = ("validate", "analysis_config.json", "--data", "data", "--dry-run", "--model")
    with pytest.raises(SpecError, match="must be python:module:function"):
        said(*arguments, "python:models")
    with pytest.raises(ModelError, match="Cannot load the model 'python:no_such_module:f': No module named"):
        said(*arguments, "python:no_such_module:f")


def test_a_config_needs_an_output() -> None:
    with pytest.raises(SpecError, match="--config needs --output"):
        said("run", "--config", "analysis_config.json")


def job(root: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from evenhand.cli import main; main()", "clarify", "run"]
    environment = {**os.environ, "EVENHAND_CLARIFY_ROOT": str(root)}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )  # fmt: skip


def test_a_failed_job_leaves_its_reason_as_its_message(tmp_path: Path) -> None:
    place = tmp_path / "processing" / "input" / "config"
    place.mkdir(parents=True)
    (place / "analysis_config.json").write_text('{"dataset_type": "text/csv", "method": {}}')
    process = job(tmp_path)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 1
    reason = "Analysis configuration schema validation error. method: unknown key 'method'. Did you mean 'methods'?"
    assert complaint == f"evenhand: {reason}\n"
    assert (tmp_path / "output" / "message").read_text() == reason


def test_a_job_writes_its_output_and_says_that_it_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place, text in {
        "config/analysis_config.json": json.dumps(
            changed("csv_pre_training_bias", "methods", {"pre_training_bias": {"methods": "all"}})
        ),
        "data/credit.csv": "".join(f"{20 + row % 50},{row % 2},{row},{row % 3 % 2}\n" for row in range(100)),
    }.items():
        path = tmp_path / "processing" / "input" / place
        path.parent.mkdir(parents=True)
        path.write_text(text)
    earlier = tmp_path / "processing" / "output" / "earlier.txt"
    earlier.parent.mkdir()
    earlier.write_text("")
    os.utime(earlier, (0, 0))
    monkeypatch.setenv("EVENHAND_CLARIFY_ROOT", str(tmp_path))
    lines = said("run").splitlines()
    assert "disadvantaged group" in lines[0]
    assert f"Wrote {tmp_path / 'processing' / 'output' / 'analysis.json'}" in lines
    assert f"Wrote {earlier}" not in lines
    assert lines[-1] == COMPLETED == (tmp_path / "output" / "message").read_text()


def test_a_stopped_job_says_so_and_exits_with_one(tmp_path: Path) -> None:
    place = tmp_path / "processing" / "input" / "config"
    place.mkdir(parents=True)
    os.mkfifo(place / "waiting.json")  # reading it waits until somebody writes
    process = job(tmp_path)
    # It is read once the handler stands; until then the signal would end the process at once.
    writer = None
    try:
        for _ in range(600):
            try:
                writer = os.open(place / "waiting.json", os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError:
                time.sleep(0.05)
        assert writer is not None, "nobody read the config"
        process.send_signal(signal.SIGTERM)
        _, complaint = process.communicate(timeout=60)
    finally:
        process.kill()
        if writer is not None:
            os.close(writer)
    assert process.returncode == 1
    assert complaint == f"{STOPPED}\n" == "Signal 15 received, cleaning up\n"


def test_the_layout_is_that_of_a_processing_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EVENHAND_CLARIFY_ROOT", raising=False)
    assert layout().data == Path("/opt/ml/processing/input/data")
    assert layout().output == Path("/opt/ml/processing/output")
    assert layout().message == Path("/opt/ml/output/message")
    monkeypatch.setenv("EVENHAND_CLARIFY_ROOT", str(tmp_path))
    assert layout().root == tmp_path
    with pytest.raises(SpecError, match=r"There is no analysis_config\.json in"):
        layout().config()
    assert COMPLETED == "Completed: SageMaker XAI Analyzer ran successfully"
