"""Small files become few larger ones, at every moment of which each record stands once."""

import resource
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import narwhals as nw

from evenhand.core.window import Window
from evenhand.monitor.capture import Capture
from evenhand.monitor.capture.columns import Columns
from evenhand.monitor.capture.compacting import FEWEST
from evenhand.monitor.capture.folder import Folder
from tests.monitor.capture.traffic_model import ALWAYS, MONITOR, START, Memory, clock

DAYS = timedelta(days=1)


def opened(place: Path, grace: float = 3600.0) -> Capture:
    return Capture(place, MONITOR, clock=clock, grace=grace)


def send(capture: Capture, number: int, **more: Any) -> None:
    """A segment of its own with two records and the label of one; every third brings ids that are text."""
    key = f"x{number}" if number % 3 == 0 else str(number)
    capture.accept(
        [
            {"id": key, "time": START.isoformat(), "sex": "FM"[number % 2], "approved": 1, **more},
            {"id": str(1000 + number), "time": (START + timedelta(hours=7)).isoformat(), "sex": "F", "approved": 0},
        ]
    )
    capture.accept_truth([{"id": key, "paid": number % 2}])
    capture.seal()


def merged_and_counted(capture: Capture, store: Memory) -> list[Window]:
    """What a run does: where something was counted, small files are merged."""
    grown = capture.counted(store)
    if grown:
        capture.compact()
    return grown


def rows(capture: Capture) -> list[Any]:
    frame = capture.frame(ALWAYS, labelled=False)
    assert frame is not None
    batches = (nw.from_native(batch, eager_only=True) for batch in frame.batches(["id", "sex"], 500))
    return sorted(row for batch in batches for row in batch.iter_rows())


def files(place: Path, kind: str = "predictions") -> list[str]:
    return sorted(path.name for path in (place / kind).rglob("*.parquet"))


def test_merged_files_hold_the_same_and_count_no_more(tmp_path: Path) -> None:
    capture, store = opened(tmp_path, grace=0), Memory()
    for number in range(FEWEST):
        send(capture, number, **({"age": number} if number > 4 else {}))
    before = rows(capture)
    assert len(before) == 2 * FEWEST
    assert merged_and_counted(capture, store) and len(files(tmp_path)) == 2 * FEWEST + 2
    assert rows(capture) == before
    for number in range(FEWEST):  # nothing of it is new
        send(capture, number)
    assert merged_and_counted(capture, store) == []
    send(capture, FEWEST)
    merged_and_counted(capture, store)
    merged = f"00000001-{FEWEST:08d}.parquet"
    assert files(tmp_path).count(merged) == 2 and files(tmp_path, "truth")[0] == merged
    assert len(files(tmp_path)) == 4 and len(files(tmp_path, "truth")) == 2
    assert len(rows(capture)) == 2 * FEWEST + 2
    for counted, expected in (("all", 2 * FEWEST + 2), ("labelled", FEWEST + 1)):
        assert sum(tally.rows for tally in store.cells(counted).values()) == expected
    labelled = capture.frame(ALWAYS, labelled=True)
    assert labelled is not None and labelled.height == FEWEST + 1


def test_truth_meets_predictions_in_merged_files(tmp_path: Path) -> None:
    capture, store = opened(tmp_path, grace=0), Memory()
    for number in range(FEWEST):
        send(capture, number)
    merged_and_counted(capture, store)
    capture.accept_truth([{"id": str(1000 + number), "paid": 1} for number in range(FEWEST)])
    assert len(capture.cells_changed()) == 1
    merged_and_counted(capture, store)
    assert sum(tally.rows for tally in store.cells("labelled").values()) == 2 * FEWEST
    capture.accept_truth([{"id": 1000, "paid": 0}])
    capture.seal()
    assert capture.corrections() == 1


def test_who_listed_the_files_can_read_them_for_a_while(tmp_path: Path) -> None:
    capture, store = opened(tmp_path), Memory()
    for number in range(FEWEST):
        send(capture, number)
    frame = capture.frame(ALWAYS, labelled=False)
    assert frame is not None
    merged_and_counted(capture, store)
    send(capture, 50)
    merged_and_counted(capture, store)
    assert sum(len(batch) for batch in frame.batches(["id"], 500)) == 2 * FEWEST
    assert len(files(tmp_path)) == 2 * FEWEST + 4


def test_a_merge_without_space_changes_nothing(tmp_path: Path) -> None:
    capture, store = opened(tmp_path), Memory()
    for number in range(FEWEST):
        send(capture, number)
    whole = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_200, whole[1]))  # enough to say what was counted
    try:
        assert len(merged_and_counted(capture, store)) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, whole)
    assert len(files(tmp_path)) == 2 * FEWEST
    assert len(rows(capture)) == 2 * FEWEST
    assert sum(tally.rows for tally in store.cells("all").values()) == 2 * FEWEST
    assert merged_and_counted(capture, store) == []
    send(capture, 50)
    merged_and_counted(capture, store)
    assert len(rows(capture)) == 2 * FEWEST + 2


def test_merged_files_are_forgotten_whole(tmp_path: Path) -> None:
    capture, store = opened(tmp_path), Memory()
    for number in range(FEWEST):
        send(capture, number)
    merged_and_counted(capture, store)
    assert capture.forget(START + 2 * DAYS) == 2
    assert files(tmp_path) == [] and capture.frame(ALWAYS, labelled=False) is None
    folder = Folder(tmp_path, MONITOR.windows)
    assert folder.predictions(10**6) == [] and len(Columns(folder.columns).kinds) == 3


def test_merged_files_are_merged_again(tmp_path: Path) -> None:
    capture, store = opened(tmp_path, grace=0.3), Memory()
    for number in range(4 * FEWEST):
        send(capture, number)
        merged_and_counted(capture, store)
    assert len(rows(capture)) == 8 * FEWEST
    time.sleep(0.5)  # nobody reads what was merged any more: files that were merged twice go together
    send(capture, 4 * FEWEST)
    merged_and_counted(capture, store)
    assert len(rows(capture)) == 8 * FEWEST + 2
    assert len(files(tmp_path)) < 4 * FEWEST
