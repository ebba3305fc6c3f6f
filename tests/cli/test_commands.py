"""The command as a user runs it: a process, its output, its files and its exit code."""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

import evenhand as eh


def evenhand(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from evenhand.cli import main; main()", *arguments]
    environment = {**os.environ, "COLUMNS": "100", "PYTHONWARNINGS": "error"}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo table as a file."""
    place = tmp_path_factory.mktemp("loans")
    table = eh.demo_table(rows=3_000)
    with (place / "loans.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(
            zip(*(["" if value is None else value for value in column] for column in table.values()), strict=True)
        )
    (place / "audit.yaml").write_text(
        "data: loans.csv\nlabel: repaid\npositive: ['yes']\npredicted_label: approved\nscore: score\n"
        "facets: [sex, region]\nfeatures: [income, debt]\nreport: out\n"
    )
    return place


AUDIT = ("audit", "loans.csv", "--label", "repaid", "--positive", "yes", "--feature", "income")


def test_findings_end_with_two_and_write_both_files(folder: Path) -> None:
    done = evenhand(*AUDIT, "--predicted-label", "approved", "--facet", "sex", "--report", "both", folder=folder)
    assert done.returncode == 2
    assert done.stderr == ""
    assert "DI" in done.stdout
    assert "sex=Female" in done.stdout
    assert (folder / "both" / "report.html").read_text().startswith("<!doctype html>") or "<html" in (
        folder / "both" / "report.html"
    ).read_text()
    report = eh.Report.load(folder / "both" / "report.json")
    assert report.verdict == "past"
    assert sorted(path.name for path in (folder / "both").iterdir()) == ["report.html", "report.json"]


def test_recorded_predictions_are_joined_by_id(folder: Path) -> None:
    table = eh.demo_table(rows=3_000)
    with (folder / "answers.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["person", "answer"])
        writer.writerows(list(zip(table["person"], table["approved"], strict=True))[:2_900])
    done = evenhand(
        *AUDIT, "--facet", "sex", "--predictions", "answers.csv", "--id", "person", "--predicted-label", "answer",
        "--report", "joined", folder=folder,
    )  # fmt: skip
    assert done.returncode == 2
    assert "100" in next(
        note for note in eh.Report.load(folder / "joined" / "report.json").notes if "no prediction" in note
    )
    without_id = evenhand(*AUDIT, "--facet", "sex", "--predictions", "answers.csv", folder=folder)
    assert "--predictions needs --id" in without_id.stderr


def test_nothing_past_a_threshold_ends_with_zero(folder: Path) -> None:
    done = evenhand(*AUDIT, "--facet", "sex", folder=folder)
    assert done.returncode == 0
    assert "No finding past its threshold." in done.stdout


def test_an_audit_file_asks_the_same(folder: Path) -> None:
    done = evenhand("audit", "audit.yaml", folder=folder)
    assert done.returncode == 2
    assert "Wrote" in done.stdout
    assert (folder / "out" / "report.json").exists()


def test_options_stand_above_the_audit_file(folder: Path) -> None:
    done = evenhand("audit", "audit.yaml", "--facet", "region", "--report", "other", folder=folder)
    report = eh.Report.load(folder / "other" / "report.json")
    assert done.returncode in (0, 2)
    assert report.audit.facets == ("region",)


def test_an_earlier_report_can_be_compared_with(folder: Path) -> None:
    evenhand(*AUDIT, "--facet", "sex", "--report", "before", folder=folder)
    done = evenhand(
        *AUDIT, "--facet", "sex", "--predicted-label", "approved", "--report", "after",
        "--against", "before/report.json", "--format", "html", "--format", "markdown", folder=folder,
    )  # fmt: skip
    assert done.returncode == 2
    assert sorted(path.name for path in (folder / "after").iterdir()) == ["report.html", "report.md"]


def test_an_earlier_page_serves_as_well_as_its_json(folder: Path) -> None:
    common = (*AUDIT, "--facet", "sex", "--predicted-label", "approved", "--format", "markdown")
    evenhand(*AUDIT, "--facet", "sex", "--report", "page", folder=folder)
    for name in ("report.json", "report.html"):
        evenhand(*common, "--report", f"from {name}", "--against", f"page/{name}", folder=folder)
    texts = [(folder / f"from {name}" / "report.md").read_text() for name in ("report.json", "report.html")]
    # When it was made, and how long that took, differ between the two runs.
    told = [[line for line in text.splitlines() if "UTC" not in line] for text in texts]
    assert told[0] == told[1]
    missing = evenhand(*common, "--against", "page/none.html", folder=folder)
    assert missing.returncode == 1
    assert "Cannot read the report 'page/none.html'." in missing.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("audit", "loans.csv", "--label", "repayd", "--positive", "yes", "--facet", "sex"), "No column 'repayd' in the data. Did you mean 'repaid'?"),
        (("audit", "loans.csv", "--label", "repaid", "--positive", "ja", "--facet", "sex"), "None of the favourable values 'ja' occurs in 'repaid', which holds 'yes', 'no'."),
        (("audit", "loans.csv", "--label", "repaid", "--facet", "sex"), "Say which value of 'repaid' is favourable (positive): 'yes', 'no'."),
        (("audit", "loans.csv", "--label", "repaid", "--positive", "yes", "--facet", "sex=Woman"), "No row is in the group 'sex=Woman'. 'sex' holds 'Male', 'Female'."),
        (("audit", "loans.csv", "--label", "repaid", "--positive", "yes", "--facet", "sex>3"), "Column 'sex' holds text"),
        (("audit", "loans.csv", "--label", "repaid", "--positive", "yes", "--predicted-label", "income", "--facet", "sex"), "The predictions in 'income' are of another type than the label 'repaid'"),
        (("audit", "loans.csv", "--label", "repaid", "--positive", "yes", "--score", "income", "--facet", "sex"), "Scores in 'income' lie outside 0 to 1; give score_range."),
        (("audit", "loans.csv", "--label", "repaid", "--positive", "yes"), "No facet: name at least one column or group"),
        (("audit", "loans.csv", "--facet", "sex"), "Nothing to audit: give label, predicted_label or score."),
        (("audit", "loans.csv", "--label", "repaid", "--positive", "yes", "--facet", "sex", "--metric", "DPX"), "No metric 'DPX'. Did you mean 'DPL'?"),
        (("audit", "loans.csv", "--label", "repaid", "--positive", "yes", "--facet", "sex", "--comparison", "pairs"), "comparison: Input should be"),
        (("audit", "loans.csv", "--label", "repaid", "--positive", "yes", "--facet", "sex", "--threshold", "DI"), "--threshold 'DI' must be NAME=VALUE."),
        (("audit", "loan.csv", "--label", "repaid", "--positive", "yes", "--facet", "sex"), "loans.csv"),
        (("audit", "loans.csv", "--label", "repaid", "--positive", "yes", "--facet", "income"), "Facet 'income' has"),
        (("audit", "missing.yaml"), "Cannot read the audit file"),
        (("audit", "loans.csv", "--nonsense"), "No such option"),
    ],
)  # fmt: skip
def test_errors_are_one_line_and_end_with_one(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    done = evenhand(*arguments, folder=folder)
    assert message in done.stderr
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    if "No such option" not in message:
        assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("data: loans.csv\nlabel: repaid\nfacet: [sex]\n", "unknown key 'facet'. Did you mean 'facets'?"),
        ("label: repaid\nfacets: [sex]\n", "the key 'data' is needed."),
        ("data: loans.csv\nlabel: repaid\npositive: >50K\nfacets: [sex]\n", "is not valid YAML"),
        ("- a\n- b\n", "must hold keys such as data, label and facets."),
        ("data: loans.csv\nlabel: repaid\nfacets: [sex]\nlevel: 2\n", "level: Input should be less than 1"),
        ("data: loans.csv\nlabel: repaid\nfacets: ['sex=']\n", "The group 'sex=' cannot be read"),
    ],
)
def test_a_bad_audit_file_says_which_key(folder: Path, content: str, message: str) -> None:
    (folder / "bad.yaml").write_text(content)
    done = evenhand("validate", "bad.yaml", folder=folder)
    assert message in done.stderr
    assert done.returncode == 1


def test_validate_is_quick_and_says_what_it_found(folder: Path) -> None:
    started = time.monotonic()
    done = evenhand("validate", "audit.yaml", folder=folder)
    assert time.monotonic() - started < 10  # under 2 s on an idle machine; see the benchmarks
    assert done.returncode == 0
    assert "audit.yaml is valid: a binary audit of 10 columns" in done.stdout
    assert "label: repaid (text)" in done.stdout


def test_the_schema_takes_a_valid_audit_file() -> None:
    schema = json.loads(evenhand("schema").stdout)
    jsonschema.validate({"data": "a.csv", "label": "y", "facets": ["g"]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"data": "a.csv", "label": "y", "facetts": ["g"]}, schema)


def test_metrics_are_listed_with_their_sentence() -> None:
    done = evenhand("metrics")
    assert done.returncode == 0
    assert "How much more often the rest are labelled positive than the group." in done.stdout
    assert len(done.stdout.splitlines()) >= 45


def test_the_demo_needs_nothing_and_ends_with_zero(tmp_path: Path) -> None:
    started = time.monotonic()
    done = evenhand("demo", "--report", str(tmp_path / "out"), folder=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "Planted DI for sex=Female: 0.687" in done.stdout
    assert (tmp_path / "out" / "report.html").stat().st_size < 300_000
    assert time.monotonic() - started < 60  # under 10 s on an idle machine


def test_a_report_that_cannot_be_written_leaves_nothing(folder: Path) -> None:
    (folder / "file").write_text("in the way")
    done = evenhand(*AUDIT, "--facet", "sex", "--report", "file/below", folder=folder)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert (folder / "file").read_text() == "in the way"


def test_hostile_names_do_not_move_the_cursor(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("g,y\n" + "\x1b[2Ja,1\n\x1b[2Ja,0\nb,1\nb,1\n" * 30)
    done = evenhand("audit", "data.csv", "--label", "y", "--facet", "g", "--all", folder=tmp_path)
    assert "\x1b[2J" not in done.stdout
    assert "u001b" in done.stdout
