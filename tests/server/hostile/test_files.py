"""Hostile files: pickles, archives, bombs and damaged bytes end one reader at most, and the server goes on."""

import gzip
import io
import pickle
import random
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import ipc, parquet

from tests.server.conftest import House, Served, built, records
from tests.server.hostile.sending import BINARY, TO, Evil, line_of, parquet_of, stream_of


def test_pickles_and_archives_are_refused(house: House) -> None:
    for content, said in (
        (pickle.dumps(Evil()), "This is a pickle, which can run code when it is read"),
        (b"PK\x03\x04" + b"0" * 100, "This is a zip archive"),
        (b"\x1f\x8b" + b"0" * 100, "This is gzip"),
        (b"PK\x05\x06" + b"0" * 100, "This is neither"),
        (pickle.dumps(Evil(), protocol=0), "This is neither"),
        (b"\x93NUMPY" + b"0" * 100, "This is neither"),
        (b"MZ" + b"0" * 100, "This is neither Parquet, Arrow (file or stream) or JSON Lines."),
    ):
        answer = house.ask("POST", TO, key="submit", content=content, headers=BINARY)
        assert (answer.status_code, said in line_of(answer)) == (415, True)
        for kind in ("application/json", "application/x-python-pickle", "application/zip", ""):
            answer = house.ask("POST", TO, key="submit", content=content, headers={"Content-Type": kind})
            assert answer.status_code in (415, 422)
            line_of(answer)
    assert not Path("/tmp/evenhand-was-here").exists()  # noqa: S108


def test_a_parquet_bomb_breaks_nothing(house: House) -> None:
    """A file of some kilobytes that unpacks to two gigabytes, which its footer does not tell."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), pa.array(["x" * 20_000]))
    bomb = parquet_of(pa.table({"id": text}), compression="zstd")
    assert len(bomb) < 100_000
    answer = house.ask("POST", TO, key="submit", content=bomb, headers=BINARY)
    assert answer.status_code == 413, answer.text
    line_of(answer)
    many = parquet_of(pa.table({"id": pa.nulls(3_000_000, pa.int8())}))
    answer = house.ask("POST", TO, key="submit", content=many, headers=BINARY)
    assert line_of(answer) == "The file holds 3,000,000 rows, more than 2,000,000; send it in parts."
    good = parquet_of(pa.Table.from_pylist(records(0, 10)))
    assert house.ask("POST", TO, key="submit", content=good, headers=BINARY).json()["accepted"] == 10


FILES: list[tuple[pa.Table, str]] = [
    (pa.table({"id": [["a"]]}), "is of type list"),
    (pa.table({"id": [{"a": 1}]}), "is of type struct"),
    (pa.table({"id": [b"a"]}), "is of type binary"),
    (pa.table([["a"], ["b"]], names=["id", "id"]), "The column 'id' comes twice."),
    (pa.table([["a"]], names=[""]), "A column name is empty"),
    (pa.table({"id": ["x" * 70_000]}), "A text in 'id' is longer than 65,536 bytes."),
    (pa.table({"id": pa.array([], pa.string())}), "The file holds no rows."),
]


@pytest.mark.parametrize(("table", "said"), FILES, ids=range(len(FILES)))
def test_files_are_refused_in_one_line(house: House, table: pa.Table, said: str) -> None:
    answer = house.ask("POST", TO, key="submit", content=stream_of(table), headers=BINARY)
    assert answer.status_code in (413, 422)
    assert said in line_of(answer)


def zipped() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("records.jsonl", b" " * 200_000_000)
    return sink.getvalue()


def many_pages() -> bytes:
    """Columns of one long text, again and again, packed to almost nothing."""
    batch = pa.table({f"c{n}": pa.array(["x" * 60_000] * 200) for n in range(8)})
    sink = io.BytesIO()
    with parquet.ParquetWriter(sink, batch.schema, compression="zstd", use_dictionary=False) as writer:
        for _ in range(8):
            writer.write_table(batch)
    return sink.getvalue()


def packed_buffers() -> bytes:
    """Arrow's stream, whose buffers are packed a thousand to one."""
    batch = pa.record_batch({"id": pa.array([0] * 2_000_000, pa.int64())})
    sink = io.BytesIO()
    with ipc.new_stream(sink, batch.schema, options=ipc.IpcWriteOptions(compression="zstd")) as writer:
        for _ in range(60):
            writer.write_batch(batch)
    return sink.getvalue()


