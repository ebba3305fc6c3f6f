"""Files as parts: only what is new or has changed is read; what is gone stays counted until it is to be forgotten."""

import csv
import os
from pathlib import Path
from typing import Any

import pytest

import evenhand as eh
from evenhand.parts import Counted, Parts, count_files
from tests.test_flow import people

AUDIT = eh.Audit(label="label", positive=(1,), predicted_label="predicted", facets=("sex", "race"), weight="weight")
TABLE = people(800)


def write(path: Path, low: int, high: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(TABLE)
        writer.writerows(list(zip(*TABLE.values(), strict=True))[low:high])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for number in range(3):
        write(folder / f"day {number}.csv", 200 * number, 200 * number + 200)
    return folder


def test_only_new_files_are_read(data: Path, tmp_path: Path) -> None:
    parts = Parts(tmp_path / "t", AUDIT)
    first = count_files(parts, data)
    assert first == Counted(new=("day 0.csv", "day 1.csv", "day 2.csv"))
    assert first.notes == ()
    assert parts.total() == eh.tally(eh.read(data), AUDIT)
    # Same size and time, but nothing that could be read: opening it again would fail.
    facts = (data / "day 0.csv").stat()
    (data / "day 0.csv").write_bytes(b"\0" * facts.st_size)
    os.utime(data / "day 0.csv", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert count_files(parts, data) == Counted()
    write(data / "day 0.csv", 0, 200)
    os.utime(data / "day 0.csv", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    write(data / "below" / "day 3.csv", 600, 800)
    assert count_files(parts, str(data)) == Counted(new=("below/day 3.csv",))
    assert parts.total() == eh.tally(eh.read(data), AUDIT)
    assert parts.total().rows == 800


def test_a_changed_file_is_said_and_counted_anew(data: Path, tmp_path: Path) -> None:
    parts = Parts(tmp_path / "t", AUDIT)
    count_files(parts, data)
    write(data / "day 1.csv", 200, 300)
    counted = count_files(parts, data)
    assert counted == Counted(changed=("day 1.csv",))
    assert counted.notes == ("1 file changed since counting, counted anew: day 1.csv.",)
    assert parts.total() == eh.tally(eh.read(data), AUDIT)
    write(data / "day 1.csv", 0, 0)
    emptied = count_files(parts, data)
    assert emptied == Counted(empty=("day 1.csv",))
    assert emptied.notes == ("1 file without rows: day 1.csv.",)
    assert parts.total().rows == 400


def test_what_is_gone_stays_counted_unless_forgotten(data: Path, tmp_path: Path) -> None:
    parts = Parts(tmp_path / "t", AUDIT)
    count_files(parts, data)
    for number in range(2):
        (data / f"day {number}.csv").unlink()
    kept = count_files(parts, data)
    assert kept == Counted(gone=("day 0.csv", "day 1.csv"))
    assert kept.notes == ("2 files gone, and still counted: day 0.csv, day 1.csv.",)
    assert parts.total().rows == 600
    forgotten = count_files(parts, data, forget=True)
    assert forgotten.notes == ("2 files gone, and no longer counted: day 0.csv, day 1.csv.",)
    assert parts.total() == eh.tally(eh.read(data / "day 2.csv"), AUDIT)


def test_globs_and_single_files_count_with_the_names_of_their_folder(data: Path, tmp_path: Path) -> None:
    parts = Parts(tmp_path / "t", AUDIT)
    assert count_files(parts, data / "day 0.csv").new == ("day 0.csv",)
    assert count_files(parts, str(data / "day [01].csv")).new == ("day 1.csv",)
    assert count_files(parts, data).new == ("day 2.csv",)
    # Files that a glob does not name are not gone.
    assert count_files(parts, str(data / "day 1*")) == Counted()
    assert parts.total().rows == 600


def test_a_folder_that_moved_is_the_same_and_another_is_refused(data: Path, tmp_path: Path) -> None:
    parts = Parts(tmp_path / "t", AUDIT)
    count_files(parts, data)
    moved = data.rename(tmp_path / "moved")
    assert count_files(parts, moved) == Counted()
    write(tmp_path / "other" / "day 0.csv", 600, 800)
    with pytest.raises(
        eh.DataError,
        match=r"The file 'day 0.csv' of '.*data' is counted already, and that of '.*other' is another; count the files",
    ):
        count_files(parts, tmp_path / "other")
    assert parts.total().rows == 600


def test_an_error_names_the_file_and_keeps_what_was_counted(data: Path, tmp_path: Path) -> None:
    parts = Parts(tmp_path / "t", AUDIT)
    (data / "day 1.csv").write_text("label,sex\n1,f\n0,m\n")
    with pytest.raises(eh.ColumnNotFound, match=r"^day 1\.csv: No column 'predicted' in the data"):
        count_files(parts, data)
    assert parts.names == ("day 0.csv",)
    write(data / "day 1.csv", 200, 400)
    assert count_files(parts, data).new == ("day 1.csv", "day 2.csv")
    with pytest.raises(eh.UnreadableSource, match="No file"):
        count_files(parts, data / "none.csv")


def test_a_part_with_too_few_values_says_so_in_the_whole(tmp_path: Path) -> None:
    audit = AUDIT.model_copy(update={"missing": {"race": "error"}})
    write(tmp_path / "d" / "a.csv", 0, 200)
    parts = Parts(tmp_path / "t", audit)
    count_files(parts, tmp_path / "d")
    with pytest.raises(eh.DataError, match=r"Column 'race' has no value in .* rows, and missing is error for it"):
        parts.report()


def test_folders_that_are_columns_stay_columns(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    def day(name: str) -> None:
        (tmp_path / "d" / f"day={name}").mkdir(parents=True)
        rows: dict[str, Any] = {"sex": ["f", "m"] * 20, "label": [0, 1, 1, 0] * 10}
        parquet.write_table(arrow.table(rows), tmp_path / "d" / f"day={name}" / "part-0.parquet")

    audit = eh.Audit(label="label", positive=(1,), facets=("sex", "day"))
    parts = Parts(tmp_path / "t", audit)
    for name in ("mon", "tue"):
        day(name)
        assert count_files(parts, tmp_path / "d").new == (f"day={name}/part-0.parquet",)
    assert parts.total() == eh.tally(eh.read(tmp_path / "d"), audit)
    assert parts.total().over(["facet day"]).levels["facet day"] == ("mon", "tue")


def test_progress_is_told(data: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    count_files(Parts(tmp_path / "t", AUDIT), data, progress=lambda *stage: told.append(stage))
    assert told == [("counting files", number, 3) for number in range(3)]
