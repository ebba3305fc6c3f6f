"""Hashes of sealed ids: an id that was sealed is always suspected, and what is lost is made again."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.monitor.capture.folder import Folder
from evenhand.monitor.capture.keys import compact, hashed
from evenhand.monitor.capture.seen import Seen
from tests.monitor.capture.traffic_model import MONITOR

IDS = st.lists(st.integers(-(10**18), 10**18).map(str) | st.text(min_size=1, max_size=9), min_size=1, max_size=40)


@settings(deadline=None)
@given(ids=IDS)
def test_an_id_is_stored_as_a_number_only_where_its_text_comes_back(ids: list[str]) -> None:
    assert compact(pa.array(ids)).cast(pa.string()).to_pylist() == ids


@settings(deadline=None)
@given(numbers=st.lists(st.integers(-(10**18) + 1, 10**18 - 1), min_size=1), other=st.text(max_size=5))
def test_an_id_has_one_hash_however_it_is_stored(numbers: list[int], other: str) -> None:
    texts = [str(number) for number in numbers]
    whole = compact(pa.array(texts))
    assert pa.types.is_int64(whole.type)
    mixed = hashed(pa.array([*texts, f"x{other}"]))
    assert hashed(whole).tolist() == mixed[:-1].tolist()
    assert len({*mixed.tolist()}) == len({*texts, f"x{other}"})


def sealed(folder: Folder, number: int, ids: list[str]) -> None:
    path = folder.place("truth", number)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"id": compact(pa.array(ids))}), path)


@settings(max_examples=25, deadline=None)
@given(
    segments=st.lists(st.lists(st.integers(0, 300).map(str) | st.sampled_from("abc"), min_size=1), max_size=9),
    asked=st.lists(st.integers(0, 400).map(str) | st.sampled_from("abcd"), min_size=1),
    lost=st.sampled_from(["nothing", "all", "one run", "the last"]),
)
def test_every_id_that_was_sealed_is_suspected_and_its_file_named(
    tmp_path_factory: object, segments: list[list[str]], asked: list[str], lost: str
) -> None:
    root: Path = tmp_path_factory.mktemp("seen")  # type: ignore[attr-defined]
    folder = Folder(root, MONITOR.windows)
    seen = Seen(folder.seen("truth"))
    for number, ids in enumerate(segments, 1):
        sealed(folder, number, ids)
        if lost != "the last" or number < len(segments):
            seen.add(number, hashed(pa.array(ids)))
    runs = sorted(folder.seen("truth").glob("*.npy"))
    if lost == "all":
        shutil.rmtree(folder.seen("truth"), ignore_errors=True)
    elif lost == "one run" and runs:
        runs[0].unlink()
    found = seen.look(hashed(pa.array(asked)), folder.truth(10**6))
    known = {key for ids in segments for key in ids}
    assert found.maybe.tolist() == [key in known for key in asked]
    numbers = {file.number for file in found.files}
    for number, ids in enumerate(segments, 1):
        assert number in numbers or not {*ids} & {*asked}


def test_runs_of_like_size_are_merged(tmp_path: Path) -> None:
    seen = Seen(tmp_path / "truth")
    for number in range(1, 101):
        seen.add(number, np.arange(number * 1000, number * 1000 + 100, dtype=np.uint64))
    assert len([*(tmp_path / "truth").glob("*.npy")]) < 10
    found = seen.look(np.arange(1000, 101_100, dtype=np.uint64), [])
    assert found.maybe.sum() == 10_000


def test_runs_of_records_that_are_gone_are_let_go(tmp_path: Path) -> None:
    seen = Seen(tmp_path / "truth")
    seen.add(1, np.arange(1_500_000, dtype=np.uint64))
    seen.forget(rows=1_500_000)
    assert len([*(tmp_path / "truth").glob("*.npy")]) == 1
    seen.forget(rows=10)
    assert not [*(tmp_path / "truth").glob("*.npy")]
