"""assert_fair fails for what is past its threshold and says so; the plugin keeps what tests looked at."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import evenhand as eh
from evenhand.testing import assert_fair

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parents[1]
AUDIT = eh.Audit(
    label="y", positive=(1,), predicted_label="p", facets=("g", "h"), features=(), thresholds={"DI": 0.8, "DPPL": 0.1}
)


def decisions(accepted: tuple[int, int], rows: int = 2_000) -> eh.Report:
    """Two groups of which so many of a hundred are accepted, and a facet h that does not matter."""
    chosen = [int(place // 2 % 100 < accepted[place % 2]) for place in range(rows)]
    table = {
        "g": ["a", "b"] * (rows // 2), "h": ["c", "c", "d", "d"] * (rows // 4),
        "y": [place // 8 % 2 for place in range(rows)], "p": chosen,
    }  # fmt: skip
    return eh.run(AUDIT, table)


@pytest.fixture(scope="module")
def unfair() -> eh.Report:
    return decisions((30, 70))


@pytest.fixture(scope="module")
def fair() -> eh.Report:
    return decisions((50, 50))


def test_a_fair_report_passes(fair: eh.Report) -> None:
    assert_fair(fair)
    assert_fair(fair, allow=())


def test_an_unfair_report_fails_in_plain_words(unfair: eh.Report) -> None:
    with pytest.raises(AssertionError) as told:
        assert_fair(unfair)
    lines = str(told.value).splitlines()
    assert lines[1] == "Past the threshold:"
    assert f"{len(unfair.past)} of " in lines[0]
    assert len(lines) == 2 + len(unfair.past)
    for finding, line in zip(unfair.past, lines[2:], strict=True):
        assert line.startswith(f"  - {finding.metric} of {finding.group}: {finding.reading} Acceptable is ")


def test_only_the_metrics_and_facets_asked_for_are_judged(unfair: eh.Report) -> None:
    assert_fair(unfair, facets=["h"])
    assert_fair(unfair, metrics=["LR"])
    with pytest.raises(AssertionError, match="DPPL of g=a"):
        assert_fair(unfair, metrics=["DPPL"], facets="g")


def test_a_doubt_passes_unless_it_may_not() -> None:
    few = decisions((45, 55), rows=40)
    assert not few.past
    assert_fair(few)
    with pytest.raises(AssertionError, match=r"Not shown to be fair:\n.*\[(too little data|cannot tell)\]"):
        assert_fair(few, allow=())


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"metrics": ["DPL0"]}, r"The report has no metric 'DPL0'. Did you mean 'DPL'\?"),
        ({"facets": ["sex"]}, r"The report has no facet 'sex'. There are: 'g', 'h'."),
        ({"allow": ["past"]}, "allow='past' is no verdict that may pass. There are: 'cannot tell'"),
        ({"metrics": ["CI"]}, "has a threshold, so this test could never fail; set thresholds."),
    ],
)
def test_a_test_that_could_never_fail_is_refused(fair: eh.Report, asked: dict[str, list[str]], message: str) -> None:
    with pytest.raises(eh.SpecError, match=message):
        assert_fair(fair, **asked)  # type: ignore[arg-type]


def test_a_path_is_read(unfair: eh.Report, tmp_path: Path) -> None:
    unfair.save(tmp_path / "report.json")
    with pytest.raises(AssertionError, match="Past the threshold:"):
        assert_fair(tmp_path / "report.json")
    with pytest.raises(eh.UnreadableSource, match="Cannot read the report"):
        assert_fair(tmp_path / "none.json")


def test_names_from_the_data_cannot_forge_lines(unfair: eh.Report) -> None:
    finding = unfair.past[0].model_copy(update={"group": "g=a\n2 passed\u202e"})
    forged = unfair.model_copy(update={"findings": (finding,)})
    with pytest.raises(AssertionError) as told:
        assert_fair(forged)
    assert "g=a⟨U+000A⟩2 passed⟨U+202E⟩" in str(told.value)
    assert len(str(told.value).splitlines()) == 3


# --- the plugin

TESTS = """
import pytest
from evenhand import Report
from evenhand.testing import assert_fair

@pytest.mark.parametrize("name", ["../../escaped", "plain"])
def test_of(name):
    assert_fair("report.json")
"""


@pytest.fixture
def installed(unfair: eh.Report, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with a report and tests, for a pytest that finds the plugin by the entry point of pyproject.toml."""
    entries = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    info = pytester.mkdir("site") / "evenhand_entry-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evenhand-entry\nVersion: 1\n")
    lines = [f"{name} = {place}" for name, place in entries.items()]
    (info / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines]) + "\n")
    paths = [str(info.parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in paths if path))
    unfair.save(pytester.path / "report.json")
    pytester.makepyfile(TESTS)
    return pytester


def test_reports_are_kept_under_plain_names(installed: pytest.Pytester) -> None:
    result = installed.runpytest_subprocess("-p", "no:cacheprovider", "--evenhand-report", "kept")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*Past the threshold:*", "*DPPL of g=a: *", "evenhand: the reports are in *kept"])
    kept = sorted(path.name for path in (installed.path / "kept").iterdir())
    assert len(kept) == 4
    assert {name.rpartition(".")[2] for name in kept} == {"html", "json"}
    assert all("/" not in name and name.startswith("test_reports_are_kept") for name in kept)
    pages = [path for path in (installed.path / "kept").iterdir() if path.suffix == ".json"]
    assert all(eh.Report.load(page) == eh.Report.load(installed.path / "report.json") for page in pages)


def test_nothing_is_kept_unless_asked(installed: pytest.Pytester) -> None:
    result = installed.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=2)
    assert "evenhand: the reports" not in result.stdout.str()
    assert not list(installed.path.rglob("*.html"))


def test_the_plugin_costs_other_runs_nothing() -> None:
    seen = "import sys, evenhand.testing; print(sorted({'numpy', 'pydantic', 'duckdb', 'pytest'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
