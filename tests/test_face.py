"""The public face: its names, that each loads, and that importing it is quick and changes nothing."""

import subprocess
import sys

import pytest

import evenhand

NAMES = [
    "Audit", "AuditFile", "Client", "ColumnNotFound", "Command", "DataError", "DetectionGame", "Endpoint", "EvenhandError", "Explanation", "Facet", "Finding", "Game", "Group", "ImageGame", "LocalBounty", "MissingExtra", "Model", "ModelError", "Monitor", "Opening", "Outcome", "Parts", "Question", "Report", "Request", "SeriesGame", "SpecError", "Tally", "TextGame", "Undefined", "UnreadableSource", "UntrustedModel", "demo_table", "discover", "explain", "explain_game", "heat_picture", "load_model", "measure", "mend", "metric", "read", "render", "render_instance", "run", "tally",
]  # fmt: skip


def test_the_names_are_these() -> None:
    assert evenhand.__all__ == NAMES
    assert dir(evenhand) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_name_loads_and_is_described(name: str) -> None:
    assert getattr(evenhand, name).__doc__


def test_no_other_name_loads() -> None:
    with pytest.raises(AttributeError, match="no attribute 'audits'"):
        evenhand.audits  # noqa: B018


def test_importing_loads_nothing_heavy() -> None:
    code = "import sys, evenhand; print(sorted({'numpy', 'duckdb', 'pydantic', 'sklearn', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['evenhand', '--help']\nfrom evenhand.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({'numpy', 'duckdb', 'pydantic', 'sklearn', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
