"""evenhand mend as a user runs it."""

import json
from pathlib import Path

import pytest

import evenhand as eh
from evenhand.core.frontier import Frontier
from tests.cli.test_commands import evenhand, folder

__all__ = ["folder"]

MEND = ("mend", "loans.csv", "--label", "repaid", "--positive", "yes", "--facet", "sex", "--score", "score")


@pytest.fixture(scope="module")
def mended(folder: Path) -> Path:
    options = ("--constraint", "equal-opportunity:0.2", "--methods", "thresholds", "--id", "person", "--out", "mended")
    done = evenhand(*MEND, *options, folder=folder)
    assert done.stderr == ""
    assert done.returncode == 0
    assert "Chosen: thresholds equal-opportunity:0." in done.stdout
    assert " rows for choosing, " in done.stdout
    assert done.stdout.endswith("Wrote mended\n")
    return folder


def test_mend_writes_frontier_model_and_reports(mended: Path) -> None:
    names = {path.name for path in (mended / "mended").iterdir()}
    assert names == {
        *("frontier.html", "frontier.json", "frontier.csv", "payments.csv", "model"),
        *("before.json", "report.json", "report.html"),
    }
    frontier = Frontier.model_validate_json((mended / "mended" / "frontier.json").read_text())
    assert frontier.how == "estimate"
    assert frontier.point.within
    described = json.loads((mended / "mended" / "model" / "model.json").read_text())
    assert described["members"][0]["score"] == "score"
    assert described["identity"] == "person"
    assert "What changed" in (mended / "mended" / "report.html").read_text()


def test_the_mended_model_can_be_audited(mended: Path) -> None:
    audit = ("audit", "loans.csv", "--label", "repaid", "--positive", "yes", "--facet", "sex", "--metric", "RD")
    done = evenhand(*audit, "--model", "mended/model", "--report", "audited", folder=mended)
    assert done.stderr == ""
    after = next(each for each in eh.Report.load(mended / "audited" / "report.json").findings if each.metric == "RD")
    assert after.value is not None
    assert abs(after.value) < 0.25


def test_the_same_seed_gives_the_same_frontier(mended: Path) -> None:
    options = ("--constraint", "equal-opportunity:0.2", "--methods", "thresholds", "--id", "person", "--out", "again")
    evenhand(*MEND, *options, folder=mended)
    first, second = (json.loads((mended / name / "frontier.json").read_text()) for name in ("mended", "again"))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert (mended / "mended" / "model" / "model.json").read_text() == (
        mended / "again" / "model" / "model.json"
    ).read_text()


def test_a_tolerance_tighter_than_chance_gets_a_frontier_and_no_choice(folder: Path) -> None:
    done = evenhand(
        *MEND, "--constraint", "equal-opportunity:0.0001", "--methods", "thresholds", "--out", "tight", folder=folder
    )
    assert done.returncode == 2
    assert done.stderr == ""
    assert "Refused: equal-opportunity:0.0001 is tighter than chance: thresholds with exactly equal" in done.stdout
    assert "join small groups, or bring more rows." in done.stdout
    names = {path.name for path in (folder / "tight").iterdir()}
    assert names == {"frontier.html", "frontier.json", "frontier.csv", "payments.csv", "before.json"}
    frontier = Frontier.model_validate_json((folder / "tight" / "frontier.json").read_text())
    assert frontier.how == "refused"
    assert frontier.chosen == "unmended"
    assert any(point.method == "thresholds" and point.setting != "without constraint" for point in frontier.points)
    page = (folder / "tight" / "frontier.html").read_text()
    assert "Nothing chosen: tighter than chance" in page
    assert 'class="fb"' in page
    assert "<b>chosen</b>" not in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--constraint", "equal-opportunity:0.2", "--methods", "barycentre"), "QuantileBarycentre around a regressor"),
        (("--constraint", "parity:0.1"), "No constraint is called 'parity'"),
        (("--constraint", "equal-opportunity:0.2", "--methods", "magic"), "No method is called 'magic'"),
        (("--constraint", "equal-opportunity:0.2", "--model", "m.onnx"), "Both a model and a column of scores"),
        (("--constraint", "equal-opportunity:0.2", "--id", "nobody"), "No column 'nobody' in the data."),
    ],
)
def test_wrong_options_get_one_line(folder: Path, options: tuple[str, ...], message: str) -> None:
    done = evenhand(*MEND, *options, "--out", "wrong", folder=folder)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (folder / "wrong").exists()


def test_what_lies_in_the_folder_is_not_lost(folder: Path) -> None:
    (folder / "own").mkdir()
    (folder / "own" / "thesis.tex").write_text("words")
    done = evenhand(*MEND, "--constraint", "equal-opportunity:0.2", "--out", "own", folder=folder)
    assert done.returncode == 1
    assert "holds other files, which would be lost; name a new folder." in done.stderr
    assert (folder / "own" / "thesis.tex").read_text() == "words"
