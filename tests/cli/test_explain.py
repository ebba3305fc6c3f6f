"""evenhand explain and audit --explain as a user runs them."""

import json
import sys
from pathlib import Path

import joblib
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import evenhand as eh
from tests.cli.test_commands import evenhand, folder

__all__ = ["folder"]

FEATURES = ["income", "debt", "age"]
PROGRAM = """
import csv, sys
rows = list(csv.DictReader(sys.stdin))
for row in rows:
    print(min(max((float(row["income"]) - float(row["debt"])) / 100000, 0.0), 1.0))
"""


@pytest.fixture(scope="module")
def loans(folder: Path) -> Path:
    """The demo table, with models trained on it."""
    import pandas as pd

    table = pd.read_csv(folder / "loans.csv").dropna(subset=[*FEATURES, "repaid"])
    inputs, label = table[FEATURES], (table["repaid"] == "yes").astype(int)
    joblib.dump(LogisticRegression(max_iter=1000).fit(inputs, label), folder / "model.pkl")
    joblib.dump(RandomForestClassifier(5, max_depth=4, random_state=0).fit(inputs, label), folder / "forest.pkl")
    (folder / "model.py").write_text(PROGRAM)
    table.to_csv(folder / "whole.csv", index=False)
    return folder


EXPLAIN = ("explain", "whole.csv", "--trust-pickle", "--rows", "200", "--baseline", "median", "--facet", "sex")


def test_explain_prints_and_writes_a_page_of_its_own(loans: Path) -> None:
    done = evenhand(*EXPLAIN, "--model", "model.pkl", "--out", "alone", folder=loans)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "What drives the predictions" in done.stdout
    assert "income" in done.stdout
    assert sorted(path.name for path in (loans / "alone").iterdir()) == ["explanation", "reasons.html", "reasons.json"]
    kept = eh.Explanation.load(loans / "alone" / "explanation")
    assert kept.attributions.shape == (200, 3, 1)
    assert kept.making.gap < 1e-9
    assert (loans / "alone" / "explanation" / "baseline.csv").read_text().startswith("income,debt,age")
    assert json.loads((loans / "alone" / "reasons.json").read_text())["players"] == FEATURES


def test_explain_adds_to_the_report_that_is_there(loans: Path) -> None:
    audit = (
        "audit",
        "whole.csv",
        "--label",
        "repaid",
        "--positive",
        "yes",
        "--predicted-label",
        "approved",
        "--facet",
        "sex",
    )
    before = evenhand(*audit, "--feature", "income", "--report", "both", folder=loans)
    assert before.returncode in (0, 2)
    done = evenhand(*EXPLAIN, "--model", "forest.pkl", "--out", "both", folder=loans)
    assert done.returncode == 0
    report = eh.Report.load(loans / "both" / "report.json")
    assert report.reasons is not None
    assert report.reasons.making.explainer == "tree"
    assert report.findings
    assert "What drives the predictions" in (loans / "both" / "report.html").read_text()


def test_audit_explains_the_model_it_asks(loans: Path) -> None:
    (loans / "explained.yaml").write_text(
        "data: whole.csv\nlabel: repaid\npositive: ['yes']\nfacets: [sex]\nfeatures: [income, debt]\n"
        "explain: true\nbaseline: median\nexplained_rows: 100\nreport: explained\n"
    )
    program = f"command: {sys.executable} model.py"
    done = evenhand("audit", "explained.yaml", "--model", program, folder=loans)
    assert done.returncode in (0, 2)
    assert "What drives the predictions" in done.stdout
    reasons = eh.Report.load(loans / "explained" / "report.json").reasons
    assert reasons is not None
    assert reasons.players == ("income", "debt")
    assert reasons.making.rows == 100


def test_a_file_does_not_run_programs(loans: Path) -> None:
    (loans / "hostile.yaml").write_text(
        "data: whole.csv\nlabel: repaid\npositive: ['yes']\nfacets: [sex]\nmodel: 'command: touch harm'\n"
    )
    done = evenhand("audit", "hostile.yaml", folder=loans)
    assert done.returncode == 1
    assert "names a program as its model" in done.stderr
    assert not (loans / "harm").exists()


def test_a_file_does_not_name_a_cluster(loans: Path) -> None:
    (loans / "far.yaml").write_text(
        "data: whole.csv\nlabel: repaid\npositive: ['yes']\nfacets: [sex]\nengine: spark://127.0.0.1:1\n"
    )
    done = evenhand("audit", "far.yaml", folder=loans)
    assert done.returncode == 1
    assert "names a cluster, which would be sent the data and the model" in done.stderr
    assert "--engine spark://127.0.0.1:1" in done.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--model", "model.pkl", "--explainer", "shap"], "No explainer 'shap'"),
        (["--model", "model.pkl", "--budget", "many"], "--budget 'many' must be a number"),
        (["--model", "model.pkl", "--player", "money"], "--player 'money' must be NAME=VALUE"),
        (["--model", "model.pkl", "--player", "money=incom"], "Did you mean 'income'"),
        (["--model", "model.pkl", "--model-option", "timeout=3"], "--model is no URL"),
        (["--model", "http://127.0.0.1:9/", "--model-option", "time=3"], "Did you mean 'timeout'"),
        (["--model", "model.pkl", "--memory", "much"], "must be a size such as 500MB"),
        (["--model", "absent.pkl"], "No model file"),
        (["--model", "model.pkl", "--curves", "-1"], "curves=-1 must be a number"),
    ],
)
def test_wrong_options_get_one_line(loans: Path, options: list[str], told: str) -> None:
    done = evenhand(*EXPLAIN, *options, folder=loans)
    assert done.returncode == 1
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_audit_without_a_model_cannot_be_explained(folder: Path) -> None:
    done = evenhand(
        "audit", "loans.csv", "--label", "repaid", "--positive", "yes", "--predicted-label", "approved", "--facet", "sex",
        "--explain", folder=folder,
    )  # fmt: skip
    assert done.returncode == 1
    assert "explain needs the model" in done.stderr
