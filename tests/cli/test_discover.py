"""evenhand discover as a user runs it: the table, the files, the command to go on with, and the exit code."""

import csv
import html
import json
import re
import shlex
from pathlib import Path

import pytest

import evenhand as eh
from evenhand.core.subgroup import Discovery
from tests.cli.test_commands import evenhand
from tests.discovering.planted import table

# In a CSV file these columns hold numbers.
GROUP = "color=2 & taste=4 & age<50"

LOANS = ("discover", "loans.csv", "--label", "label", "--positive", "1", "--predicted-label", "prediction")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table in which a group is treated worse, and one in which none is."""
    place = tmp_path_factory.mktemp("groups")
    for name, gap in (("loans.csv", 0.2), ("clean.csv", 0.0)):
        data = table(30_000, 2, gap=gap)
        data["minutes"] = [round(5 + 3 * wrong, 1) for wrong in abs(data["label"] - data["prediction"])]
        data["town"] = ["Ur" if value == "1" else "Uruk" for value in data.pop("letter0")]
        with (place / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(data)
            writer.writerows(zip(*data.values(), strict=True))
    return place


def test_groups_end_with_two_and_write_a_page_and_json(folder: Path) -> None:
    done = evenhand(*LOANS, "--error", "--columns", "color,taste,age,town", "--out", "found", folder=folder)
    assert done.returncode == 2
    assert done.stderr == ""
    assert "1 group was found for which decisions are wrong more often than elsewhere." in done.stdout
    assert f"Where {GROUP}" in " ".join(done.stdout.split())
    assert sorted(path.name for path in (folder / "found").iterdir()) == ["discovered.html", "discovered.json"]
    found = Discovery.model_validate_json((folder / "found" / "discovered.json").read_text())
    assert [each.group for each in found.subgroups] == [GROUP]
    page = (folder / "found" / "discovered.html").read_text()
    assert html.escape(GROUP) in page
    data = re.search(r'<script type="application/json" id="discovered">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    assert Discovery.model_validate_json(data[1]) == found


def test_the_command_to_go_on_with_runs_as_it_is(folder: Path) -> None:
    done = evenhand(*LOANS, "--error", "--columns", "color,taste,age", folder=folder)
    command = shlex.split(next(line for line in done.stdout.splitlines() if line.startswith("evenhand audit ")))
    again = evenhand(*command[1:], "--report", "audited", folder=folder)
    assert again.returncode in (0, 2), again.stderr
    report = eh.Report.load(folder / "audited" / "report.json")
    assert report.audit.facets == (GROUP,)


def test_no_group_ends_with_zero(folder: Path) -> None:
    done = evenhand("discover", "clean.csv", *LOANS[2:], "--error", "--columns", "color,taste,age", folder=folder)
    assert done.returncode == 0
    assert "No group was found for which decisions are wrong more often than elsewhere." in done.stdout
    assert "would have been found four times in five" in done.stdout
    assert "evenhand audit" not in done.stdout


def test_a_column_of_numbers_is_enough(folder: Path) -> None:
    done = evenhand("discover", "loans.csv", "--column", "minutes", "--columns", "color,taste,age", folder=folder)
    assert done.returncode == 2
    assert "minutes is higher than elsewhere" in done.stdout
    assert "--label minutes --outcome regression" in done.stdout


def test_several_searches_and_directions(folder: Path) -> None:
    done = evenhand(
        *LOANS, "--selection", "--either", "--by", "lattice,tree", "--depth", "2", "--support", "0.02",
        "--columns", "taste", "--columns", "color", "--level", "0.9", folder=folder,
    )  # fmt: skip
    assert done.returncode in (0, 2), done.stderr
    assert "at most 2 conditions on 2 columns" in " ".join(done.stdout.split())


def test_permutations(folder: Path) -> None:
    done = evenhand(*LOANS, "--error", "--honest", "permutations", "--columns", "color,taste,age", folder=folder)
    assert done.returncode == 2
    assert "shuffled outcomes" in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "Say one thing to look for: --error, --false-positives, --false-negatives, --selection, --label-rate,"),
        (("--error", "--selection"), "Say one thing to look for"),
        (("--error", "--less", "--either"), "--less and --either exclude each other; give one of them."),
        (("--error", "--by", "forest"), "No search is called 'forest'."),
        (("--error", "--honest", "thirds"), "No way is called 'thirds'."),
        (("--column", "town"), "Column 'town' holds no numbers"),
        (("--error", "--model-option", "x"), "--model-option 'x' must be NAME=VALUE."),
        (("--error", "--depth", "0"), "depth is 0; a group needs at least 1 condition."),
    ],
)
def test_errors_are_one_line_and_end_with_one(folder: Path, options: tuple[str, ...], message: str) -> None:
    done = evenhand(*LOANS, *options, folder=folder)
    assert done.returncode == 1
    assert done.stdout == ""
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_markup_of_the_data_stays_text(tmp_path: Path) -> None:
    data = table(20_000, 3, gap=0.4)
    odd = {"2": "</script><script>alert(1)</script>", "4": "'; rm -rf ~ #"}
    data["<img src=x>"] = [odd.get(value, value) for value in data.pop("color")]
    data["taste"] = [odd.get(value, value) for value in data["taste"]]
    with (tmp_path / "odd.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(data)
        writer.writerows(zip(*data.values(), strict=True))
    done = evenhand("discover", "odd.csv", *LOANS[2:], "--error", "--out", "out", folder=tmp_path)
    assert done.returncode == 2
    page = (tmp_path / "out" / "discovered.html").read_text()
    assert page.count("<script") == page.count("</script>") == 1
    assert "<img" not in page
    assert "Content-Security-Policy" in page
    assert "script-src" not in page
    line = next(line for line in done.stdout.splitlines() if line.startswith("evenhand audit "))
    found = json.loads((tmp_path / "out" / "discovered.json").read_text())
    assert shlex.split(line)[-1] == found["subgroups"][-1]["group"]
    assert "rm -rf" in found["subgroups"][0]["group"]
