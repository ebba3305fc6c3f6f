"""Readers of files: they may be killed, may hang and may be fooled, and are one clear answer each time."""

import os
import signal
import threading
import time
from pathlib import Path

import httpx
import pyarrow as pa
import pytest

from evenhand.server.settings import Parser, Settings, Sizes
from tests.server.conftest import RATES, House, built, records
from tests.server.hostile.sending import BINARY, TO, line_of, parquet_of


def test_a_killed_reader_is_one_clear_answer(tmp_path: Path) -> None:
    """The process that reads is killed while it waits and while it works; the next file is read by a new one."""
    with built(tmp_path, Settings(rates=RATES, parser=Parser(processes=1))) as house:
        good = parquet_of(pa.Table.from_pylist(records(0, 10)))

        def send(content: bytes) -> httpx.Response:
            return house.ask("POST", TO, key="submit", content=content, headers=BINARY)

        assert send(good).status_code == 200
        (first,) = house.app.state.services.parsers.pids()
        os.kill(first, signal.SIGKILL)
        time.sleep(0.2)
        assert send(good).status_code == 200
        (second,) = house.app.state.services.parsers.pids()
        assert second != first
        os.kill(second, signal.SIGSTOP)  # it is at work, as far as anyone can tell
        threading.Timer(0.5, os.kill, (second, signal.SIGKILL)).start()
        answer = send(good)
        assert (answer.status_code, line_of(answer)) == (
            422, "The process that read the file died; nothing else was touched. Check the file.",
        )  # fmt: skip
        assert send(good).status_code == 200
        assert house.ask("GET", "/health").status_code == 200


def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    with built(tmp_path, Settings(rates=RATES, parser=Parser(processes=1, seconds=0.1))) as house:
        good = parquet_of(pa.Table.from_pylist(records(0, 10)))
        house.ask("POST", TO, key="submit", content=good, headers=BINARY)
        (process,) = house.app.state.services.parsers.pids()
        os.kill(process, signal.SIGSTOP)
        answer = house.ask("POST", TO, key="submit", content=good, headers=BINARY)
        assert (answer.status_code, line_of(answer)) == (
            413, "Reading the file took longer than 0.1 seconds; send it in smaller parts.",
        )  # fmt: skip
        assert house.app.state.services.parsers.pids() == []


def test_the_reader_sees_no_secrets(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_OIDC_SECRET", "swordfish")
    good = parquet_of(pa.Table.from_pylist(records(0, 10)))
    house.ask("POST", TO, key="submit", content=good, headers=BINARY)
    for process in house.app.state.services.parsers.pids():
        assert b"swordfish" not in Path(f"/proc/{process}/environ").read_bytes()


def test_small_limits_hold(tmp_path: Path) -> None:
    with built(tmp_path, Settings(rates=RATES, sizes=Sizes(parsed=10_000))) as house:
        content = parquet_of(pa.Table.from_pylist(records(0, 5_000)))
        answer = house.ask("POST", TO, key="submit", content=content, headers=BINARY)
        assert (answer.status_code, "larger than 10,000 bytes unpacked" in line_of(answer)) == (413, True)
