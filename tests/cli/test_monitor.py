"""evenhand monitor as a user runs it: a definition, files of records and labels, windows, and what its exit says."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evenhand.core.monitor import Monitor
from tests.monitor.story import ROWS, labels, predictions

DEFINITION = """
name: loans
audit:
  label: repaid
  positive: ["yes"]
  predicted_label: approved
  score: score
  facets: [sex]
  metrics: [DPPL, RD]
baseline: week.parquet
id: person
columns: [income, age]
"""


def evenhand(folder: Path, *arguments: str, home: str | None = "home") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from evenhand.cli import main; main()", "monitor", *arguments]
    environment = {**os.environ, "COLUMNS": "100", "PYTHONWARNINGS": "error"}
    environment.pop("EVENHAND_HOME", None)
    if home is not None:
        environment["EVENHAND_HOME"] = home
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a definition, a baseline, and records and labels of a good and a bad day."""
    place = tmp_path_factory.mktemp("watch")
    (place / "loans.yaml").write_text(DEFINITION)
    week = {**predictions(0, 6), "repaid": labels(0, 6)["repaid"]}
    pq.write_table(pa.table(week), place / "week.parquet")
    pq.write_table(pa.table(predictions(7)), place / "good.parquet")
    pq.write_table(pa.table(predictions(14, 16)), place / "bad.parquet")
    pq.write_table(pa.table(labels(7)), place / "labels.parquet")
    return place


def test_a_monitor_from_definition_to_drift(folder: Path) -> None:
    added = evenhand(folder, "add", "loans.yaml")
    assert (added.returncode, added.stdout, added.stderr) == (0, "Added loans.\n", "")
    assert "no window was looked at yet" in evenhand(folder, "list").stdout
    captured = evenhand(folder, "capture", "loans", "good.parquet")
    assert captured.stdout == f"Kept {ROWS} records of loans.\n"
    assert f"{ROWS} were there before" in evenhand(folder, "capture", "loans", "good.parquet").stdout

    fine = evenhand(folder, "run", "loans", "--window", "2026-03-09")
    assert (fine.returncode, fine.stderr) == (0, "")
    assert "✓ 2026-03-09 to 2026-03-10: fine; 500 rows, 0% with a label" in fine.stdout
    assert "The label of 100.0% of the rows is not known." in fine.stdout

    assert evenhand(folder, "truth", "loans", "labels.parquet").stdout == f"Kept {ROWS} labels of loans.\n"
    evenhand(folder, "capture", "loans", "bad.parquet")
    for day, code in (("2026-03-16", 2), ("2026-03-17", 2), ("2026-03-18", 2)):
        bad = evenhand(folder, "run", "loans", "--window", day)
        assert bad.stderr == ""
        if bad.returncode == code:
            break
    assert bad.returncode == 2
    assert "bias: " in bad.stdout
    assert "sex=Female" in bad.stdout
    # The labels reached the earlier window.
    assert "✓ 2026-03-09 to 2026-03-10: fine; 500 rows, 100% with a label" in evenhand(folder, "show", "loans").stdout
    assert "✗" in evenhand(folder, "list").stdout


def test_everything_moves_to_another_store(folder: Path) -> None:
    assert evenhand(folder, "add", "loans.yaml", home="first").returncode == 0
    evenhand(folder, "capture", "loans", "good.parquet", home="first")
    evenhand(folder, "run", "loans", "--window", "2026-03-09", home="first")
    shown = evenhand(folder, "show", "loans", home="first").stdout
    exported = evenhand(folder, "export", "moved", home="first")
    assert exported.returncode == 0
    assert exported.stdout.startswith("Exported ")
    again = evenhand(folder, "export", "moved", home="first")
    assert (again.returncode, again.stderr) == (1, "evenhand: 'moved' is not empty; export into a new folder.\n")
    taken = evenhand(folder, "import", "moved", "--store", "sqlite:///other/team.db", home=None)
    assert (taken.returncode, taken.stderr) == (0, "")
    assert evenhand(folder, "show", "loans", "--store", "sqlite:///other/team.db", home=None).stdout == shown
    # Records came along: the window is looked at again, and what was captured is known.
    rerun = evenhand(folder, "run", "loans", "--window", "2026-03-09", "--store", "sqlite:///other/team.db", home=None)
    assert "fine; 500 rows" in rerun.stdout
    twice = evenhand(folder, "import", "moved", "--store", "sqlite:///other/team.db", home=None)
    assert twice.returncode == 1
    assert "There are records of 'loans' here already" in twice.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "nobody"), "nobody"),
        (("run", "errors", "--window", "soon"), "'soon' is no time; write 2026-11-20"),
        (("run", "errors", "--due", "--last", "2"), "Give one of --window, --due and --last."),
        (("run", "errors", "--last", "0"), "--last 0 must be at least 1."),
        (("capture", "errors", "nowhere.parquet"), "nowhere.parquet"),
        (("add", "nowhere.yaml"), "Cannot read 'nowhere.yaml'"),
        (("import", "nowhere"), "'nowhere' is no export: it holds no store.jsonl."),
        (("list", "--store", "oracle://x"), "oracle"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    (folder / "errors.yaml").write_text(DEFINITION.replace("name: loans", "name: errors"))
    evenhand(folder, "add", "errors.yaml", home="errors")
    done = evenhand(folder, *arguments, home="errors")
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.startswith("evenhand: ")
    assert done.stderr.count("\n") == 1


def test_a_schedule_that_is_no_cron_is_refused(folder: Path) -> None:
    (folder / "cron.yaml").write_text(DEFINITION + "schedule: every hour\n")
    done = evenhand(folder, "add", "cron.yaml", home="errors")
    assert done.returncode == 1
    assert "'every hour' is no cron expression" in done.stderr


def test_files_beside_a_definition_are_found_from_anywhere(folder: Path) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    assert evenhand(elsewhere, "add", "../loans.yaml").returncode == 0
    from evenhand.stores import open_store

    kept: Monitor = open_store(f"sqlite:///{elsewhere / 'home' / 'evenhand.db'}").monitor("loans")
    assert kept.baseline == str(folder / "week.parquet")
