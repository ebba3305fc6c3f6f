"""Mending from the command line, end to end: real tables, models of every kind, and tables that make no sense."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression

import evenhand as eh
from evenhand.core.frontier import Frontier
from tests.cli.test_commands import evenhand
from tests.models.http_server import serving

PAYS = {"gained", "lost", "errors_before", "errors_after", "selected_before", "selected_after", "mended", "wronged"}


def frontier_of(folder: Path) -> Frontier:
    return Frontier.model_validate_json((folder / "frontier.json").read_text())


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with numbers only, of which groups differ, and rows enough for both halves."""
    folder = tmp_path_factory.mktemp("people")
    generator = np.random.default_rng(0)
    group = generator.integers(0, 2, 3_000)
    skill = generator.normal(group * 0.8, 1.0)
    label = (skill + generator.normal(0, 0.7, 3_000) > 0.5).astype(int)
    table = pd.DataFrame({"skill": skill, "luck": generator.random(3_000), "group": group, "label": label})
    table.to_csv(folder / "people.csv", index=False)
    return folder


MEND = ("mend", "people.csv", "--label", "label", "--positive", "1", "--constraint", "demographic-parity:0.15")


def test_compas_gives_frontier_model_and_reports(real_tables: Path, tmp_path: Path) -> None:
    table = str(real_tables / "compas_two_years.csv")
    asked = ("--label", "two_year_recid", "--positive", "0", "--facet", "sex", "--constraint", "demographic-parity:0.1")
    inputs = [word for name in ("age", "priors_count", "juv_fel_count", "sex") for word in ("--feature", name)]
    chosen = ("--methods", "reweighing,thresholds,linear", "--id", "id", "--out", "mended")
    done = evenhand("mend", table, *asked, *inputs, *chosen, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    frontier, page = frontier_of(tmp_path / "mended"), (tmp_path / "mended" / "frontier.html").read_text()
    for name in ("unmended", "thresholds without constraint", "reweighing, undone amount 1", frontier.chosen):
        assert name in page
        assert frontier.named(name).accuracy.value > 0.5
    assert "no legal advice" in page or not frontier.point.needs_facet
    with (tmp_path / "mended" / "frontier.csv").open() as file:
        rows = {row["point"]: row for row in csv.DictReader(file)}
    assert set(rows) == {point.name for point in frontier.points}
    with (tmp_path / "mended" / "payments.csv").open() as file:
        paid = [row for row in csv.DictReader(file) if row["point"] == frontier.chosen]
    assert set(paid[0]) >= PAYS
    assert {row["group"] for row in paid} == set(frontier.groups) == {"Female", "Male"}
    before, after = (eh.Report.load(tmp_path / "mended" / f"{name}.json") for name in ("before", "report"))
    judging = next(share.rows for share in frontier.shares if share.name == "judging")
    assert before.provenance.rows == after.provenance.rows == judging
    audited = ("audit", table, "--label", "two_year_recid", "--positive", "0", "--facet", "sex", "--metric", "DPPL")
    done = evenhand(*audited, "--model", "mended/model", "--report", "audited", folder=tmp_path)
    assert done.stderr == ""
    gap = next(each.value for each in eh.Report.load(tmp_path / "audited" / "report.json").findings)
    assert gap is not None
    assert abs(gap) < 0.2


def test_german_credit_is_too_small_and_is_told_so(real_tables: Path, tmp_path: Path) -> None:
    asked = ("--label", "class-label", "--positive", "1", "--facet", "sex=female", "--methods", "thresholds,reweighing")
    table = str(real_tables / "german_credit.csv")
    done = evenhand("mend", table, *asked, "--constraint", "equalized-odds:0.01", "--out", "mended", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "")
    assert "Refused: equalized-odds:0.01 is tighter than chance" in done.stdout
    assert set(frontier_of(tmp_path / "mended").groups) == {"sex=female", "not (sex=female)"}


def test_an_onnx_model_is_mended_loaded_and_explained(people: Path) -> None:
    table = pd.read_csv(people / "people.csv")
    inputs = table[["skill", "luck"]].to_numpy(np.float32)
    model = LogisticRegression().fit(inputs, table["label"])
    (people / "base.onnx").write_bytes(to_onnx(model, inputs[:1], options={"zipmap": False}).SerializeToString())
    features = ("--feature", "skill", "--feature", "luck")
    done = evenhand(*MEND, "--facet", "group", "--model", "base.onnx", *features, "--out", "onnx", folder=people)
    assert (done.returncode, done.stderr) == (0, "")
    assert frontier_of(people / "onnx").model == "base.onnx"
    mended = eh.load_model(str(people / "onnx" / "model"))
    assert set(mended.features or ()) == {"skill", "luck", "group"}
    audit = eh.Audit(label="label", positive=(1,), facets=("group",), metrics=("DPPL",))
    gaps = [eh.run(audit, table, each).findings[0].value for each in (model_of(model), mended)]
    assert abs(gaps[1] or 0) < abs(gaps[0] or 0)
    asked = ("explain", "people.csv", "--model", "onnx/model", "--rows", "20")
    players = ("--feature", "skill", "--feature", "luck", "--feature", "group")
    done = evenhand(*asked, *players, "--out", "why", folder=people)
    assert done.returncode == 0, done.stderr


def model_of(model: Any) -> Any:
    return lambda rows: model.predict(rows[["skill", "luck"]].to_numpy(np.float32))


def test_a_url_is_asked_once_and_its_scores_become_a_column(people: Path) -> None:
    options = ("--facet", "group", "--feature", "skill", "--feature", "luck", "--methods", "thresholds")
    with serving() as server:
        url = f"{server.url}?token=secret"
        done = evenhand(*MEND, *options, "--model", url, "--out", "url", folder=people)
    # 2: the server's model knows nothing of labels; what counts is that its scores were mended.
    assert done.returncode in (0, 2), done.stderr
    assert done.stderr == ""
    written = (people / "url" / "model" / "model.json").read_text()
    assert json.loads(written)["members"][0]["score"] == "base score"
    assert "127.0.0.1" in json.loads(written)["members"][0]["reference"]
    for path in (people / "url").rglob("*"):
        assert path.is_dir() or b"secret" not in path.read_bytes()
    assert "needs that model's scores in the column 'base score'" in done.stdout
    mended = eh.load_model(str(people / "url" / "model"))
    rows = pd.read_csv(people / "people.csv").head(10)
    with pytest.raises(eh.ModelError, match="needs the column 'base score'"):
        mended.predict(rows)
    assert len(mended.predict(rows.assign(**{"base score": 0.5}))["label"]) == 10


def test_a_pickle_is_mended_where_it_is_trusted(people: Path) -> None:
    import joblib

    table = pd.read_csv(people / "people.csv")
    joblib.dump(LogisticRegression().fit(table[["skill", "luck"]], table["label"]), people / "base.pkl")
    options = ("--facet", "group", "--methods", "thresholds", "--model", "base.pkl", "--out", "pickled")
    done = evenhand(*MEND, *options, folder=people)
    assert done.returncode == 1
    assert "--trust-pickle" in done.stderr
    done = evenhand(*MEND, *options, "--trust-pickle", folder=people)
    assert (done.returncode, done.stderr) == (0, "")
    assert "The mended model holds a pickle" in done.stdout
    with pytest.raises(eh.UntrustedModel):
        eh.load_model(str(people / "pickled" / "model"))
    mended = eh.load_model(str(people / "pickled" / "model"), trust_pickle=True)
    assert len(mended.predict(table)["label"]) == len(table)


def test_a_model_in_memory_is_mended_by_its_scores(people: Path) -> None:
    table = pd.read_csv(people / "people.csv")
    model = LogisticRegression().fit(table[["skill", "luck"]], table["label"])
    audit = eh.Audit(label="label", positive=(1,), facets=("group",), features=("skill", "luck"))
    found = eh.mend(table, audit, constraint="demographic-parity:0.15", model=model)
    assert found.description.members[0].score == "base score"
    assert found.frontier.point.within


def test_what_is_not_installed_is_said_before_any_work(people: Path) -> None:
    program = "import sys; sys.modules['lightgbm'] = None; from evenhand.cli import main; main()"
    asked = ["mend", "absent.csv", "--label", "label", "--facet", "group", "--constraint", "demographic-parity:0.1"]
    done = subprocess.run(
        [sys.executable, "-c", program, *asked, "--out", "never"], capture_output=True, text=True, cwd=people, check=False
    )  # fmt: skip
    assert done.returncode == 1
    assert "pip install 'evenhand[mend]'" in done.stderr
    assert "absent.csv" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def strange(rows: int, **more: Any) -> pd.DataFrame:
    generator = np.random.default_rng(1)
    table = {"label": generator.integers(0, 2, rows), "group": generator.integers(0, 2, rows)}
    return pd.DataFrame(table | {"score": generator.random(rows)} | more)


@pytest.mark.parametrize(
    ("table", "code", "words"),
    [
        (strange(600, label=(np.arange(600) % 3 > 0) | (np.arange(600) % 2)), 0, "Chosen"),
        (strange(600, group=np.where(np.arange(600) == 7, "alone", "others")), 1, "one group only (others)"),
        (strange(600, group=[("a", "b", "alone")[2 if place == 7 else place % 2] for place in range(600)]), 0, "alone"),
        (strange(600, score=np.full(600, 0.4)), 0, "Chosen"),
        (strange(3_000, group=np.arange(3_000) % 1_000), 1, "has 1,000 different numbers; divide it into ranges"),
        pytest.param(
            strange(3_000, group=[f"group {place % 1_000}" for place in range(3_000)]),
            2,
            "no tolerance could be told from it: join small groups",
            marks=pytest.mark.slow,
        ),
        (strange(600, group=np.where(np.arange(600) % 3, np.arange(600) % 2, np.nan)), 0, "(missing)"),
        (strange(600, group=np.full(600, np.nan)), 1, "has one group only ((missing))"),
        (strange(600, group=np.zeros(600)), 1, "has one group only (0)"),
        (strange(600, label=np.ones(600, int)), 1, "No row has the other label"),
        (strange(600, score=np.where(np.arange(600) % 9, 0.3, np.nan)), 1, "has no value in 67 rows"),
        (strange(30), 1, "mending needs at least 40"),
    ],
)
def test_tables_that_make_no_sense_get_an_answer_each(
    tmp_path: Path, table: pd.DataFrame, code: int, words: str
) -> None:
    table.assign(label=table["label"].astype(int)).to_csv(tmp_path / "table.csv", index=False)
    asked = ("--label", "label", "--positive", "1", "--facet", "group", "--score", "score", "--out", "mended")
    methods = ("--methods", "thresholds,calibration")
    done = evenhand("mend", "table.csv", *asked, *methods, "--constraint", "demographic-parity:0.3", folder=tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == (code == 1)


def test_rich_subgroups_are_on_the_frontier_where_facets_cross(tmp_path: Path) -> None:
    table = pd.DataFrame(eh.demo_table(rows=2_000)).drop(columns="person")
    table.to_csv(tmp_path / "loans.csv", index=False)
    asked = ("mend", "loans.csv", "--label", "repaid", "--positive", "yes", "--facet", "sex", "--facet", "age@45")
    options = ("--constraint", "demographic-parity:0.6", "--methods", "rich-subgroups", "--out", "mended")
    done = evenhand(*asked, *options, folder=tmp_path)
    assert done.returncode in (0, 2), done.stderr
    assert any(point.method == "rich-subgroups" for point in frontier_of(tmp_path / "mended").points)


HOSTILE = "<img src=x onerror=alert(1)>\u202e"


def test_hostile_values_do_nothing_on_the_page(tmp_path: Path) -> None:
    table = strange(800, group=np.where(np.arange(800) % 2, HOSTILE, "=cmd()")).rename(columns={"label": HOSTILE})
    table.to_csv(tmp_path / "table.csv", index=False)
    facet = ("--facet", "group", "--score", "score", "--methods", "thresholds", "--out", "mended")
    done = evenhand(
        "mend", "table.csv", "--label", HOSTILE, "--positive", "1", *facet, "--constraint", "demographic-parity:0.3",
        folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "\u202e" not in done.stdout
    page = (tmp_path / "mended" / "frontier.html").read_text()
    assert "<img" not in page
    assert "\u202e" not in page
    assert len(page.encode()) < 500_000
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert "\n=cmd" not in (tmp_path / "mended" / "payments.csv").read_text().replace(",", "\n")
