"""Parts: stored tallies add up to the tally of the whole, each part once, whoever adds it and in whatever order."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenhand as eh
from tests.test_flow import BINARY, people


def cut(table: dict[str, Any], low: int, high: int) -> dict[str, Any]:
    return {name: column[low:high] for name, column in table.items()}


TABLE = people(900)
WHOLE = eh.tally(eh.read(TABLE), BINARY)


def thirds(folder: Path, audit: eh.Audit = BINARY, table: dict[str, Any] = TABLE) -> eh.Parts:
    parts = eh.Parts(folder, audit)
    for number in range(3):
        assert parts.add(f"part {number}", cut(table, 300 * number, 300 * number + 300))
    return parts


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 899), min_size=1, max_size=5, unique=True), st.randoms(use_true_random=False))
def test_parts_add_up_to_the_whole_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], order: Any
) -> None:
    parts = eh.Parts(tmp_path_factory.mktemp("any") / "t", BINARY)
    bounds = [0, *sorted(cuts), 900]
    pieces = [*pairwise(bounds)]
    order.shuffle(pieces)
    for low, high in pieces + pieces[:2]:
        parts.add(f"rows {low}", cut(TABLE, low, high))
    assert len(parts.names) == len(pieces)
    assert parts.total() == WHOLE
    again = eh.Parts(parts.folder, BINARY)
    assert again.total().to_json() == parts.total().to_json()


def test_the_report_on_parts_is_that_on_the_whole_without_the_flip_test(tmp_path: Path) -> None:
    report = thirds(tmp_path / "t").report(title="All", notes=["Counted every night."])
    whole = eh.run(BINARY, TABLE)
    assert "FT" in {finding.metric for finding in whole.findings}
    expected = eh.run(BINARY.model_copy(update={"metrics": tuple({f.metric for f in report.findings})}), TABLE)
    assert {(f.metric, f.group, f.against, f.value) for f in report.findings} == {
        (f.metric, f.group, f.against, f.value) for f in expected.findings
    }
    assert report.title == "All"
    assert report.provenance.rows == 900
    assert report.provenance.columns == len(TABLE)
    assert report.provenance.fingerprint == whole.provenance.fingerprint
    assert "Counted every night." in report.notes
    assert "The flip test is left out: it looks at rows, and of parts only counts are kept." in report.notes


def test_a_part_counts_once_and_other_content_is_refused_or_replaces(tmp_path: Path) -> None:
    parts = thirds(tmp_path / "t")
    assert not parts.add("part 1", cut(TABLE, 300, 600))
    assert parts.total() == WHOLE
    with pytest.raises(
        eh.DataError, match=r"The part 'part 1' is there already with other content; give .* replace=True\."
    ):
        parts.add("part 1", cut(TABLE, 300, 500))
    assert parts.total() == WHOLE
    assert parts.add("part 1", cut(TABLE, 300, 500), replace=True)
    assert parts.total().rows == 800
    assert parts.tally("part 1").rows == 200
    parts.forget("part 1")
    assert parts.names == ("part 0", "part 2")
    with pytest.raises(eh.DataError, match=r"No part 'part 1' in '.*'\. Did you mean 'part 0'\?|No part 'part 1'"):
        parts.forget("part 1")
    with pytest.raises(eh.DataError, match="No part 'part 1'"):
        parts.tally("part 1")


def test_names_are_any_text(tmp_path: Path) -> None:
    parts = eh.Parts(tmp_path / "t", BINARY)
    names = ["../../etc", "a" * 5_000, "A", "a", "", "ü\n/\0", "batch 3", "CON"]
    for number, name in enumerate(names):
        assert name not in parts
        assert parts.add(name, cut(TABLE, 100 * number, 100 * number + 100))
        assert name in parts
    assert parts.names == tuple(sorted(names))
    assert parts.total() == eh.tally(eh.read(cut(TABLE, 0, 800)), BINARY)
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_tallies_may_be_counted_elsewhere(tmp_path: Path) -> None:
    parts = eh.Parts(tmp_path / "t", BINARY)
    assert parts.add("one", eh.tally(eh.read(cut(TABLE, 0, 400)), BINARY))
    assert parts.add("two", cut(TABLE, 400, 900))
    assert parts.total() == WHOLE
    assert parts.report().provenance.rows == 900
    with pytest.raises(
        eh.SpecError,
        match=r"The part 'x' was counted for another audit: facets differ from the parts .* add it to another folder\.",
    ):
        parts.add("x", eh.tally(eh.read(TABLE), BINARY.model_copy(update={"facets": ("sex",)})))
    other = eh.Parts(tmp_path / "other", BINARY)
    with pytest.raises(eh.SpecError, match="score_bins differ"):
        other.add("x", eh.tally(eh.read(TABLE), BINARY.model_copy(update={"score_bins": 8})))
    assert not (tmp_path / "other").exists()


def test_a_folder_belongs_to_one_audit(tmp_path: Path) -> None:
    thirds(tmp_path / "t")
    with pytest.raises(
        eh.SpecError,
        match=r"The parts in '.*t' were counted for another audit: facets, seed differ; ask the same, or choose",
    ):
        eh.Parts(tmp_path / "t", BINARY.model_copy(update={"facets": ("sex",), "seed": 4}))
    begun_before = eh.Parts(tmp_path / "new", BINARY.model_copy(update={"seed": 4}))
    thirds(tmp_path / "new")
    with pytest.raises(eh.SpecError, match="seed differ"):
        begun_before.add("x", TABLE)


def test_the_first_part_settles_what_the_audit_leaves_open(tmp_path: Path) -> None:
    audit = eh.Audit(label="y", facets=("g",))
    parts = eh.Parts(tmp_path / "t", audit)
    parts.add("a", {"g": ["a", "b"] * 3, "y": [0, 1, 2] * 2})
    # On its own this part would be binary.
    parts.add("b", {"g": ["a", "b"] * 3, "y": [0, 1, 1] * 2})
    assert parts.total().outcome == "multiclass"
    assert parts.total().rows == 12
    binary = eh.Parts(tmp_path / "binary", audit)
    binary.add("b", {"g": ["a", "b"] * 30, "y": [0, 1, 1] * 20})
    binary.add("a", {"g": ["a", "b"] * 30, "y": [0, 1, 2] * 20})
    assert binary.total().outcome == "binary"
    assert "Positive was not given; y=1 counts as positive." in binary.report().notes
    quantities = eh.Parts(tmp_path / "quantities", audit)
    quantities.add("a", {"g": ["a", "b"] * 30, "y": np.arange(60) * 1.5})
    quantities.add("b", {"g": ["a", "b"] * 3, "y": [0, 1, 1] * 2})
    assert quantities.total().outcome == "regression"


def test_parts_without_rows_add_nothing(tmp_path: Path) -> None:
    parts = eh.Parts(tmp_path / "t", BINARY)
    assert not parts.add("empty", cut(TABLE, 0, 0))
    assert parts.names == ()
    assert parts.add("full", TABLE)
    with pytest.raises(eh.DataError, match=r"No part was added to '.*' yet, so there is nothing to add up\."):
        eh.Parts(tmp_path / "none", BINARY).total()
    with pytest.raises(eh.ColumnNotFound, match="No column 'label'"):
        parts.add("x", {"a": [1, 2]})


def test_columns_of_another_kind_are_told(tmp_path: Path) -> None:
    audit = eh.Audit(label="y", positive=(1,), facets=("zip",))
    parts = eh.Parts(tmp_path / "t", audit)
    parts.add("a", {"zip": [1, 2] * 20, "y": [0, 1, 1, 1] * 10})
    parts.add("b", {"zip": ["1", "x"] * 20, "y": [0, 1, 1, 1] * 10})
    assert (
        "Column 'zip' is text in the part 'b' and number in the first part, so that equal values may stand as different"
        " groups." in parts.report().notes
    )


def test_a_text_that_names_a_column_in_one_part_only_is_refused(tmp_path: Path) -> None:
    audit = eh.Audit(label="y", positive=(1,), facets=("g=a",))
    parts = eh.Parts(tmp_path / "t", audit)
    parts.add("a", {"g": ["a", "b"], "y": [0, 1]})
    with pytest.raises(eh.DataError, match=r"The facet 'g=a' names a column in some parts .* rename that column\."):
        parts.add("b", {"g": ["a", "b"], "g=a": ["c", "d"], "y": [0, 1]})


def _by_score(rows: Any) -> Any:
    return np.asarray(rows["score"]) >= 0.5


def test_a_model_is_asked_for_each_part_and_stays_the_same(tmp_path: Path) -> None:
    audit = eh.Audit(label="label", positive=(1,), facets=("sex", "race"), features=("score",))
    parts = eh.Parts(tmp_path / "t", audit)
    table = {name: TABLE[name] for name in ("sex", "race", "label", "score")}
    for number in range(3):
        assert parts.add(f"part {number}", cut(table, 300 * number, 300 * number + 300), model=_by_score)
    assert not parts.add("part 0", cut(table, 0, 300), model=_by_score)
    report, whole = parts.report(), eh.run(audit, table, _by_score)
    assert report.provenance.fingerprint == whole.provenance.fingerprint
    assert report.provenance.model == whole.provenance.model
    with pytest.raises(
        eh.SpecError, match=r"were counted with the model .*_by_score.*, and this one would be with no model; give the"
    ):
        parts.add("x", table)


def test_several_processes_add_at_once_and_no_part_is_lost(tmp_path: Path) -> None:
    code = (
        "import sys; import evenhand as eh\n"
        "from tests.parts.test_parts import BINARY, TABLE, cut\n"
        "parts = eh.Parts(sys.argv[1], BINARY)\n"
        "for n in range(9): parts.add(f'part {n}', cut(TABLE, 100 * n, 100 * n + 100))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "t")]
    started = [subprocess.Popen(command, cwd=Path(__file__).parents[2]) for _ in range(3)]
    assert [process.wait(timeout=120) for process in started] == [0, 0, 0]
    parts = eh.Parts(tmp_path / "t", BINARY)
    assert parts.total() == WHOLE
    assert {path.suffix for path in parts.folder.iterdir()} == {".part", ".json"}


def test_two_first_parts_at_once_settle_one_outcome(tmp_path: Path) -> None:
    audit = eh.Audit(label="y", facets=("g",))
    two = {"g": ["a", "b"] * 30, "y": [0, 1, 1] * 20}
    three = {"g": ["a", "b"] * 30, "y": [0, 1, 2] * 20}
    for number in range(8):
        parts = eh.Parts(tmp_path / str(number), audit)
        with ThreadPoolExecutor(2) as pool:
            assert all(pool.map(parts.add, ("two", "three"), (two, three)))
        total = parts.total()
        assert total.rows == 120
        assert total.outcome in ("binary", "multiclass")


def test_what_is_no_part_is_said_in_one_line(tmp_path: Path) -> None:
    parts = thirds(tmp_path / "t")
    stored = next(parts.folder.glob("*.part"))
    good = stored.read_bytes()
    for wrong in (b"", b"x\n", b"{}\n", b'{"part": "a", "stamp": {"root": 1}}\n', b"[" * 100_000):
        stored.write_bytes(wrong)
        with pytest.raises(eh.UnreadableSource, match=r"'.*\.part' is not a part that evenhand stored; remove it"):
            parts.total()
    stored.write_bytes(good[: len(good) // 2])
    with pytest.raises(eh.UnreadableSource, match="This is not a tally of evenhand"):
        parts.total()
    for content in ("", "{}", '{"parts": 2}', "[]"):
        (parts.folder / "audit.json").write_text(content)
        with pytest.raises(eh.UnreadableSource, match=r"'.*audit\.json' is not what evenhand wrote there; choose"):
            eh.Parts(parts.folder, BINARY)
    (tmp_path / "file").write_text("")
    with pytest.raises(eh.UnreadableSource, match=r"Cannot read the folder of parts '.*file': Not a directory\."):
        eh.Parts(tmp_path / "file", BINARY)
