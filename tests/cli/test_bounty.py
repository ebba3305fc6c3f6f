"""evenhand bounty as owners and teams run it on one machine: from a table to finds, the better model, and its replay."""

import json
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

import evenhand as eh
import evenhand.cli
from evenhand.bounty.proving.holdout import HIDDEN, SECRET
from evenhand.cli.bounty_places import asked, home_of
from evenhand.core.errors import SpecError
from evenhand.core.monitor import Monitor
from evenhand.models import load_model
from evenhand.stores.tables import submissions
from tests.bounty.opened import WRONGED, answers, people

Run = Callable[..., "Said"]


@dataclass
class Said:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


CREATE = (
    "create", "loans", "--data", "holdout.parquet", "--label", "truth", "--predicted-label", "base", "--id", "id",
    "--public-data", "public.parquet", "--facet", "region", "--facet", "age@30",
)  # fmt: skip
SUBMIT = ("submit", "loans", "--predictions", "sent.parquet")
FOLDER = Path("home/monitors/_bounties/loans")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Commands in a folder with a hold-out and a public sample, without a home but this folder's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("EVENHAND_KEY", raising=False)
    held, public = people(), people(400, seed=1)
    parquet.write_table(pa.table(held), "holdout.parquet")
    parquet.write_table(pa.table({name: public[name] for name in ("age", "region", "code", "truth")}), "public.parquet")

    def called(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["evenhand", "bounty", *words])
        capsys.readouterr()
        code = evenhand.cli._exit_code()
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return called


@pytest.fixture(scope="module")
def begun() -> Iterator[dict[str, Path]]:
    """A home in which the bounty was opened, once it was."""
    with tempfile.TemporaryDirectory() as folder:
        yield {"kept": Path(folder) / "home"}


@pytest.fixture
def loans(run: Run, begun: dict[str, Path]) -> Run:
    """Commands in a folder whose home holds an open bounty, and sent.parquet, which is right about some people."""
    if begun["kept"].exists():
        shutil.copytree(begun["kept"], "home")
    else:
        made = run(*CREATE)
        assert (made.code, made.err) == (0, "")
        shutil.copytree("home", begun["kept"])
    Path("sent.parquet").write_bytes(answers(Path("home/monitors")))
    return run


def test_a_bounty_from_a_table_to_a_better_model(run: Run) -> None:
    made = run(*CREATE)
    assert made.code == 0, made.err
    assert f"Opened loans in {FOLDER.absolute()}." in made.out
    assert "hunters see no label of them" in made.out
    assert run("list").out.endswith("; 0 finds\n")
    Path("sent.parquet").write_bytes(answers(Path("home/monitors")))

    found = run(*SUBMIT, "--group", WRONGED, "--team", "A")
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith("✓ accepted: Proven on rows that nobody has seen")
    useless = run(*SUBMIT, "--group", "region=south", "--team", "B")
    assert useless.code == 2
    assert useless.out.startswith("✗ refused: The answers differ from the current model's in fewer than 30")

    shown = run("show", "loans")
    assert shown.code == 0
    assert "1 of 1,000 submissions scored, 1 of 20 finds accepted, 0 waiting." in shown.out
    assert "For the owner: " in shown.out
    assert "region=north" in shown.out
    listed = run("submissions", "loans").out.splitlines()
    assert [line.split()[:2] for line in listed] == [["2", "B,"], ["1", "A,"]]
    assert run("submissions", "loans", "--team", "A").out.startswith("1 A, predictions, ✓ accepted, version 1: ")

    assert run("model", "loans", "--out", "model").out == "Wrote model: version 1 of loans, with 1 find.\n"
    rows = parquet.read_table("holdout.parquet").to_pandas()
    right = (rows["truth"] == load_model("model").predict(rows)["label"]).mean()
    assert right > (rows["truth"] == rows["base"]).mean() + 0.05
    assert run("model", "loans", "--version", "0", "--out", "first").out.startswith("Wrote first: version 0 of loans")
    assert (rows["base"] == load_model("first").predict(rows)["label"]).all()

    assert run("card", "loans", "--out", "card.html").code == 0
    assert "region=north" in Path("card.html").read_text()
    assert run("facets", "loans").out == "region=north & age<30\n"
    assert run("export", "loans", "--out", "all").code == 0
    assert len(Path("all/log.jsonl").read_text().splitlines()) == 2
    again = run("replay", "loans")
    assert again.out == "2 verdicts are the same to the last bit; they make version 1.\n"
    assert run("end", "loans").out == "Ended loans; it takes nothing more.\n"
    late = run(*SUBMIT, "--group", "age<30", "--team", "C")
    assert (late.code, late.err) == (1, "evenhand: The bounty 'loans' has ended; it takes nothing more.\n")
    assert ", ended " in run("list").out


