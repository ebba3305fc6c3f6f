"""Processes: however many there are, and whatever ends them, every row is worked on and stands once, in order."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenhand.core.errors import ColumnNotFound, DataError, EvenhandError, ModelError, SpecError
from evenhand.core.spread import Spread
from evenhand.sources import join_predictions, read
from evenhand.sources.processes import frame as processes
from evenhand.sources.processes import over_processes
from tests.sources.process_works import IDENTITY, KINDS, NAMES, TOLD, ending, failing, identity, kinds, telling


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Nothing is left there, nor any process, after a test."""
    import tempfile

    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    gc.collect()
    assert list(folder.iterdir()) == []
    assert workers() == []


def workers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]


def sample(height: int) -> pa.Table:
    random = np.random.default_rng(height)
    words = pa.array(random.choice(["one", "two", "three"], height)).take(pa.array(random.permutation(height)))
    x = pa.array(random.normal(size=height), mask=random.random(height) < 0.1)
    return pa.table({"word": words, "id": np.arange(height) * 2, "x": x})


def whole(frame: Spread) -> pa.Table:
    """The columns of `identity` as the frame has them."""
    names = [*NAMES, "place"]
    tables = [pa.Table.from_pandas(batch, preserve_index=False) for batch in frame.batches(names, 10_000)]
    return pa.concat_tables([table.cast(IDENTITY) for table in tables])


@pytest.fixture
def spread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spread:
    monkeypatch.setattr(processes, "PART", 1000)
    pq.write_table(sample(10_500), tmp_path / "table.parquet", row_group_size=700)
    return over_processes(read(tmp_path / "table.parquet"), "2")


def wanted(height: int) -> pa.Table:
    return sample(height).select(NAMES).append_column("place", pa.array(np.arange(height))).cast(IDENTITY)


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    height=st.integers(1, 3000),
    part=st.integers(50, 4000),
    count=st.sampled_from(["1", "2", "3"]),
    group=st.integers(1, 900),
)
def test_identity_gives_the_table(
    tmp_path_factory: pytest.TempPathFactory, height: int, part: int, count: str, group: int
) -> None:
    """Neither the number of processes nor the size of parts, nor how the file is cut, changes anything."""
    file = tmp_path_factory.mktemp("rows") / "table.parquet"
    pq.write_table(sample(height), file, row_group_size=group)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "PART", max(part, height // 10 + 1))
        found = over_processes(read(file), count).mapped(identity, NAMES, IDENTITY)
    assert list(found.kinds) == IDENTITY.names
    assert whole(found).equals(wanted(height))


def test_tables_in_memory_keep_what_only_they_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PART", 300)
    table = sample(1000).to_pandas().astype({"word": "category"})
    frame = read(table, engine="processes:1")
    found = frame.mapped(kinds, ["word"], KINDS)  # type: ignore[attr-defined]
    assert found.distinct("kind", 3) == ["category"]
    assert whole(frame.mapped(identity, NAMES, IDENTITY)).equals(wanted(1000))  # type: ignore[attr-defined]
    again = frame.at(np.array([0, 300, 999]), ["word", "id"])  # type: ignore[attr-defined]
    assert str(again["word"].dtype) == "category"
    assert again["word"].tolist() == table["word"].iloc[[0, 300, 999]].tolist()
    assert again["id"].tolist() == [0, 600, 1998]


def test_other_tables_and_joins(tmp_path: Path) -> None:
    rows = sample(500)
    pq.write_table(rows, tmp_path / "table.parquet")
    shuffled = rows.take(pa.array(np.random.default_rng(1).permutation(500))).select(["id"])
    answers = shuffled.append_column("answer", pc.add(shuffled["id"], 1))
    joined = over_processes(join_predictions(read(tmp_path / "table.parquet"), read(answers), "id"), "1")
    for frame in (over_processes(read(pl.from_arrow(rows)), "1"), joined):
        assert whole(frame.mapped(identity, NAMES, IDENTITY)).equals(wanted(500))
        assert frame.at(np.array([3, 77]), ["id"])["id"].tolist() == [6, 154]
    assert joined.at(np.arange(500), ["answer"])["answer"].tolist() == list(range(1, 1001, 2))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.sets(st.integers(0, 10_499), max_size=40), start=st.integers(0, 10_000), length=st.integers(0, 500))
