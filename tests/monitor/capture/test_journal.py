"""The journal keeps what it has acknowledged, and only that, whatever happens to the end of its file."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.core.errors import EvenhandError, UnreadableSource
from evenhand.monitor.capture.journal import PREDICTIONS, TRUTH, Framed, Journal

FRAMES = [Framed(PREDICTIONS, b"first"), Framed(TRUTH, b""), Framed(PREDICTIONS, b"third" * 9)]


def held(folder: Path) -> list[Framed]:
    return list(Journal(folder).waiting())


def test_frames_come_back_in_order_from_any_process(tmp_path: Path) -> None:
    first, second = Journal(tmp_path), Journal(tmp_path)
    first.append(FRAMES[:1])
    second.append(FRAMES[1:2])
    first.close_segment()
    second.append(FRAMES[2:])
    assert held(tmp_path) == FRAMES
    assert first.closed() == [1]
    assert list(second.frames(1)) == FRAMES[:2]


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 200), noise=st.binary(max_size=40))
def test_a_torn_tail_is_cut_and_writing_goes_on(
    tmp_path_factory: pytest.TempPathFactory, cut: int, noise: bytes
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    Journal(folder).append(FRAMES)
    path = folder / "00000001.open"
    whole = path.read_bytes()
    cut = min(cut, len(whole))
    ends = [0]
    for frame in FRAMES:
        ends.append(ends[-1] + len(frame.packed()))
    path.write_bytes(whole[:cut] + (noise if cut in ends else b""))
    kept = FRAMES[: sum(end <= cut for end in ends) - 1]
    assert held(folder)[: len(kept)] == kept
    assert len(held(folder)) == len(kept)
    Journal(folder).append(FRAMES[:1])
    assert held(folder) == [*kept, FRAMES[0]]


def test_a_writer_cuts_what_another_left_torn(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(FRAMES[:1])
    with (tmp_path / "00000001.open").open("ab") as file:
        file.write(FRAMES[2].packed()[:-1])
    journal.append(FRAMES[1:2])
    assert held(tmp_path) == FRAMES[:2]


def test_a_full_segment_is_closed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=100)
    for _ in range(6):
        journal.append([FRAMES[2]])
    assert journal.closed() == [1, 2, 3, 4, 5]
    assert journal.first() == 1
    for number in (1, 2):
        journal.drop(number)
    assert journal.first() == 3
    assert held(tmp_path) == [FRAMES[2]] * 4


def test_numbers_are_never_given_twice(tmp_path: Path) -> None:
    for expected in (1, 2, 3):
        journal = Journal(tmp_path)
        journal.append(FRAMES)
        journal.close_segment()
        assert journal.closed() == [expected]
        journal.drop(expected)


def test_damage_in_a_closed_segment_is_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(FRAMES)
    journal.close_segment()
    path = tmp_path / "00000001.segment"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(UnreadableSource, match=r"damaged at byte 23; take it from a backup"):
        list(journal.frames(1))


def test_threads_share_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, sync = Journal(tmp_path), os.fsync
    syncs: list[int] = []

    def slow(descriptor: int) -> None:
        syncs.append(descriptor)
        sync(descriptor)
        gate.wait(0.02)

    def send() -> None:
        for _ in range(5):
            journal.append([FRAMES[0]])

    gate = threading.Event()
    monkeypatch.setattr(os, "fsync", slow)
    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert held(tmp_path) == [FRAMES[0]] * 100
    assert len(syncs) < 40


FULL = """
import resource, signal, sys
from pathlib import Path
from evenhand.core.errors import EvenhandError
from evenhand.monitor.capture.journal import Framed, Journal
journal = Journal(Path(sys.argv[1]))
journal.append([Framed(b"p", b"kept" * 50)])
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
for size in (500, 90, 50):
    try:
        journal.append([Framed(b"t", bytes(size))])
        print("kept", size)
    except EvenhandError as error:
        print(error)
"""


def test_without_space_nothing_is_acknowledged_and_the_rest_goes_on(tmp_path: Path) -> None:
    found = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    lines = found.stdout.splitlines()
    told = f"Nothing was accepted: no space is left for {str(tmp_path)!r}. Free some space and send it again."
    assert lines == [told, told, "kept 50"]
    assert held(tmp_path) == [Framed(b"p", b"kept" * 50), Framed(b"t", bytes(50))]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EvenhandError, match=r"Cannot write .*File exists"):
        Journal(tmp_path / "file" / "journal")
