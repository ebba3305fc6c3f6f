"""evenhand audit --parts: only files that are new are counted, and the report is on all of them."""

import csv
from pathlib import Path

import pytest

import evenhand as eh
from tests.cli.test_commands import evenhand

TABLE = eh.demo_table(rows=3_000)
AUDIT = ("--label", "repaid", "--positive", "yes", "--predicted-label", "approved", "--facet", "sex")


def write(path: Path, low: int, high: int) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(TABLE)
        columns = [["" if value is None else value for value in column] for column in TABLE.values()]
        writer.writerows(list(zip(*columns, strict=True))[low:high])


def test_new_files_are_counted_and_the_report_is_on_all(tmp_path: Path) -> None:
    write(tmp_path / "loans" / "may.csv", 0, 1_000)
    write(tmp_path / "loans" / "june.csv", 1_000, 2_000)
    command = ("audit", "loans", *AUDIT, "--parts", "tallies", "--report", "out")
    first = evenhand(*command, folder=tmp_path)
    assert (first.returncode, first.stderr) == (2, "")
    assert "Counted 2 new and 0 changed files; parts in all: 2." in first.stdout
    write(tmp_path / "loans" / "july.csv", 2_000, 3_000)
    second = evenhand(*command, folder=tmp_path)
    assert (second.returncode, second.stderr) == (2, "")
    assert "Counted 1 new and 0 changed files; parts in all: 3." in second.stdout
    report = eh.Report.load(tmp_path / "out" / "report.json")
    assert report.provenance.rows == 3_000
    assert report.title == "Audit of loans"
    assert any(note.startswith("The flip test is left out") for note in report.notes)
    whole = evenhand("audit", "loans", *AUDIT, "--report", "whole", folder=tmp_path)
    assert whole.returncode == 2
    assert eh.Report.load(tmp_path / "whole" / "report.json").provenance.fingerprint == report.provenance.fingerprint
    (tmp_path / "loans" / "may.csv").unlink()
    kept = evenhand(*command, folder=tmp_path)
    assert "1 file gone, and still counted: may.csv." in kept.stdout
    forgotten = evenhand(*command, "--forget", folder=tmp_path)
    assert "1 file gone, and no longer counted: may.csv." in forgotten.stdout
    assert "parts in all: 2." in forgotten.stdout


def test_another_audit_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "loans" / "may.csv", 0, 1_000)
    assert evenhand("audit", "loans", *AUDIT, "--parts", "t", folder=tmp_path).returncode == 2
    other = evenhand("audit", "loans", *AUDIT, "--facet", "region", "--parts", "t", folder=tmp_path)
    assert other.returncode == 1
    assert other.stderr == (
        "evenhand: The parts in 't' were counted for another audit: facets differ; ask the same, or choose another"
        " folder.\n"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--forget",), "--forget is about the files of --parts; give that folder too."),
        (("--parts", "t", "--explain"), "--parts counts files one by one and keeps no rows; leave out explain."),
        (("--parts", "t", "--sheet", "a"), "--parts counts files one by one and keeps no rows; leave out sheet."),
        (
            ("--parts", "t", "--memory-limit", "2GB"),
            "--parts counts files one by one, within 1GB; leave out --memory-limit.",
        ),
        (
            ("--engine", "abacus"),
            "engine='abacus' is unknown; give processes, spark, or the master of a Spark cluster, such as"
            " spark://host:7077 or local[4].",
        ),
    ],
)
def test_what_does_not_go_together_is_said(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    write(tmp_path / "loans" / "may.csv", 0, 100)
    done = evenhand("audit", "loans", *AUDIT, *options, folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, f"evenhand: {said}\n")


def test_an_audit_file_names_the_engine(tmp_path: Path) -> None:
    write(tmp_path / "may.csv", 0, 100)
    (tmp_path / "audit.yaml").write_text(
        "data: may.csv\nlabel: repaid\npositive: ['yes']\nfacets: [sex]\nengine: abacus\n"
    )
    for command in ("audit", "validate"):
        done = evenhand(command, "audit.yaml", folder=tmp_path)
        assert done.returncode == 1
        assert "engine='abacus' is unknown" in done.stderr
