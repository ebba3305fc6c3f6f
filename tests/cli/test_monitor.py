"""evenhand monitor as a user runs it: a definition, files of records and labels, windows, and what its exit says."""

import csv
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.cli.beginning import _definition
from evenhand.cli.outcomes import History
from evenhand.core.audit import Audit
from evenhand.core.monitor import Monitor
from evenhand.core.outcome import Drift, Outcome
from evenhand.core.report import Report
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_catch_up_says_each_drift_once_and_where_to_look_next(folder: Path) -> None:
    evenhand(folder, "add", "loans.yaml", home="catching")
    evenhand(folder, "capture", "loans", "bad.parquet", home="catching")
    done = evenhand(folder, "run", "loans", "--window", "2026-03-16", home="catching")
    alone = done.stdout.count("bias: ")
    assert done.returncode == 2
    assert ", new" in done.stdout
    assert "windows:" not in done.stdout
    assert "Next: `evenhand monitor show loans --window 2026-03-16` says all of it" in done.stdout
    assert "at most 5% of monitors would raise any alarm" in done.stdout
    evenhand(folder, "run", "loans", "--window", "2026-03-17", home="catching")
    later = evenhand(folder, "run", "loans", "--window", "2026-03-18", home="catching")
    assert ", since 2026-03-16" in later.stdout
    assert later.stdout.count("bias: ") >= alone
    # All windows in one run: what goes on is counted, not repeated; what is known is not said twice.
    evenhand(folder, "add", "loans.yaml", home="at once")
    evenhand(folder, "capture", "loans", "bad.parquet", home="at once")
    at_once = evenhand(folder, "run", "loans", home="at once")
    assert "that began earlier go" in at_once.stdout
    assert at_once.stdout.count("Compared with the baseline") == 1
    assert at_once.stdout.count("sex=Female against the rest is") < 6
    assert at_once.stdout.count("sex=Male against the rest is") == 0, "the other side of the same gap"


def test_one_window_is_told_in_full_and_has_a_report(folder: Path) -> None:
    evenhand(folder, "add", "loans.yaml", home="full")
    unknown = evenhand(folder, "show", "loans", "--window", "2026-03-16", home="full")
    assert unknown.returncode == 1
    assert "was not looked at yet; do so with `evenhand monitor run loans --window 2026-03-16`" in unknown.stderr
    evenhand(folder, "capture", "loans", "bad.parquet", home="full")
    evenhand(folder, "run", "loans", "--window", "2026-03-16", home="full")
    shown = evenhand(folder, "show", "loans", "--window", "2026-03-16", "--report", "page", home="full")
    assert shown.stderr == ""
    assert "Drift (" in shown.stdout
    assert "No drift shown (" in shown.stdout
    assert "Over all windows the data speak for a drift by a factor of" in shown.stdout
    assert (folder / "page" / "report.html").read_text().startswith("<!doctype html>")
    assert Report.load(folder / "page" / "report.json").findings


def test_a_definition_is_begun_from_a_table_or_an_audit_file(folder: Path) -> None:
    audit = ("--label", "repaid", "--positive", "yes", "--predicted-label", "approved", "--facet", "sex")
    made = evenhand(folder, "new", "week.parquet", "--name", "begun", *audit, "--id", "person", "--time", "time")
    assert (made.returncode, made.stderr) == (0, "")
    monitor = Monitor.load(folder / "begun.yaml")
    assert (monitor.name, monitor.id, monitor.baseline) == ("begun", "person", str(folder / "week.parquet"))
    assert monitor.audit.facets == ("sex",)
    assert evenhand(folder, "add", "begun.yaml", home="begun").returncode == 0
    again = evenhand(folder, "new", "week.parquet", "--name", "begun", *audit, "--id", "person")
    assert "'begun.yaml' is there already" in again.stderr
    (folder / "audit.yaml").write_text(
        "data: week.parquet\nlabel: repaid\npositive: ['yes']\nfacets: [sex]\nlevel: 0.9\n"
    )
    other = evenhand(folder, "new", "audit.yaml", "--name", "of-audit", "--id", "person")
    assert (other.returncode, other.stderr) == (0, "")
    assert Monitor.load(folder / "of-audit.yaml").audit.level == 0.9


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--name", "x", "--label", "repaid"), "No facet: name at least one column"),
        (("--name", "x y", "--label", "repaid", "--positive", "yes", "--facet", "sex"), "name 'x y' must be letters"),
        (("--name", "x", "--label", "repaid", "--positive", "yes", "--facet", "sexx"), "No column 'sexx'"),
        (("--name", "x", "--label", "repaid", "--facet", "sex", "--positive", "yes", "--id", "no"), "No column 'no'"),
    ],
)
def test_a_definition_that_makes_no_sense_is_not_written(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    given = arguments if "--id" in arguments else (*arguments, "--id", "person")
    done = evenhand(folder, "new", "week.parquet", *given, "--write", "nonsense.yaml")
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "nonsense.yaml").exists()