def test_rows_at_places_are_those_of_the_batches(spread: Spread, places: set[int], start: int, length: int) -> None:
    table = pd.concat(list(spread.batches(NAMES, 4000)), ignore_index=True)
    for chosen in (np.array(sorted(places), dtype=np.int64), np.arange(start, start + length)):
        found = spread.at(chosen, ["x", "word", "id"])
        pd.testing.assert_frame_equal(found, table.iloc[chosen][["x", "word", "id"]].reset_index(drop=True))


def test_schema_and_names(spread: Spread) -> None:
    assert spread.schema(["x", "id"]) == pa.schema([("x", pa.float64()), ("id", pa.int64())])
    with pytest.raises(ColumnNotFound, match=r"No column 'idd' in the data\. Did you mean 'id'"):
        spread.schema(["idd"])
    with pytest.raises(ColumnNotFound, match="No column 'idd'"):
        spread.at(np.array([1]), ["idd"])
    with pytest.raises(ColumnNotFound, match="No column 'idd'"):
        spread.mapped(identity, ["idd"], IDENTITY)
    for wrong, told in (([-1, 2], "-1"), ([2, 10_500], "10,500")):
        with pytest.raises(
            DataError, match=f"^There is no row {told} in .*table.parquet: its 10,500 rows count from 0.$"
        ):
            spread.at(np.array(wrong), ["id"])
    with pytest.raises(DataError, match="A batch of 0 rows is none; give a size of at least 1"):
        spread.batches(["id"], 0)