def test_a_log_that_was_changed_does_not_replay(loans: Run) -> None:
    assert loans(*SUBMIT, "--group", WRONGED, "--team", "A").code == 0
    with sqlite3.connect("home/evenhand.db") as database:
        [(text,)] = database.execute(f"SELECT verdict FROM {submissions.name}").fetchall()
        verdict = json.loads(text)
        verdict["ruling"]["gain"] += 1e-12
        database.execute(f"UPDATE {submissions.name} SET verdict = ?", [json.dumps(verdict)])
    database.close()
    done = loans("replay", "loans")
    assert done.code == 1
    assert "Submission 1 does not replay: ruling was " in done.err
    assert done.err.count("\n") == 1


def test_the_same_is_taken_once_and_a_quota_counts_what_is_scored(run: Run) -> None:
    assert run(*CREATE, "--per-team", "1").code == 0
    Path("sent.parquet").write_bytes(answers(Path("home/monitors")))
    submit = (*SUBMIT, "--team", "A", "--group")
    assert run(*submit, "region=south").code == 2  # looks at no label, and costs nothing
    assert "This is the same as submission 1; it was taken once" in run(*submit, "region=south").err
    assert run(*submit, WRONGED).code == 0
    assert run(*submit, "age<40").err == "evenhand: The team 'A' has used its 1 scored submissions.\n"
    assert run(*SUBMIT, "--team", "B", "--group", "age<40").code in (0, 2)


def test_a_group_comes_as_json_and_a_file_that_is_none_fails_by_name(loans: Run) -> None:
    Path("group.json").write_text(
        '{"and": [{"column": "region", "op": "==", "value": "north"}, {"column": "age", "op": "<", "value": 30}]}'
    )
    assert loans(*SUBMIT, "--group", "group.json", "--team", "A").code == 0
    assert "region=north & age<30" in loans("show", "loans").out
    Path("broken.onnx").write_bytes(b"no model at all")
    broken = loans("submit", "loans", "--model", "broken.onnx", "--group", "age<30", "--team", "A")
    assert broken.code in (1, 2)
    assert broken.out[0] in "!✗"


def test_the_owners_labels_are_kept_from_others(run: Run) -> None:
    made = run(*CREATE, "--invitation", "generate")
    secret = next(line for line in made.out.splitlines() if line.startswith("The invitation")).split()[-1]
    assert len(secret) >= 24
    assert oct((FOLDER / SECRET).stat().st_mode)[-3:] == "600"
    assert parquet.read_table(FOLDER / HIDDEN).column_names == ["id", "age", "region", "code"]
    assert secret.encode() not in Path("home/evenhand.db").read_bytes()


def test_what_a_hold_out_can_prove_is_said_before_anybody_hunts(loans: Run) -> None:
    done = loans("check", "loans", "--right", "1")
    assert done.code == 0
    lines = [line.split() for line in done.out.splitlines() if line.lstrip()[:1].isdigit()]
    assert [line[0] for line in lines] == ["1%", "2%", "5%", "10%", "20%", "50%", "100%"]
    first = [1.0 if line[2] == "never" else float(line[2]) for line in lines]
    assert first == sorted(first, reverse=True)
    assert loans("check", "loans", "--right", "0.5").err.startswith("evenhand: --right is a share above 0.5")