def test_names_in_a_definition_never_read_as_something_else(tmp_path: Path) -> None:
    hostile = "null: [x]\n# \u202eé"
    audit = Audit(label=hostile, positive=("no", "1e3", True), facets=("yes",))
    text = _definition("n", audit, "first 3", (hostile, "on"))
    (tmp_path / "it.yaml").write_text(text)
    monitor = Monitor.load(tmp_path / "it.yaml")
    assert (monitor.audit, monitor.id, monitor.time) == (audit, hostile, "on")


def test_the_demo_plants_its_drift_in_the_last_week(tmp_path: Path) -> None:
    done = evenhand(tmp_path, "demo", "loans", "--days", "9", "--until", "2026-03-10")
    assert "predictions/ of 2026-03-01 to 2026-03-09" in done.stdout
    days = sorted((tmp_path / "loans" / "predictions").iterdir())
    assert [day.stem for day in days] == [f"2026-03-0{number}" for number in range(1, 10)]
    assert [day.stem for day in sorted((tmp_path / "loans" / "truth").iterdir())] == ["2026-03-01", "2026-03-02"]

    def approved(day: Path) -> float:
        with day.open() as file:
            women = [row["approved"] for row in csv.DictReader(file) if row["sex"] == "Female"]
        return women.count("yes") / len(women)

    assert min(approved(day) for day in days[:2]) > 0.35
    assert max(approved(day) for day in days[2:]) < 0.25
    again = evenhand(tmp_path, "demo", "loans")
    assert (again.returncode, again.stderr) == (1, "evenhand: 'loans' is not empty; give a new folder.\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--form", "csv"), "--form csv is unknown; it is one of records, sagemaker."),
        (("--columns", "a,b"), "--columns belongs to --form sagemaker; records name their columns themselves."),
        (("--form", "sagemaker"), "'nowhere' holds no file that ends in .parquet"),
    ],
)
def test_forms_that_are_none_are_refused(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    evenhand(folder, "add", "loans.yaml", home="forms")
    done = evenhand(folder, "capture", "loans", "nowhere", *arguments, home="forms")
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_remote_stores_that_do_not_answer_are_one_line(folder: Path) -> None:
    evenhand(folder, "add", "loans.yaml", home="forms")
    done = evenhand(folder, "capture", "loans", "nowhere://bucket/loans", home="forms")
    assert (done.returncode, done.stderr) == (
        1, "evenhand: Cannot read 'nowhere://bucket/loans': Protocol not known: nowhere.\n",
    )  # fmt: skip


def test_an_empty_store_says_how_to_begin(folder: Path) -> None:
    assert "`evenhand monitor new` writes a definition" in evenhand(folder, "list", home="empty").stdout


def outcome(day: int, *about: str, status: str = "fine") -> Outcome:
    drifts = tuple(
        Drift(kind="bias", about=each, metric="DI", rows=1, verdict="drift", reading="It drifted.") for each in about
    )
    start = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=day)
    return Outcome(
        monitor="loans", start=start.isoformat(), end=(start + timedelta(days=1)).isoformat(), rows=1, labelled=0,
        status="drift" if about else status, drifts=drifts,
    )  # fmt: skip


@given(st.lists(st.sampled_from(["drift", "fine", "no data"]), min_size=1, max_size=20), st.randoms())
def test_a_drift_goes_on_since_the_last_window_that_had_none(kinds: list[str], random: Random) -> None:
    outcomes = [outcome(day, *(["a"] if kind == "drift" else []), status=kind) for day, kind in enumerate(kinds)]
    last = outcome(len(kinds), "a")
    shuffled = [*outcomes, last]
    random.shuffle(shuffled)  # windows are looked at again in any order
    history = History()
    for each in shuffled:
        history.see(each)
    seen = [each for each, kind in zip(outcomes, kinds, strict=True) if kind != "no data"]
    began = last.start
    while seen and seen[-1].status == "drift":
        began = seen.pop().start
    assert history.since(last.drifts[0], last.start) == began
