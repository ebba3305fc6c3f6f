"""What is accepted counts once: the first record and the first label of each id, however they come."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.audit import Audit
from evenhand.core.errors import DataError, SpecError
from evenhand.core.window import Window, cell_of
from evenhand.flow import tally_of
from evenhand.monitor.capture import Capture, Receipt
from tests.monitor.capture.traffic_model import ALWAYS, AUDIT, MONITOR, START, Memory, Model, batches, clock, same


def record(key: Any, hours: float = 0, **more: Any) -> dict[str, Any]:
    time = (START + timedelta(hours=hours)).isoformat()
    return {"id": key, "time": time, "sex": "F", "approved": 1, **more}


def opened(folder: Path) -> Capture:
    return Capture(folder, MONITOR, clock=clock)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6), chances=st.randoms(use_true_random=False))
def test_whenever_one_seals_counts_and_restarts_the_sums_are_those_of_the_model(
    tmp_path_factory: pytest.TempPathFactory, seed: int, chances: Any
) -> None:
    folder, store, model = tmp_path_factory.mktemp("capture"), Memory(), Model()
    capture = opened(folder)
    for kind, batch in batches(seed, 10, ids=90):
        model.take(kind, batch)
        (capture.accept if kind == "predictions" else capture.accept_truth)(batch)
        if chances.random() < 0.3:
            capture.seal()
        if chances.random() < 0.3:
            expected = capture.cells_changed()
            assert capture.counted(store) == expected
            assert capture.cells_changed() == []
        if chances.random() < 0.3:
            capture.close()
            capture = opened(folder)
    capture.seal()
    capture.counted(store)
    assert same(store.cells("all"), model.cells("all"))
    assert same(store.cells("labelled"), model.cells("labelled"))
    assert capture.corrections() == len(model.corrections)
    frame = capture.frame(ALWAYS, labelled=True)
    matched = len(model.rows.keys() & model.labels.keys())
    assert (frame.height if frame is not None else 0) == matched
    if frame is not None:
        whole = [*store.cells("labelled").values()]
        assert tally_of(AUDIT, frame) == sum(whole[1:], whole[0])


def test_the_same_batch_twice_counts_once(tmp_path: Path) -> None:
    capture, store = opened(tmp_path), Memory()
    batch = [record(key) for key in range(10)]
    assert capture.accept(batch, batch_id="a") == Receipt(10, 0)
    assert capture.accept(batch, batch_id="a") == Receipt(0, 10)
    assert capture.accept(batch) == Receipt(0, 10)
    assert opened(tmp_path).accept(batch, batch_id="a") == Receipt(0, 10)
    assert capture.accept([*batch, record(10), record(10)]) == Receipt(1, 11)
    capture.seal()
    assert capture.accept(batch) == Receipt(10, 0)  # what is sealed is known when these are sealed
    capture.seal()
    assert capture.counted(store) == [cell_of(START, MONITOR.windows)]
    assert capture.counted(store) == []
    assert [tally.rows for tally in store.cells("all").values()] == [11]


def test_the_first_record_wins_across_cells(tmp_path: Path) -> None:
    capture, store = opened(tmp_path), Memory()
    capture.accept([record(1, hours=7), record(1, hours=0, sex="M")])
    capture.seal()
    capture.accept([record(1, hours=13), record(2, hours=13)])
    capture.seal()
    capture.counted(store)
    assert {cell.start - START: tally.rows for cell, tally in store.cells("all").items()} == {
        timedelta(hours=6): 1,
        timedelta(hours=12): 1,
    }


def test_truth_of_many_windows_that_comes_late_is_the_join_at_once(tmp_path: Path) -> None:
    capture, store, model = opened(tmp_path), Memory(), Model()
    rows = [record(key, hours=key % 40, sex="FM"[key % 2], approved=key % 3 % 2) for key in range(600)]
    truth = [{"id": key, "paid": key % 5 % 2} for key in range(100, 700)]
    capture.accept(rows)
    capture.seal()
    capture.counted(store)
    assert store.cells("labelled") == {}
    for start in range(0, 600, 150):
        capture.accept_truth(truth[start : start + 150])
        capture.seal()
        assert len(capture.counted(store)) == 7
    model.take("predictions", rows)
    model.take("truth", truth)
    assert same(store.cells("labelled"), model.cells("labelled"))
    assert sum(tally.rows for tally in store.cells("labelled").values()) == 500


def test_truth_may_come_first_and_with_the_prediction(tmp_path: Path) -> None:
    capture, store = opened(tmp_path), Memory()
    capture.accept_truth([{"id": "1", "label": 1}])
    capture.seal()
    capture.counted(store)
    capture.accept([record(1), record(2, paid=0), record(3, paid=None)])
    capture.seal()
    capture.counted(store)
    frame = capture.frame(ALWAYS, labelled=True)
    assert frame is not None and frame.height == 2 and {*frame.distinct("paid", 5)} == {0, 1}
    assert [tally.rows for tally in store.cells("labelled").values()] == [2]


def test_later_labels_that_differ_are_noted_once(tmp_path: Path) -> None:
    capture = opened(tmp_path)
    for label in (1, 0, 0, 1, 0):
        capture.accept_truth([{"id": 7, "paid": label}])
    capture.seal()
    assert capture.corrections() == 1
    capture.accept_truth([{"id": 7, "paid": 0}, {"id": 8, "paid": 0}, {"id": 8, "paid": 1}])
    capture.seal()
    assert capture.corrections() == 2


def test_truth_without_label_or_without_need_is_refused(tmp_path: Path) -> None:
    capture = opened(tmp_path)
    with pytest.raises(DataError, match="Record 2 has no label; send truth only where paid is known"):
        capture.accept_truth([{"id": 1, "paid": 1}, {"id": 2, "paid": None}])
    with pytest.raises(DataError, match="No column 'paid' in the data"):
        capture.accept_truth([{"id": 1, "pad": 1}])
    bare = MONITOR.model_copy(update={"audit": Audit(predicted_label="approved", facets=("sex",))})
    with pytest.raises(DataError, match="The audit of monitor 'loans' has no label, so no truth is waited for"):
        Capture(tmp_path / "bare", bare).accept_truth([{"id": 1, "paid": 1}])


def test_a_window_holds_its_rows_and_no_others(tmp_path: Path) -> None:
    capture = opened(tmp_path)
    capture.accept([record(key, hours=key) for key in range(24)])
    assert capture.frame(ALWAYS, labelled=False) is None  # nothing is sealed
    capture.seal()
    odd = Window(START + timedelta(hours=5), START + timedelta(hours=8))
    frame = capture.frame(odd, labelled=False)
    assert frame is not None and {*frame.distinct("id", 9)} == {"5", "6", "7"}
    assert capture.frame(odd, labelled=True) is None
    assert sum(len(batch) for batch in frame.batches(["id", "sex"], 2)) == 3
    assert capture.frame(Window(START - timedelta(days=2), START), labelled=False) is None


def test_another_audit_or_other_cells_do_not_add_up(tmp_path: Path) -> None:
    capture = opened(tmp_path)
    capture.accept([record(1)])
    capture.seal()
    capture.counted(Memory())
    changed = MONITOR.model_copy(update={"audit": AUDIT.model_copy(update={"facets": ("sex", "age<30")})})
    with pytest.raises(SpecError, match=r"was for another audit or other windows; .* Give the changed monitor another"):
        Capture(tmp_path, changed).counted(Memory())


def test_what_is_counted_can_be_forgotten(tmp_path: Path) -> None:
    capture, store = opened(tmp_path), Memory()
    capture.accept([record(key, hours=key) for key in range(24)])
    capture.seal()
    assert capture.forget(START + timedelta(hours=12)) == 0
    capture.counted(store)
    assert capture.forget(START + timedelta(hours=12)) == 2
    frame = capture.frame(ALWAYS, labelled=False)
    assert frame is not None and frame.height == 12
    assert sum(tally.rows for tally in store.cells("all").values()) == 24


def test_many_threads_of_several_captures_at_once(tmp_path: Path) -> None:
    captures = [opened(tmp_path), Capture(tmp_path, MONITOR, clock=clock, segment_bytes=20_000)]

    def send(number: int) -> None:
        each = captures[number % 2]
        each.accept([record(number * 10 + place) for place in range(15)])  # a third overlaps with the next batch
        if number % 20 == 0:
            each.seal()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(100)))
    store = Memory()
    captures[0].seal()
    captures[0].counted(store)
    assert sum(tally.rows for tally in store.cells("all").values()) == 1_005


FULL = """
import resource, sys
from evenhand.core.errors import EvenhandError
from tests.monitor.capture.traffic_model import MONITOR, Memory, batches, clock
from evenhand.monitor.capture import Capture
capture, store = Capture(sys.argv[1], MONITOR, clock=clock), Memory()
for kind, batch in batches(3, 30):
    (capture.accept if kind == "predictions" else capture.accept_truth)(batch)
for limit in (1_000, 2_000, 3_000, 4_000, 6_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        capture.seal()
        capture.counted(store)
    except EvenhandError as error:
        print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
capture.seal()
capture.counted(store)
for counted in ("all", "labelled"):
    print(sum(tally.rows for tally in store.cells(counted).values()))
"""


def test_without_space_for_sealing_nothing_is_lost(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "loans")], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    *told, rows, labelled = found.stdout.splitlines()
    assert told and all("what was accepted before is safe. Free some space and try again." in line for line in told)
    model = Model()
    for kind, batch in batches(3, 30):
        model.take(kind, batch)
    assert int(rows) == len(model.rows)
    assert int(labelled) == len(model.rows.keys() & model.labels.keys())