def test_another_home_holds_another_bounty(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(*CREATE, "--home", "elsewhere").code == 0
    assert run("list").out.startswith("There are no bounties yet")
    assert run("list", "--home", "elsewhere").out.startswith("loans: opened ")
    monkeypatch.setenv("EVENHAND_HOME", "elsewhere")
    assert run("list").out.startswith("loans: opened ")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show", "nobody"), "No bounty 'nobody'."),
        (("show", "../loans"), "'../loans' is no name of a bounty"),
        ((*SUBMIT, "--group", "age<30"), "Say who hands it in: --team A."),
        ((*SUBMIT, "--group", "height<30", "--team", "A"), "No group may use the column 'height'."),
        ((*SUBMIT, "--group", "nowhere.json", "--team", "A"), "The group in 'nowhere.json' cannot be read"),
        ((*SUBMIT, "--group", "age<30", "--team", "A B"), "'A B' is no name of a team"),
        (
            (*SUBMIT, "--group", "age<30", "--team", "A", "--model", "x"),
            "Give one of --predictions, --model and --code.",
        ),
        (("submit", "loans", "--model", "no.onnx", "--group", "age<30", "--team", "A"), "There is no file 'no.onnx'"),
        (("submit", "http://x", "loans", "--predictions", "sent.parquet", "--group", "age<30"), "give --key-file"),
        (("show", "loans", "--home", "a", "--store", "sqlite:///b.db"), "--home and --store exclude each other"),
        (("model", "loans", "--version", "9", "--out", "m"), "9"),
        (("model", "loans", "--out", "public.parquet"), "'public.parquet' is there already"),
        (("card", "loans", "--out", "public.parquet"), "'public.parquet' is there already"),
        (CREATE, "There is a bounty 'loans' already; its rules stay."),
        (("create", "a b", *CREATE[2:]), "'a b' is no name of a bounty"),
        (("create", "new", *CREATE[2:], "--delta", "2"), "No bounty can have these rules: delta: "),
        (("create", "new", *CREATE[2:], "--checker", "luck"), "No bounty can have these rules: checker: "),
        (("create", "new", *CREATE[2:], "--loss", "guilt"), "No loss is called 'guilt'."),
        (("create", "new", *CREATE[2:], "--facet", "height"), "No column 'height' in the data."),
        (("create", "new", *CREATE[2:], "--closes", "soon"), "'soon' is no time"),
        (("create", "new", *CREATE[2:], "--invitation", " "), "An empty invitation invites nobody"),
        (("hunt", "holdout.parquet", "--label", "truth"), "A bounty is about one model"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(loans: Run, words: tuple[str, ...], says: str) -> None:
    done = loans(*words)
    assert done.code == 1
    assert says in done.err
    assert done.err.startswith("evenhand: ")
    assert done.err.count("\n") == 1
    assert [path.name for path in FOLDER.parent.iterdir()] == ["loans"]  # nothing half made is left


@pytest.mark.parametrize(
    "words",
    [
        ["http://x"],
        ["http://x/bounties/"],
        ["http://x/bounties/a/b"],
        ["loans", "http://x"],
        ["a", "b"],
        ["http://x", "a", "b"],
        [],
    ],
)
def test_a_bounty_is_named_with_or_without_a_server(words: list[str]) -> None:
    assert asked(["loans"]) == (None, "loans")
    assert asked(["https://x", "loans"]) == ("https://x", "loans")
    assert asked(["https://x:8787/bounties/loans/"]) == ("https://x:8787", "loans")
    with pytest.raises(SpecError, match="Name a bounty of this machine, or a server's address and a name"):
        asked(words)


def test_the_model_may_be_one_that_is_written(loans: Run) -> None:
    assert loans(*SUBMIT, "--group", WRONGED, "--team", "A").code == 0
    assert loans("model", "loans", "--out", "model", "--for-hunters").code == 0
    assert not Path("model/card.json").exists()
    told: dict[str, Any] = json.loads(Path("model/model.json").read_text())
    assert told["kind"] == "decision list"


def test_what_was_found_is_audited_and_watched(loans: Run) -> None:
    assert loans(*SUBMIT, "--group", WRONGED, "--team", "A").code == 0
    fresh = people(2000, seed=3)
    parquet.write_table(pa.table(fresh), "fresh.parquet")
    asked = ("audit", "loans", "fresh.parquet", "--positive", "yes")
    before = loans(*asked, "--predicted-label", "base", "--report", "before")
    assert before.code == 2, before.err
    report = json.loads(Path("before/report.json").read_text())
    past = {found["group"] for found in report["findings"] if found["verdict"] == "past"}
    assert "region=north & age<30" in past
    assert report["notes"][-1].startswith("1 group of the bounty loans among the facets: ")
    assert loans("model", "loans", "--out", "model").code == 0
    after = loans(*asked, "--model", "model", "--report", "after")
    assert after.code in (0, 2), after.err

    store = home_of(None, None)[0]
    store.put_monitor(
        Monitor(name="live", audit=eh.Audit(label="truth", facets=["region"]), baseline="holdout.parquet")
    )
    assert loans("facets", "loans", "--monitor", "live").out == "live watches region=north & age<30.\n"
    assert loans("facets", "loans", "--monitor", "live").out == "live watches all of them already.\n"
    assert store.monitor("live").audit.facets == ("region", "region=north & age<30")
    assert loans("facets", "loans", "--monitor", "lives").code == 1