def test_an_out_folder_stays_and_is_never_overwritten(spread: Spread, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "a [b] 100%"
    (out.parent / f".{out.name}.unfinished").mkdir(parents=True)
    (out.parent / f".{out.name}.unfinished" / "part-7.parquet").write_text("of a run that was killed")
    found = spread.mapped(identity, NAMES, IDENTITY, out=out)
    assert found.location == str(out)
    assert whole(found).equals(wanted(10_500))
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    assert sorted(path.name for path in out.iterdir()) == [f"part-{number:08d}.parquet" for number in range(11)]
    del found
    gc.collect()
    with pytest.raises(
        DataError, match=r"^There is something at '.*100%' already; move it away, or give another place\.$"
    ):
        spread.mapped(identity, NAMES, IDENTITY, out=out)
    assert len(list(out.iterdir())) == 11


def test_a_place_that_cannot_be_written(spread: Spread, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EvenhandError, match=r"^Cannot write '.*file/out': Not a directory\.$"):
        spread.mapped(identity, NAMES, IDENTITY, out=tmp_path / "file" / "out")


def test_a_temporary_frame_goes_with_its_rows(spread: Spread, own_temporary_folder: Path) -> None:
    found = spread.mapped(identity, NAMES, IDENTITY)
    assert found.location == spread.location
    batches = found.batches(["id"], 100)
    next(batches)
    del found
    gc.collect()
    assert len(list(own_temporary_folder.iterdir())) == 1
    assert sum(len(batch) for batch in batches) == 10_400
    del batches
    gc.collect()
    assert list(own_temporary_folder.iterdir()) == []


@pytest.mark.slow
def test_workers_hold_to_one_thread_and_do_not_run_the_script(spread: Spread) -> None:
    found = spread.mapped(telling, ["id"], TOLD)
    assert found.distinct("threads", 3) == [1]
    assert found.distinct("main", 3) == [""]
    assert 1 <= len(found.distinct("process", 9)) <= 2
    assert os.getpid() not in found.distinct("process", 9)


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
def test_a_worker_that_is_killed_changes_nothing(spread: Spread, tmp_path: Path, times: int) -> None:
    found = spread.mapped(ending(tmp_path, 4000, times), NAMES, IDENTITY)
    assert len(list(tmp_path.glob("mark-*"))) == times
    assert whole(found).equals(wanted(10_500))


@pytest.mark.slow
def test_a_part_that_always_ends_its_worker_is_named(spread: Spread, tmp_path: Path) -> None:
    with pytest.raises(
        EvenhandError,
        match=r"^A worker process was ended 3 times while it did rows 4,000 to 4,999, most likely for want of memory;"
        r" give fewer processes, such as engine='processes:1', or free some memory\.$",
    ):
        spread.mapped(ending(tmp_path, 4000, 99), NAMES, IDENTITY, out=tmp_path / "out")
    assert len(list(tmp_path.glob("mark-*"))) == 3
    assert not list(tmp_path.glob("*out*")) + list(tmp_path.glob(".*out*"))


def test_exceptions_of_the_work_reach_the_user_at_once(spread: Spread, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^The model m answered text\.$"):
        spread.mapped(
            failing(tmp_path, lambda: ModelError("The model m answered text.")), NAMES, IDENTITY, out=tmp_path / "out"
        )
    assert len(list(tmp_path.glob("tried-*"))) == 1
    with pytest.raises(ColumnNotFound, match=r"^No column 'agee' in the data\. Did you mean 'age'\?$"):
        spread.mapped(failing(tmp_path, lambda: ColumnNotFound("agee", ["age"])), NAMES, IDENTITY)
    with pytest.raises(EvenhandError, match="KeyError") as caught:
        spread.mapped(failing(tmp_path, lambda: KeyError("x")), NAMES, IDENTITY)
    assert str(caught.value) == "The work failed at rows 3,000 to 3,999: KeyError: 'x'"
    assert "raise error()" in caught.value.__notes__[0]
    assert not list(tmp_path.glob("*out*")) + list(tmp_path.glob(".*out*"))


def test_work_that_cannot_travel(spread: Spread) -> None:
    lock = threading.Lock()
    told = "The work cannot be sent to other processes: TypeError: cannot pickle '_thread.lock' object; leave engine out, or"
    with pytest.raises(EvenhandError, match=f"^{told} give a model without open files, locks or connections.$"):
        spread.mapped(lambda rows: rows if lock.locked() else identity(rows), NAMES, IDENTITY)


def test_counts_and_tables_that_are_refused() -> None:
    table = read({"x": [1, 2]})
    assert over_processes(table, "").processes == len(os.sched_getaffinity(0))  # type: ignore[attr-defined]
    assert over_processes(over_processes(table, "3"), "4").processes == 4  # type: ignore[attr-defined]
    for wrong in ("0", "two", "-1", "1.5", "²"):
        with pytest.raises(
            SpecError, match=rf"^engine='processes:{wrong}' is unknown; give a number of processes of at l"
        ):
            over_processes(table, wrong)
    import duckdb

    with pytest.raises(
        DataError, match=r"^a DuckDB relation cannot be gone through by several processes; give a file, a"
    ):
        read(duckdb.connect().sql("SELECT 1 AS x"), engine="processes")


SCRIPT = """
import sys, time
import pyarrow as pa
import evenhand.sources as sources
print("the script runs", flush=True)
def slow(rows):
    for table in rows:
        yield table.rename_columns(["x", "place"])
        time.sleep(SLEEP)
rows = sources.read({"x": list(range(200_000))}, engine="processes:2")
found = rows.mapped(slow, ["x"], pa.schema([("x", pa.int64()), ("place", pa.int64())]), out=sys.argv[1])
print(found.height)
"""


@pytest.mark.slow
def test_a_script_needs_no_guard_and_is_not_run_again(tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text(SCRIPT.replace("SLEEP", "0"))
    told = subprocess.run([sys.executable, file, tmp_path / "out"], capture_output=True, text=True, check=True)
    assert told.stdout.split("\n") == ["the script runs", "200000", ""]
    assert told.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_the_parent(tmp_path: Path, sign: signal.Signals) -> None:
    """Ctrl-C leaves nothing behind; where the parent itself is killed, its workers go too."""
    file = tmp_path / "script.py"
    file.write_text(SCRIPT.replace("SLEEP", "60"))
    script = subprocess.Popen(
        [sys.executable, file, tmp_path / "out"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    parent = psutil.Process(script.pid)
    deadline = time.monotonic() + 120
    while len(children := parent.children()) < 3 or not list(tmp_path.glob(".out.unfinished/.part*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for process in [script.pid, *(child.pid for child in children)] if sign == signal.SIGINT else [script.pid]:
        os.kill(process, sign)  # as a terminal does: Ctrl-C is for the whole group
    _, errors = script.communicate(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
    if sign == signal.SIGINT:
        assert errors.count(b"KeyboardInterrupt") == 1
        assert sorted(path.name for path in tmp_path.iterdir()) == ["script.py"]
