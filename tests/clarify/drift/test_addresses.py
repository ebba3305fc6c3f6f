"""A gate whose files stand at addresses."""

import json
from pathlib import Path

import fsspec
import pytest

from evenhand.clarify.drift.check_step import Gate, check_step
from evenhand.clarify.sdk.places import write_config
from evenhand.core.errors import UnreadableSource
from tests.clarify.drift.documents import document


def test_a_gate_at_addresses(tmp_path: Path) -> None:
    system = fsspec.filesystem("memory")
    for name, value in (("prior", 0.1), ("current", 0.3)):
        system.pipe(f"/gate/{name}/analysis.json", json.dumps(document({"AD": value})).encode())
    outcome = check_step(
        "memory://gate/current", "memory://gate/out", gate=Gate(False, False, True),
        registered_baseline="memory://gate/prior",
    )  # fmt: skip
    assert outcome.violations_file == "memory://gate/out/constraint_violations.json"
    assert len(json.loads(system.cat("/gate/out/constraint_violations.json"))["violations"]) == 1
    assert json.loads(system.cat("/gate/prior/analysis.json")) == document({"AD": 0.3})
    assert outcome.baseline_used_for_drift_check_constraints == "memory://gate/prior/analysis.json"
    with pytest.raises(UnreadableSource):
        check_step("memory://gate/current", tmp_path, registered_baseline="memory://gate/nowhere")


def test_a_config_at_an_address() -> None:
    location = write_config({"dataset_type": "text/csv"}, "memory://configs/one/")
    assert location == "memory://configs/one/analysis_config.json"
    assert json.loads(fsspec.filesystem("memory").cat("/configs/one/analysis_config.json")) == {
        "dataset_type": "text/csv"
    }
