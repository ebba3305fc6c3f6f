"""Exporting: everything of a bounty in files that any program reads, and no label unless its owner asks for them."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.bounty.afterwards.exporting import cell, export, written_csv
from evenhand.bounty.contest.facts import Contest
from evenhand.bounty.submissions.sandbox import Sandbox
from evenhand.core.bounty import Bounty, Submission, Verdict
from evenhand.core.errors import EvenhandError
from tests.bounty.hunted import Hunt, better, hunt_in, planted, useless

HOSTILE = '=HYPERLINK("http://x")'


@pytest.fixture(scope="module")
def hunt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hunt]:
    with Sandbox() as sandbox:
        found = hunt_in(tmp_path_factory.mktemp("export"), sandbox, planted(facets=("region",)))
        found.try_("B", "age>=18", useless(found, 1))
        found.try_(HOSTILE, "age<30", better(found))
        found.send("B", "age<40", better(found))
        yield found


@pytest.fixture(scope="module")
def out(hunt: Hunt, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("out") / "export"
    export(hunt.folder, hunt.store, place, sandbox=hunt.sandbox)
    return place


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_folder_holds_rules_log_tables_and_files(hunt: Hunt, out: Path) -> None:
    assert {path.name for path in out.iterdir()} == {
        "bounty.json", "contest.json", "log.jsonl", "submissions.csv", "leaderboard.csv", "finds.csv", "groups.csv",
        "timeline.csv", "usage.csv", "hidden.parquet", "files",
    }  # fmt: skip
    assert "seed" not in json.loads((out / "bounty.json").read_bytes()), "it says which rows prove"
    read = Bounty.model_validate_json((out / "bounty.json").read_bytes())
    assert read.model_copy(update={"seed": hunt.bounty.seed}) == hunt.bounty
    assert len(Contest.model_validate_json((out / "contest.json").read_bytes()).feed) == 3
    kept = {each.submission.file for each in hunt.store.handed_in("planted")}
    assert {path.name for path in (out / "files").iterdir()} == kept
    for name in kept:
        assert (out / "files" / name).read_bytes() == (hunt.folder / "files" / name).read_bytes()


def test_the_log_reads_back_as_it_is_kept(hunt: Hunt, out: Path) -> None:
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    handed = hunt.store.handed_in("planted")
    assert [Submission.model_validate(line["submission"]) for line in lines] == [each.submission for each in handed]
    assert [line["verdict"] and Verdict.model_validate(line["verdict"]) for line in lines] == [
        each.verdict for each in handed
    ]


def test_tables_have_a_row_each_with_rulings_and_intervals(hunt: Hunt, out: Path) -> None:
    told = rows(out / "submissions.csv")
    assert [each["state"] for each in told] == ["refused", "accepted", "waiting"]
    ruling = hunt.verdicts[1].ruling
    assert ruling is not None and float(told[1]["ruling gain"]) == ruling.gain
    groups = rows(out / "groups.csv")
    assert [each["group"] for each in groups] == ["region=east", "region=north", "region=south"]
    assert float(groups[0]["interval low"]) < float(groups[0]["now"]) < float(groups[0]["interval high"])
    assert [each["place"] for each in rows(out / "leaderboard.csv")] == ["1", "2"]
    assert {(each["team"], each["feature"]) for each in rows(out / "usage.csv")} >= {
        ("B", "age"),
        (f"'{HOSTILE}", "age"),
    }


def test_no_cell_begins_a_formula(out: Path) -> None:
    for path in out.glob("*.csv"):
        for row in rows(path):
            for text in row.values():
                assert not text.startswith(("=", "+", "@", "\t", "\r")), (path.name, text)
    assert [each["team"] for each in rows(out / "finds.csv")] == [f"'{HOSTILE}"]


def test_labels_are_in_it_only_where_their_owner_asks(hunt: Hunt, out: Path, tmp_path: Path) -> None:
    assert not (out / "labels.csv").exists() and not list(out.glob("*.npz"))
    export(hunt.folder, hunt.store, tmp_path / "all", sandbox=hunt.sandbox, labels=True)
    assert Bounty.model_validate_json((tmp_path / "all" / "bounty.json").read_bytes()) == hunt.bounty
    found = rows(tmp_path / "all" / "labels.csv")
    assert [each["id"] for each in found] == hunt.holdout.ids.tolist()
    assert [each["label"] for each in found] == [hunt.bounty.classes[place] for place in hunt.holdout.labels]
    assert {each["used for"] for each in found} == {"check", "repair", "board"}


def test_a_zip_holds_the_same(hunt: Hunt, out: Path, tmp_path: Path) -> None:
    export(hunt.folder, hunt.store, tmp_path / "bounty.zip", sandbox=hunt.sandbox)
    with zipfile.ZipFile(tmp_path / "bounty.zip") as archive:
        assert set(archive.namelist()) == {
            path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()
        }
        assert archive.read("submissions.csv") == (out / "submissions.csv").read_bytes()


def test_a_place_that_is_taken_is_left_alone(hunt: Hunt, out: Path) -> None:
    before = (out / "bounty.json").read_bytes()
    with pytest.raises(EvenhandError, match="is there already; remove it, or choose another place"):
        export(hunt.folder, hunt.store, out, sandbox=hunt.sandbox)
    assert (out / "bounty.json").read_bytes() == before
    assert [path.name for path in out.parent.iterdir()] == ["export"], "nothing half-made is left beside it"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20))
def test_any_text_reads_back_and_starts_no_formula(text: str) -> None:
    content = written_csv([{"a": text, "b": 1}], ("a", "b"))
    [row] = csv.DictReader(io.StringIO(content, newline=""))
    assert row["a"].removeprefix("'") == text.removeprefix("'")
    assert not row["a"].lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "|", "%"))


def test_numbers_stay_numbers() -> None:
    assert [cell(each) for each in (-0.25, 3, None, True, False)] == ["-0.25", "3", "", "true", "false"]