def told_larger() -> bytes:
    """A packed buffer that says it holds sixteen exabytes."""
    batch = pa.record_batch({"id": pa.array([0] * 100_000, pa.int64())})
    sink = io.BytesIO()
    with ipc.new_stream(sink, batch.schema, options=ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(batch)
    length = (800_000).to_bytes(8, "little")
    assert sink.getvalue().count(length) >= 1
    return sink.getvalue().replace(length, (2**62).to_bytes(8, "little"))


BOMBS: dict[str, tuple[Callable[[], bytes], tuple[int, ...]]] = {
    "zip": (zipped, (415,)),
    "gzip": (lambda: gzip.compress(b'{"id": 1}\n' * 20_000_000, 9), (415,)),
    "parquet of many pages": (many_pages, (413,)),
    "arrow of packed buffers": (packed_buffers, (413,)),
    "arrow that says it is larger": (told_larger, (413, 422)),
    "json lines nested": (lambda: b'{"id": ' + b"[" * 2_000_000, (422,)),
    "json lines of one line": (lambda: b'{"id": "' + b"x" * 10_000_000 + b'"}', (413, 422)),
    "json lines of many columns": (lambda: b"{%s}" % b",".join(b'"c%d":0' % n for n in range(50_000)), (413, 422)),
    "json lines that change": (lambda: b'{"id": 1}\n' * 9 + b'{"id": {"a": 1}}\n', (422,)),
    "parquet of many columns": (lambda: parquet_of(pa.table({f"c{n}": [0] for n in range(3_000)})), (413,)),
}


@pytest.mark.parametrize(("bomb", "statuses"), BOMBS.values(), ids=BOMBS)
def test_bombs_end_their_reader_while_others_are_served(
    served: Served, bomb: Callable[[], bytes], statuses: tuple[int, ...]
) -> None:
    """Over a socket, with records of others that are taken in the meantime."""
    content, headers = bomb(), {"X-API-Key": served.house.keys["submit"]}
    assert len(content) < 24_000_000
    taken: list[int] = []
    over = threading.Event()

    def others() -> None:
        with httpx.Client(base_url=served.address, headers=headers, timeout=30) as client:
            while not over.is_set() or not taken:
                answer = client.post(TO, json=records(len(taken), 1))
                taken.append(answer.json()["accepted"])
                time.sleep(0.01)

    thread = threading.Thread(target=others)
    thread.start()
    answer = httpx.post(f"{served.address}{TO}", content=content, headers={**headers, **BINARY}, timeout=60)
    over.set()
    thread.join()
    assert answer.status_code in statuses, answer.text
    line_of(answer)
    assert set(taken) == {1}
    good = parquet_of(pa.Table.from_pylist(records(1_000_000, 10)))
    after = httpx.post(f"{served.address}{TO}", content=good, headers={**headers, **BINARY}, timeout=60)
    assert after.json()["accepted"] == 10


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with built(tmp_path_factory.mktemp("kept")) as made:
        yield made


TABLE = pa.Table.from_pylist([{**each, "name": f"n{each['id']}" * 3} for each in records(0, 60)])
WHOLE = {
    "parquet": parquet_of(TABLE),
    "parquet packed": parquet_of(TABLE, compression="zstd", data_page_version="2.0"),
    "arrow": stream_of(TABLE),
    "json lines": b'{"id": 1, "time": "2026-11-20", "sex": "f", "granted": "yes"}\n' * 20,
}


@pytest.mark.parametrize("content", WHOLE.values(), ids=WHOLE)
@settings(max_examples=30, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=25),
    length=st.none() | st.integers(8, 2**20),
)
def test_damaged_files_break_no_more_than_their_reader(
    kept: House, content: bytes, changes: list[tuple[int, int]], length: int | None
) -> None:
    broken = bytearray(content)
    for place, byte in changes:
        broken[place % len(broken)] = byte
    answer = kept.ask("POST", TO, key="submit", content=bytes(broken[:length]), headers=BINARY)
    assert answer.status_code in (200, 413, 415, 422), answer.text
    assert answer.status_code == 200 or line_of(answer)
    assert kept.ask("GET", "/health").status_code == 200


@pytest.mark.slow
def test_a_thousand_damaged_files(kept: House) -> None:
    """More of the same, in the footer too, where lengths and offsets are."""
    chance = random.Random(7)  # noqa: S311
    seen = set()
    for number in range(1_000):
        broken = bytearray([*WHOLE.values()][number % 3])
        first = len(broken) * 2 // 3 if number % 2 else 4
        for _ in range(chance.randint(1, 8)):
            broken[chance.randrange(first, len(broken))] = chance.randrange(256)
        answer = kept.ask("POST", TO, key="submit", content=bytes(broken), headers=BINARY)
        seen.add(answer.status_code)
        assert answer.status_code in (200, 413, 415, 422), answer.text
    assert 422 in seen
