"""The gate: every combination of its three switches, baselines, and the command."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from evenhand.clarify.drift import check_step as module
from evenhand.clarify.drift.check_step import Gate, check_step
from evenhand.clarify.drift.cloudwatch import LARGEST, cloudwatch_metrics
from evenhand.cli.clarify_check import check
from evenhand.cli.terminal import FindingsFound
from evenhand.core.errors import DataError, SpecError, UnreadableSource
from tests.clarify.drift.documents import document

SWITCHES = list(product([False, True], repeat=3))
ARTICLE = typer.Typer()
ARTICLE.command()(check)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A prior baseline, a current analysis that drifted from it, and one that did not."""
    for name, value in (("prior", 0.1), ("drifted", 0.4), ("fine", 0.05)):
        write(tmp_path / name / "analysis.json", document({"DPPL": value}))
    return tmp_path


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(("skip", "fail", "register"), SWITCHES)
@pytest.mark.parametrize("current", ["drifted", "fine"])
def test_the_table(folder: Path, current: str, skip: bool, fail: bool, register: bool) -> None:
    output = folder / "out"
    write(output / "constraint_violations.json", "of an earlier run")
    outcome = check_step(
        folder / current, output, gate=Gate(skip, fail, register), supplied_baseline_constraints=folder / "prior"
    )
    found = current == "drifted" and not skip
    assert outcome.status == ("Failed" if found and fail else "Succeeded")
    assert bool(outcome.violations) == found
    assert (output / "constraint_violations.json").exists() == (not skip)
    if not skip:
        assert len(json.loads((output / "constraint_violations.json").read_text())["violations"]) == int(found)
    new, prior = (str(folder / name / "analysis.json") for name in (current, "prior"))
    assert outcome.properties == {
        "CalculatedBaselineConstraints": new,
        "BaselineUsedForDriftCheckConstraints": new if register else prior,
    }


@pytest.mark.parametrize(("skip", "fail", "register"), SWITCHES)
def test_only_a_first_run_needs_no_baseline(folder: Path, skip: bool, fail: bool, register: bool) -> None:
    registry = folder / "registry" / "model.json"
    asked: dict[str, Any] = {"gate": Gate(skip, fail, register), "registered_baseline": registry}
    if skip and register:
        outcome = check_step(folder / "fine", folder / "out", **asked)
        assert outcome.baseline_used_for_drift_check_constraints == str(registry)
        assert json.loads(registry.read_text()) == document({"DPPL": 0.05})
    else:
        with pytest.raises(SpecError, match="no baseline"):
            check_step(folder / "fine", folder / "out", **asked)
        assert not registry.exists()


def test_a_failed_step_registers_nothing(folder: Path) -> None:
    registry = folder / "prior" / "analysis.json"
    for fail, expected in ((True, 0.1), (False, 0.4)):
        check_step(folder / "drifted", folder, gate=Gate(False, fail, True), registered_baseline=registry)
        assert json.loads(registry.read_text()) == document({"DPPL": expected})


def test_the_docstring_holds_all_combinations() -> None:
    rows = [line.split("|")[1:4] for line in (module.__doc__ or "").splitlines() if line.startswith(("| no", "| yes"))]
    assert sorted(tuple(cell.strip() == "yes" for cell in row) for row in rows) == SWITCHES


def run(folder: Path, *arguments: str) -> Any:
    return CliRunner().invoke(ARTICLE, ["--output", str(folder / "out"), *arguments])


def test_the_command_says_what_drifted(folder: Path) -> None:
    baseline = ["--baseline", str(folder / "prior")]
    drifted = run(folder, *baseline, "--current", str(folder / "drifted" / "analysis.json"))
    assert isinstance(drifted.exception, FindingsFound)
    assert "DPPL (sex=0)" in drifted.output
    assert run(folder, *baseline, "--current", str(folder / "fine")).exit_code == 0
    tolerated = run(folder, *baseline, "--current", str(folder / "drifted"), "--no-fail-on-violation")
    assert tolerated.exit_code == 0
    assert json.loads((folder / "out" / "constraint_violations.json").read_text())["violations"]
    theirs = run(folder, *baseline, "--current", str(folder / "drifted"), "--rule", "theirs")
    assert "does not meet the constraint requirement" in theirs.output
    registered = run(
        folder, "--current", str(folder / "fine"), "--skip-check", "--register-new-baseline", str(folder / "new.json")
    )
    assert registered.exit_code == 0
    assert json.loads((folder / "new.json").read_text()) == document({"DPPL": 0.05})


@pytest.mark.parametrize(("text", "error"), [("{", DataError), ("[" * 100_000, DataError), (None, UnreadableSource)])
def test_unreadable_documents(folder: Path, text: str | None, error: type[Exception]) -> None:
    if text is not None:
        (folder / "prior" / "analysis.json").write_text(text)
    baseline = folder / "prior" if text is not None else folder / "nowhere"
    with pytest.raises(error):
        check_step(folder / "fine", folder / "out", supplied_baseline_constraints=baseline)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9))
def test_cloudwatch_publishes_what_has_a_value(value: float) -> None:
    found = cloudwatch_metrics(document({"AD": value, "DCR": "Infinity", "CDDPL": "no group"}, {"age": 0.2}))
    assert [(metric["MetricName"], metric["Value"]) for metric in found] == [
        ("bias_metric_AD", value), ("bias_metric_DCR", LARGEST), ("feature_age", 0.2), ("ExpectedValue", 0.5),
    ]  # fmt: skip
    assert {"Name": "BiasStage", "Value": "Post-Training"} in found[0]["Dimensions"]
